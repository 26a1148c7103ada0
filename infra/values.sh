# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# The parameters of the stacks: what flags and other stacks say that they are. infra/up reads this file.

# The names of the parameters of a template, which has them with two spaces in front.
parameters_of() {
  awk '/^[A-Za-z]/ { inside = /^Parameters:/ } inside && /^  [A-Za-z0-9]+:/ { sub(/:.*/, ""); print $1 }' \
    "$directory/$1.yaml"
}

give() { if [[ -n $2 ]]; then given+=("$1=$2"); fi; }

derive_value() { if [[ -n $2 ]]; then derived+=("$1=$2"); fi; }

# value_of STACK.PARAMETER: what another stack or a flag says it is, the last one of them. Fails where neither does.
value_of() {
  local one value is_known=false
  for one in ${derived[@]+"${derived[@]}"} ${given[@]+"${given[@]}"}; do
    if [[ $one == "$1="* ]]; then
      is_known=true
      value=${one#*=}
    fi
  done
  [[ $is_known == true ]] && printf '%s' "$value"
}

# What the flags say about the parameters.
find_values() {
  give network.WayOut "$network"
  if [[ -n $vpc ]]; then
    give platform.VpcId "$vpc"
    give platform.TaskSubnets "$subnets"
    give platform.AssignPublicIp "$public_ip"
    give service.PublicSubnets "$public_subnets"
  fi
  if [[ -n $secret$database_group$database_host$database_port ]] && is_chosen database; then
    problem "the stack $(stack_name database) is there or is asked for, and --database-secret and its like name another server" \
      'omit them, or pass another --name'
  fi
  refuse_derived
  give platform.SecretArn "$secret"
  give platform.DatabaseSecurityGroup "$database_group"
  give platform.DatabaseHost "$database_host"
  give platform.DatabasePort "$database_port"
  give platform.Command "$command"
  if [[ $witness == true ]]; then give github.Witness true; fi
  if is_new service; then
    # Of one that failed when it was made: what it was given.
    service_database=${service_database:-$(known service parameter:DatabaseName)}
    image=${image:-$(value_of service.Image || known service parameter:Image)}
    value_of service.DatabaseName > /dev/null || give service.DatabaseName "${service_database:-${databases%%,*}}"
  else
    give service.DatabaseName "$service_database"
  fi
  give service.CertificateArn "$certificate"
  if [[ -n $github ]]; then
    if [[ -z $owner_id || -z $repository_id ]] && [[ $(known github parameter:GithubRepository) != "$github" ]]; then
      ask_github
    fi
    give github.GithubRepository "$github"
    give github.GithubOwnerId "$owner_id"
    give github.GithubRepositoryId "$repository_id"
  fi
  local stack
  for stack in ${chosen[@]+"${chosen[@]}"}; do derive "$stack"; done
}

# A value that another stack gives would be back in the next run.
refuse_derived() {
  local one key stack
  for one in ${given[@]+"${given[@]}"}; do
    key=${one%%=*}
    if [[ $key == *.Name ]]; then
      problem "'--set $one' names the stack's objects differently from --name" 'pass another --name'
      continue
    fi
    for stack in ${chosen[@]+"${chosen[@]}"}; do
      derived=()
      derive "$stack"
      if [[ " ${derived[*]-} " == *" $key="* ]]; then
        problem "another stack gives $key, so '--set $one' would not last" 'omit it, or pass another --name'
      fi
    done
    derived=()
  done
}

# derive STACK: the parameters that are outputs or parameters of the stacks before it.
derive() {
  if [[ $1 != github-provider ]]; then derive_value "$1.Name" "$name"; fi
  case $1 in
    database)
      derive_value database.VpcId "$(known network output:VpcId)"
      derive_value database.Subnets "$(known network output:PrivateSubnets)"
      if is_absent network && [[ -n $vpc ]]; then
        derive_value database.VpcId "$vpc"
        derive_value database.Subnets "$subnets"
      fi
      ;;
    platform)
      if is_present network; then
        derive_value platform.VpcId "$(known network output:VpcId)"
        derive_value platform.TaskSubnets "$(known network output:TaskSubnets)"
        derive_value platform.TaskSubnetNames "$(known network output:TaskSubnetNames)"
        derive_value platform.AssignPublicIp "$(known network output:AssignPublicIp)"
      fi
      if is_present database; then
        derive_value platform.SecretArn "$(known database output:SecretArn)"
        derive_value platform.MasterSecretArn "$(known database output:MasterSecretArn)"
        derive_value platform.DatabaseSecurityGroup "$(known database output:SecurityGroupId)"
      fi
      ;;
    service)
      local parameter
      for parameter in VpcId SecretArn SecretKeyArn DatabaseHost DatabasePort TaskSubnets AssignPublicIp; do
        derive_value "service.$parameter" "$(known platform "parameter:$parameter")"
      done
      derive_value service.PublicSubnets "$(known network output:PublicSubnets)"
      derive_value service.Cluster "$(known platform output:Cluster)"
      derive_value service.TaskSecurityGroup "$(known platform output:SecurityGroup)"
      derive_value service.RepositoryName "$(known platform output:Repository)"
      derive_value service.Revision "$(known platform output:ServiceRevisionParameter)"
      ;;
    github)
      derive_value github.Cluster "$(known platform output:Cluster)"
      derive_value github.Family "$(known platform output:TaskDefinitionFamily)"
      derive_value github.Repository "$(known platform output:Repository)"
      derive_value github.LogGroup "$(known platform output:LogGroup)"
      derive_value github.ExecutionRole "$(known platform output:ExecutionRole)"
      derive_value github.TaskRole "$(known platform output:TaskRole)"
      if is_present service; then
        derive_value github.Service "$(known service output:Service)"
        derive_value github.ServiceFamily "$(known service output:Family)"
        derive_value github.ServiceLogGroup "$(known service output:LogGroup)"
        derive_value github.ServiceExecutionRole "$(known service output:ExecutionRole)"
        derive_value github.ServiceTaskRole "$(known service output:TaskRole)"
        derive_value github.ServiceRevisionParameter "$(known platform output:ServiceRevisionParameter)"
      fi
      ;;
  esac
}
