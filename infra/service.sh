# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# The service: what it runs, and how its deployment ends. infra/up reads this file.

# Sets `revision` to the revision that the service runs, and `deployments` and `state` to what goes on.
revision='' deployments='' state=''
read_service() {
  local text
  text=$(aws ecs describe-services --cluster "$name-cluster" --services "$name-web" --output text --query \
    "services[?status=='ACTIVE'].[taskDefinition, length(deployments), deployments[?status=='PRIMARY'] | [0].rolloutState]") ||
    fail 2 "describe service $name-web: $(why)" 'this needs ecs:DescribeServices'
  read -r revision deployments state <<< "$text"
}

# Sets `newest` to the ARN of the service's newest deployment since yesterday, if it has any, and `outcome` to its status and
# the reason. Neither where there is no service.
newest='' outcome=''
read_newest_deployment() {
  local text
  if ! text=$(aws ecs list-service-deployments --cluster "$name-cluster" --service "$name-web" --max-results 100 \
    --created-at "after=$(($(date +%s) - 86400))" --output text \
    --query 'sort_by(serviceDeployments, &createdAt)[-1].[serviceDeploymentArn, status, statusReason]'); then
    is_absence || fail 1 "list the deployments of the service $name-web: $(why)" \
      'this needs ecs:ListServiceDeployments, and an AWS CLI of November 2024 or newer'
    text=
  fi
  newest=${text%%$'\t'*} outcome=${text#*$'\t'}
  if [[ $newest != arn:* ]]; then newest='' outcome=''; fi
  outcome=${outcome%$'\tNone'}
  outcome=${outcome//$'\t'/: }
}

# What ECS did with the last change stays in its list, also for a run that has nothing to change.
note_outcome() {
  read_newest_deployment
  case $outcome in
    '' | SUCCESSFUL*) ;;
    *) say "note: the newest deployment of the service $name-web is $outcome" ;;
  esac
}

# await_deployment BEFORE: waits for the deployment that a change of the stack has begun, if it is another than the newest
# one before. A stack is complete, too, when ECS has taken its service back to what ran before (containers-roadmap, 1369).
await_deployment() {
  local start=$SECONDS
  local hint="aws ecs describe-services --region $region --cluster $name-cluster --services $name-web has its events"
  busy="deployment of the service $name-web"
  while true; do
    read_newest_deployment
    if [[ $newest == "$1" ]]; then
      read_service
      outcome=${state/COMPLETED/SUCCESSFUL}
      outcome=${outcome:-not there}
    fi
    case $outcome in
      PENDING* | IN_PROGRESS* | STOP_REQUESTED* | ROLLBACK_REQUESTED* | ROLLBACK_IN_PROGRESS*) ;;
      SUCCESSFUL*) break ;;
      *)
        fail 1 "the stack $(stack_name service) is $(status_of service), but the deployment of its service is $outcome" \
          "$hint. The stack has the new values, and the service may have those before: set these once more, then mended ones"
        ;;
    esac
    ((SECONDS - start < LONGEST)) ||
      fail 1 "the deployment of the service $name-web is $outcome for more than $((LONGEST / 3600)) hours" "$hint"
    pause 1
  done
  busy=
}

# During a deployment it is not known what will run, and an update would supersede it (ECS, UpdateService).
find_revision() {
  read_service
  if [[ $revision != arn:* ]]; then
    problem "the service $name-web is not there, although its stack is" \
      "aws cloudformation delete-stack --stack-name $(stack_name service), then run this again"
  elif [[ $state == FAILED ]]; then
    problem "the deployment of the service $name-web has failed, and there was none before that ECS could go back to" \
      "deploy an image that works; or aws cloudformation delete-stack --region $region --stack-name $(stack_name service), \
then run this again with --image"
  elif [[ $deployments != 1 || $state == IN_PROGRESS ]]; then
    problem "a deployment of the service $name-web is under way" 'wait for its end, and run this again'
  fi
}

# Lets the service's stack know what runs, before anything else about it changes: with a failed update, CloudFormation
# sends the values of the last one that succeeded.
is_recorded=false # by an update of its own
record_revision() {
  if is_absent service; then
    # A stack of this name that is gone may have left a revision that is gone as well.
    put_revision "$name-web"
    return
  fi
  find_revision
  if ((problems > 0)); then exit 1; fi
  put_revision "$revision"
  if [[ $(known service parameter:Revision 3) == "$revision" ]]; then return; fi
  keeps_values=true
  send service update --use-previous-template
  keeps_values=false
  is_recorded=$sent
}

put_revision() {
  local parameter
  parameter=$(known platform output:ServiceRevisionParameter)
  change aws ssm put-parameter --name "$parameter" --value "$1" --overwrite > /dev/null ||
    fail 1 "write the parameter $parameter: $(why)" 'this needs ssm:PutParameter'
}
