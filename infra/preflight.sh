# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# What infra/up looks at before it changes anything. infra/up reads this file.

# Finds out before any change what would stop the run halfway.
preflight() {
  check_linked_role
  check_network
  check_database
  check_names
  check_service
}

# A new account's first cluster fails, because ECS makes its role only then (ECS, "Using service-linked roles").
check_linked_role() {
  local text
  if ! text=$(aws iam list-roles --path-prefix /aws-service-role/ecs.amazonaws.com/ --query 'length(Roles)' --output json)
  then
    say "note: the service-linked role of ECS could not be looked for: $(why)"
  elif [[ $text == 0 ]]; then
    makes_linked_role=true
  fi
}

make_linked_role() {
  say '  the service-linked role of ECS: making it'
  change aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com > /dev/null ||
    [[ $(why) == *'has been taken'* || $(why) == *'already exists'* ]] ||
    fail 1 "make the service-linked role of ECS: $(why)" 'this needs iam:CreateServiceLinkedRole'
  # Until every part of IAM knows it.
  pause 2
}

check_network() {
  if is_present platform && ! is_broken platform; then
    if is_chosen network && is_absent network; then
      problem "the platform is in a network that is there, and would move out of it" 'omit --network, or pass another --name'
    elif [[ -n $vpc && $vpc != "$(known platform parameter:VpcId)" ]]; then
      problem "the platform is in $(known platform parameter:VpcId), and would move out of it" \
        'pass that with --vpc, or pass another --name'
    fi
    if is_chosen database && is_absent database; then
      problem 'the platform has a database server that is there, and migrations would go to a new one' \
        'omit --database, or pass another --name'
    fi
  fi
  if is_absent platform && [[ -z $vpc ]] && ! is_chosen network; then
    problem 'the tasks have no network' 'pass --network public, or --vpc and --subnets'
  fi
  if [[ -n $vpc ]] && is_present network; then
    problem "the stack $(stack_name network) is there, and --vpc names another network" 'omit --vpc, or pass another --name'
  elif [[ -n $vpc ]]; then
    local text ids
    IFS=, read -r -a ids <<< "$subnets${public_subnets:+,$public_subnets}"
    if text=$(aws ec2 describe-subnets --subnet-ids "${ids[@]}" --query 'Subnets[].[SubnetId, VpcId]' --output text)
    then
      text=$(printf '%s\n' "$text" | awk -v vpc="$vpc" '$2 != vpc { print $1 }' | tr '\n' ' ')
      if [[ -n $text ]]; then problem "not in $vpc: $text" 'check --vpc and --subnets'; fi
    else
      problem "look for the subnets: $(why)" 'check --subnets and --region'
    fi
  fi
  local parameter value
  for parameter in CidrPrefix Zone1 Zone2; do
    value=$(value_of "network.$parameter") || continue
    if is_present network && ! is_broken network && [[ $value != "$(known network "parameter:$parameter")" ]]; then
      problem "network.$parameter cannot change: what is in the subnets would have to be made again" 'pass another --name'
    fi
  done
  if is_absent network && is_chosen network; then
    check_quota vpc L-F678F1CE 'VPCs per Region' aws ec2 describe-vpcs --query 'length(Vpcs)' --output json
  fi
  local way
  way=$(value_of network.WayOut || known network parameter:WayOut)
  if [[ $way == nat ]] && { is_new network || [[ $(known network parameter:WayOut) != nat ]]; }; then
    check_quota ec2 L-0263D0A3 'Elastic IP addresses per Region' \
      aws ec2 describe-addresses --query 'length(Addresses)' --output json
  fi
  check_quota fargate L-3032A538 'vCPUs of Fargate on demand' echo 0
}

# check_quota SERVICE CODE WHAT COMMAND…: the command prints how many there are; one more has to be allowed.
check_quota() {
  local service_code=$1 code=$2 what=$3 most used
  shift 3
  if ! most=$(aws service-quotas get-service-quota --service-code "$service_code" --quota-code "$code" \
    --query Quota.Value --output text) || ! used=$("$@") || [[ ! $most =~ ^[0-9.]+$ ]]; then
    say "note: the quota of $what could not be read"
    return
  fi
  if ((used >= ${most%.*})); then
    problem "the quota of $what is ${most%.*}, and $used are in use" \
      "aws service-quotas request-service-quota-increase --service-code $service_code --quota-code $code --desired-value N"
  fi
}

check_database() {
  if is_absent platform && [[ -z $secret ]] && ! is_chosen database; then
    problem 'the migrations have no database' 'pass --database, or --database-secret ARN'
  fi
  if is_chosen database && is_absent database && ! is_chosen network && [[ -z $vpc ]]; then
    problem 'the database has no network' 'pass --network, or --vpc and --subnets'
  fi
  if is_chosen database && is_absent database && [[ -n $vpc && $subnets != *,* ]]; then
    problem 'the database needs subnets in two zones' 'pass two or more with --subnets'
  fi
  local way psql_image
  way=$(value_of network.WayOut || known network parameter:WayOut)
  if [[ -n $databases && $way == endpoints ]] && is_chosen database; then
    psql_image=$(value_of platform.DatabasesImage || known platform parameter:DatabasesImage)
    if [[ -z $psql_image || $psql_image == public.ecr.aws/* ]]; then
      problem 'the task that makes databases cannot pull its image from public.ecr.aws without the internet' \
        "omit --databases, copy the image to $name-backend, then pass --databases and --set platform.DatabasesImage=IMAGE"
    fi
  fi
  if [[ -n $secret ]]; then
    local text
    if ! text=$(aws secretsmanager describe-secret --secret-id "$secret" --query '[KmsKeyId, DeletedDate]' --output text)
    then
      problem "look for the secret: $(why)" 'check --database-secret and --region'
    else
      local key=${text%%$'\t'*}
      if [[ ${text##*$'\t'} != None ]]; then
        problem "the secret $secret is scheduled for deletion" "aws secretsmanager restore-secret --secret-id $secret"
      fi
      if [[ $key != None && $key != */alias/aws/secretsmanager && $key != alias/aws/secretsmanager ]] &&
        ! value_of platform.SecretKeyArn > /dev/null; then
        problem "the secret is encrypted with the key $key, which the tasks may not use" \
          'pass its ARN: --set platform.SecretKeyArn=ARN'
      fi
    fi
  fi
}

# Names that something else has: CloudFormation would fail with half of a stack.
check_names() {
  local one
  if is_absent database && is_chosen database; then
    taken "the secret $name/migrations" \
      "aws secretsmanager delete-secret --secret-id $name/migrations --force-delete-without-recovery" \
      aws secretsmanager describe-secret --secret-id "$name/migrations" --query Name --output text
  fi
  if is_absent platform; then
    taken "the repository $name-backend" "aws ecr delete-repository --repository-name $name-backend" \
      aws ecr describe-repositories --repository-names "$name-backend" --output text \
      --query 'repositories[0].repositoryName'
    taken "the cluster $name-cluster" "aws ecs delete-cluster --cluster $name-cluster" \
      aws ecs describe-clusters --clusters "$name-cluster" --query "clusters[?status=='ACTIVE'].clusterName" --output text
    taken_log_group "/ecs/$name-migrations"
    taken "the parameter /$name/service-revision" "aws ssm delete-parameter --name /$name/service-revision" \
      aws ssm get-parameter --name "/$name/service-revision" --query Parameter.Name --output text
  fi
  if is_absent service && is_chosen service; then taken_log_group "/ecs/$name-web"; fi
  if is_absent github && is_chosen github; then
    for one in plan build migrate admin deploy rollback; do
      taken "the role $name-$one" "aws iam delete-role --role-name $name-$one, after its policies" \
        aws iam get-role --role-name "$name-$one" --query Role.RoleName --output text
    done
  fi
}

# taken WHAT COMMAND-TO-DELETE-IT COMMAND…
taken() {
  local what=$1 delete=$2
  shift 2
  if is_there "$what" "$@"; then
    problem "$what is there already, and is not in a stack of --name $name" \
      "pass another --name, or delete it if nothing needs it: $delete"
  fi
}

taken_log_group() {
  taken "the log group $1" "aws logs delete-log-group --log-group-name $1" \
    aws logs describe-log-groups --log-group-name-prefix "$1" --output text \
    --query "logGroups[?logGroupName=='$1'].logGroupName"
}

check_service() {
  is_chosen service || return 0
  if ! is_new service; then
    if [[ -n $image ]]; then
      say 'note: --image counts for a new service only; deploy changes the image of one that is there'
    fi
    find_revision
    read_newest_deployment
    return
  fi
  # Nothing is there; an AWS CLI that is too old, or a permission, is missed before anything is made.
  read_newest_deployment
  if ! value_of service.DatabaseName > /dev/null; then
    problem 'the service has no database' 'pass --service-database NAME'
  fi
  if ! value_of service.PublicSubnets > /dev/null && ! is_chosen network; then
    problem 'the load balancer has no subnets' 'pass --public-subnets with --vpc and --subnets'
  fi
  if [[ -z $image ]]; then
    problem 'the service has no image' \
      'run the first migration, which pushes one and proves it, and pass its --image IMAGE@sha256:…'
    return
  fi
  [[ $image =~ ^.+@sha256:[0-9a-f]{64}$ ]] ||
    problem "invalid value '$image' for '--image'" 'name the digest, as the summary of a migration does: IMAGE@sha256:…'
  local repository
  repository=$(known platform output:RepositoryUri)
  # The execution role of the service pulls from that one alone.
  [[ -z $repository || ${image%%@*} == "$repository" ]] ||
    problem "the image is not in the repository $repository: $image" 'pass the image that a migration proved'
  value_of service.Image > /dev/null || give service.Image "$image"
}
