# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# What infra/up --plan says. infra/up reads this file.

show_plan() {
  say "account $account, Region $region"
  if [[ $makes_linked_role == true ]]; then say 'create  the service-linked role of ECS'; fi
  local stack
  for stack in "${chosen[@]}"; do show_stack "$stack"; done
  if [[ -n $databases ]] && makes_databases; then say "run     the task $name-databases: ${databases//,/, }"; fi
  if [[ -e $config ]]; then say "keep    $config"; else say "write   $config"; fi
  if is_chosen github; then
    say "set     the rule of the environment $(setting github Environment): for the branch $(setting github Branch), where it has none"
    say "set     the variables of $(value_of github.GithubRepository || known github parameter:GithubRepository)"
  fi
  say 'nothing was changed'
}

# The databases' task is there with the password of a server's master user.
makes_databases() {
  is_chosen database || value_of platform.MasterSecretArn > /dev/null || [[ -n $(known platform output:DatabasesFamily) ]]
}

# The stacks whose outputs a stack takes (`derive`).
sources_of() {
  case $1 in
    platform) printf 'network database' ;;
    service) printf 'network platform' ;;
    github) printf 'platform service' ;;
  esac
}

moving=() # stacks that a plan makes or changes
show_stack() {
  local stack=$1 parameter value before changes=
  if is_broken "$stack"; then
    say "replace the stack $(stack_name "$stack"), which is $(status_of "$stack")"
    moving+=("$stack")
    return
  fi
  for parameter in $(parameters_of "$stack"); do
    value=$(value_of "$stack.$parameter") || continue
    before=$(known "$stack" "parameter:$parameter")
    # Of the parameter in Parameter Store, the value.
    if [[ $stack.$parameter == service.Revision ]]; then
      before=$(known service parameter:Revision 3)
      value=$revision
      [[ $before == arn:* ]] || continue
    fi
    if is_absent "$stack"; then
      changes="$changes"$'\n'"          $parameter: $value"
    elif [[ $value != "$before" ]]; then
      changes="$changes"$'\n'"          $parameter: ${before:-''} → $value"
    fi
  done
  if is_absent "$stack"; then
    say "create  the stack $(stack_name "$stack")$changes"
    moving+=("$stack")
    return
  fi
  if ! has_same_template "$stack"; then changes="$changes"$'\n'"          another template"; fi
  local one from=
  for one in $(sources_of "$stack"); do
    [[ " ${moving[*]-} " != *" $one "* ]] || from="${from:+$from and }$(stack_name "$one")"
  done
  if [[ -z $changes && -z $from ]]; then
    say "keep    the stack $(stack_name "$stack")"
  elif [[ -z $changes ]]; then
    say "maybe   update the stack $(stack_name "$stack"), from new outputs of $from"
    moving+=("$stack")
  else
    say "update  the stack $(stack_name "$stack")$changes"
    moving+=("$stack")
  fi
}

has_same_template() {
  local text
  text=$(aws cloudformation get-template --stack-name "$(stack_name "$1")" --template-stage Original --query TemplateBody \
    --output text) && [[ $text == "$(< "$directory/$1.yaml")" ]]
}
