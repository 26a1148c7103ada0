# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# The task that makes databases. infra/up reads this file.

# await_task CLUSTER ARN FAMILY: waits for the end of a task, and sets `ended` to its status, exit code and reasons.
ended=
await_task() {
  local start=$SECONDS
  busy="task $3"
  while true; do
    ((SECONDS - start < 900)) ||
      fail 1 "the task $3 has not ended after 15 minutes" "aws ecs stop-task --cluster $1 --task $2"
    ended=$(aws ecs describe-tasks --cluster "$1" --tasks "$2" --output text \
      --query 'tasks[0].[lastStatus, containers[0].exitCode, stoppedReason, containers[0].reason]') ||
      fail 1 "describe the task $3: $(why)" 'this needs ecs:DescribeTasks'
    [[ $ended != STOPPED* ]] || break
    pause 1
  done
  busy=
}

# Runs the task that makes the databases. Those that are there stay as they are.
make_databases() {
  local family task text code cluster
  [[ -n $databases ]] || return 0
  family=$(known platform output:DatabasesFamily)
  [[ -n $family ]] || return 0
  cluster=$(known platform output:Cluster)
  say "  the task $family: ${databases//,/, }"
  # One that an interrupted run has left: two would make the same database at once.
  text=$(aws ecs list-tasks --cluster "$cluster" --family "$family" --query 'taskArns[]' --output text) ||
    fail 1 "list the tasks of $family: $(why)" 'this needs ecs:ListTasks'
  for task in $text; do
    if [[ $task == arn:* ]]; then
      say "  the task $family of an earlier run: waiting for its end"
      await_task "$cluster" "$task" "$family"
    fi
  done
  local words=() one public=DISABLED
  for one in ${databases//,/ }; do words+=("$(json "$one")"); done
  if [[ $(known platform output:AssignPublicIp) == true ]]; then public=ENABLED; fi
  local list try
  list=$(IFS=, && printf '%s' "${words[*]}")
  for try in 1 2 3 4 5 6; do
    if text=$(change aws ecs run-task --cluster "$cluster" --task-definition "$family" --launch-type FARGATE \
      --started-by infra-up --query '[tasks[0].taskArn, failures[0].reason]' --output text \
      --network-configuration "awsvpcConfiguration={subnets=[$(known platform output:TaskSubnets)],securityGroups=[$(known \
        platform output:SecurityGroup)],assignPublicIp=$public}" \
      --overrides "{\"containerOverrides\":[{\"name\":\"databases\",\"command\":[$list]}]}"); then
      break
    fi
    # A role that was made a moment ago.
    [[ $(why) == *'unable to assume the role'* && $try != 6 ]] ||
      fail 1 "start the task $family: $(why)" 'the stacks are there; run the same command again'
    pause 1
  done
  task=${text%%$'\t'*}
  [[ $task == arn:* ]] || fail 1 "start the task $family: ${text##*$'\t'}" 'run the same command again'
  await_task "$cluster" "$task" "$family"
  text=$ended
  code=$(printf '%s\n' "$text" | cut -f 2)
  aws logs get-log-events --log-group-name "$(known platform output:LogGroup)" --start-from-head --output text \
    --log-stream-name "databases/databases/${task##*/}" --query 'events[].[message]' | sed 's/^/    /' || true
  [[ $code == 0 ]] || fail 1 "the task $family failed: exit code $code, $(printf '%s\n' "$text" | cut -f 3-)" \
    'run the same command again; what is there already stays'
}
