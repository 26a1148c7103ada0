# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# Makes stacks, and brings them up to date. infra/up reads this file.

# The names of the parameters that a stack has.
known_parameters() {
  local seen="seen_${1//-/_}"
  printf '%s\n' "${!seen}" | sed -n $'s/^parameter:\\([A-Za-z0-9]*\\)\t.*/\\1/p'
}

# Sets `parameters` to the JSON of all parameters of a stack: those that are given or derived, and the stack's own values
# for the others, or for all with `keeps_values`.
keeps_values=false
parameters_json() {
  local stack=$1 parameter value names
  parameters=
  names=$(parameters_of "$stack")
  # With the stack's own template, the stack's own parameters.
  if [[ $keeps_values == true ]]; then names=$(known_parameters "$stack"); fi
  for parameter in $names; do
    if [[ $keeps_values == false ]] && value=$(value_of "$stack.$parameter"); then
      parameters="$parameters,{\"ParameterKey\":\"$parameter\",\"ParameterValue\":$(json "$value")}"
    elif has "$stack" "parameter:$parameter"; then
      parameters="$parameters,{\"ParameterKey\":\"$parameter\",\"UsePreviousValue\":true}"
    fi
  done
  parameters="[${parameters#,}]"
}

# make STACK: creates or updates it, and waits.
make() {
  local stack=$1 start=$SECONDS parameter
  settle "$stack"
  check_owner "$stack"
  if is_broken "$stack"; then
    say "  $(stack_name "$stack"): $(status_of "$stack"), so it is deleted and made again"
    for parameter in $(parameters_of "$stack"); do
      value_of "$stack.$parameter" > /dev/null ||
        derive_value "$stack.$parameter" "$(known "$stack" "parameter:$parameter")"
    done
    if [[ $stack == database ]]; then unprotect "$(resource_of database Database)"; fi
    delete_stack "$stack"
  fi
  local operation=update before=
  if is_absent "$stack"; then operation=create; fi
  if [[ $stack == service ]]; then
    read_newest_deployment
    before=$newest
    record_revision
  fi
  send "$stack" "$operation" --template-body "file://$directory/$stack.yaml"
  if [[ $stack == service && ($sent == true || $is_recorded == true) ]]; then await_deployment "$before"; fi
  if [[ $sent == false ]]; then
    say "  $(stack_name "$stack"): unchanged"
    if [[ $stack == service && $is_recorded == false ]]; then note_outcome; fi
    return
  fi
  say "  $(stack_name "$stack"): ${operation}d in $((SECONDS - start)) s"
  if [[ $stack == service && $operation == create ]]; then
    read_service
    put_revision "$revision"
    # An update that fails goes back to the values of the one before, which so far are the family's name.
    keeps_values=true
    send service update --use-previous-template
    keeps_values=false
  fi
}

# send STACK create|update OPTION…: one operation, and its end. Sets `sent` to false where there was nothing to update.
send() {
  local stack=$1 operation=$2
  shift 2
  parameters_json "$stack"
  new_token
  sent=true
  busy="stack $(stack_name "$stack")"
  # An update without tags keeps those that the stack has, also those of others.
  if [[ $operation == create ]]; then set -- "$@" --tags "Key=$OWN_TAG,Value=$(owner_of "$stack")"; fi
  if ! change aws cloudformation "$operation-stack" --stack-name "$(stack_name "$stack")" --parameters "$parameters" \
    --capabilities CAPABILITY_NAMED_IAM --client-request-token "$token" "$@" > /dev/null; then
    if [[ $(why) == *'No updates are to be performed'* ]]; then
      busy=
      sent=false
      return
    fi
    fail 1 "$operation $busy: $(why)" 'mend that, and run the same command again'
  fi
  settle "$stack"
  case $(status_of "$stack") in
    CREATE_COMPLETE | UPDATE_COMPLETE) ;;
    *)
      explain "$stack"
      fail 1 "$operation stack $(stack_name "$stack"): $(status_of "$stack")" \
        'mend what the lines above name, and run the same command again'
      ;;
  esac
}
