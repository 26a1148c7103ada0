#!/usr/bin/env bash
# One migration as deployment workflows do it with the AWS CLI and jq: the steps, the polling and the log of the
# pipeline that fargate-migrate replaces, with what was wrong in it put right, so that both do the same.
#
# From the environment: CLUSTER, TASK_FAMILY, CONTAINER, IMAGE, DATABASE, SUBNETS and SECURITY_GROUPS (a pattern of Name
# tags, or ids with commas between them), and what the AWS CLI needs.
set -euo pipefail

tagged() { # resource type, pattern of the Name tag or ids
  case $2 in subnet-* | sg-*) echo "$2" && return ;; esac
  aws resourcegroupstaggingapi get-resources --resource-type-filters "$1" --output json |
    jq -r --arg pattern "$2" '
      ("^" + ($pattern | gsub("[*]"; ".*")) + "$") as $expression
      | [.ResourceTagMappingList[]
         | select(any(.Tags[]; .Key == "Name" and (.Value | test($expression))))
         | .ResourceARN | split("/") | last]
      | join(",")'
}
subnets=$(tagged ec2:subnet "$SUBNETS")
security_groups=$(tagged ec2:security-group "$SECURITY_GROUPS")

definition=$(aws ecs describe-task-definition --task-definition "$TASK_FAMILY" --include TAGS --output json)
patched=$(jq --arg image "$IMAGE" --arg container "$CONTAINER" --arg database "$DATABASE" '
  .tags as $tags
  | .taskDefinition
  | del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy)
  | .containerDefinitions |= map(
      if .name == $container then
        .image = $image
        | .environment = ([(.environment // [])[] | select(.name != "DATABASE_NAME")]
            + [{name: "DATABASE_NAME", value: $database}])
      else . end)
  | if ($tags // []) == [] then . else .tags = $tags end' <<<"$definition")
revision=$(aws ecs register-task-definition --cli-input-json "$patched" \
  --query taskDefinition.taskDefinitionArn --output text)

started=$(aws ecs run-task --cluster "$CLUSTER" --task-definition "$revision" --launch-type FARGATE \
  --network-configuration \
  "awsvpcConfiguration={subnets=[$subnets],securityGroups=[$security_groups],assignPublicIp=DISABLED}" --output json)
task=$(jq -r '.tasks[0].taskArn // empty' <<<"$started")
if [ -z "$task" ]; then
  jq -r '"RunTask: \(.failures)"' <<<"$started" >&2
  exit 1
fi

# Every six seconds, a hundred times at most: that is the waiter's.
aws ecs wait tasks-stopped --cluster "$CLUSTER" --tasks "$task"

log() { jq -r --arg container "$CONTAINER" --arg key "$1" '
  .taskDefinition.containerDefinitions[] | select(.name == $container) | .logConfiguration.options[$key]' \
  <<<"$definition"; }
aws logs get-log-events --log-group-name "$(log awslogs-group)" --start-from-head \
  --log-stream-name "$(log awslogs-stream-prefix)/$CONTAINER/${task##*/}" --query 'events[].message' --output text

code=$(aws ecs describe-tasks --cluster "$CLUSTER" --tasks "$task" \
  --query "tasks[0].containers[?name=='$CONTAINER'].exitCode | [0]" --output text)
echo "exit code $code"
[ "$code" = 0 ]
