# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time: what this one sets, the others read, and the other way round.
#
# What infra/up and infra/down share. It runs on bash 3.2, which macOS has: no associative arrays, no mapfile.

# The tag of the stacks that infra/up makes, with their --name as its value. Nothing without it is changed or deleted.
readonly OWN_TAG=fargate-migrate
# One for the account, whatever the --name.
readonly PROVIDER_STACK=github-oidc-provider
readonly PROVIDER_URL=token.actions.githubusercontent.com
# Seconds between two looks at something that AWS is busy with.
readonly POLL=${INFRA_POLL:-5}
# Seconds that AWS may be busy with a stack. A database takes a quarter of an hour.
readonly LONGEST=7200

directory=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" > /dev/null && pwd)
plan=false
finished=false # without it and without an error, a signal has ended the script
busy=          # what AWS is busy with for this script
problems=0
operations=0

say() { printf '%s\n' "$*"; }

# fail CODE MESSAGE [HINT]: ends the script. 2 is for what can be mended before a second try, 1 for what AWS refused.
fail() {
  printf 'error: %s\n' "$2" >&2
  if [[ -n ${3:-} ]]; then printf 'hint: %s\n' "$3" >&2; fi
  : > "$errors"
  exit "$1"
}

# problem MESSAGE HINT: collects, so that one run names everything that is wrong.
problem() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  problems=$((problems + 1))
}

# Runs a command that changes something. A plan never gets here; this makes sure of it.
change() {
  if [[ $plan != false ]]; then fail 1 "a plan would have changed something: $*"; fi
  "$@"
}

# pause N: as long as N looks are apart.
pause() {
  local n
  for ((n = 0; n < $1; n++)); do sleep "$POLL"; done
}

errors=$(mktemp)
trap finish EXIT

# The AWS CLI. Its error output is kept for `why`, so that warnings do not get into answers.
aws() {
  local code=0
  command aws "$@" 2> "$errors" || code=$?
  # bash may lose a Ctrl-C that comes in a command substitution. The CLI has got it as well.
  if ((code == 130)); then kill -TERM "$$"; fi
  return "$code"
}

# The last line of what the AWS CLI has complained about.
why() { grep -v '^[[:space:]]*$' "$errors" | tail -n 1 || true; }

# Also where a signal ends the script. A trap for signals would do for that, but bash 5.2 may run one while it parses a command
# substitution, and then fails with a syntax error.
finish() {
  local code=$?
  if ((code == 0)) && [[ $finished == false ]]; then
    printf '\ninterrupted\n' >&2
    if [[ $busy == deployment* ]]; then
      printf 'hint: ECS goes on with the %s. Run the same command again when it has ended: it says how\n' "$busy" >&2
    elif [[ -n $busy ]]; then
      printf 'hint: AWS goes on with the %s. Run the same command again: it waits for that and continues\n' "$busy" >&2
    fi
  elif ((code != 0 && code != 2)) && [[ -s $errors ]]; then
    printf 'error: %s\n' "$(why)" >&2
  fi
  rm -f "$errors"
}

# Tells whether the AWS CLI has complained that there is no such thing.
is_absence() {
  case $(< "$errors") in
    *'does not exist'* | *NotFound* | *NoSuchEntity* | *"can't find"*) return 0 ;;
    *) return 1 ;;
  esac
}

# is_there WHAT COMMAND…: tells whether a describing command finds its object. What may not be read counts as absent, and
# is said.
is_there() {
  local what=$1 text
  shift
  if text=$("$@"); then
    [[ -n $text && $text != None ]]
    return
  fi
  if ! is_absence; then say "note: $what could not be looked for: $(why)"; fi
  return 1
}

# Sets the Region and the account, and checks the AWS CLI.
find_account() {
  type -P aws > /dev/null ||
    fail 2 'the AWS CLI is not installed' 'see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html'
  export AWS_PAGER=
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}
  [[ -n $region ]] || fail 2 'no Region is set' 'pass --region, or set AWS_REGION'
  export AWS_REGION=$region AWS_DEFAULT_REGION=$region
  local text
  text=$(aws sts get-caller-identity --query Account --output text) ||
    fail 2 "ask AWS for the account: $(why)" 'sign in, for example with aws login or aws sso login'
  account=$text
}

check_name() {
  [[ -n $name ]] || fail 2 'no name is given' 'pass --name, such as --name shop: all names begin with it'
  [[ $name =~ ^[a-z][a-z0-9-]{1,28}[a-z0-9]$ ]] ||
    fail 2 "invalid value '$name' for '--name'" 'use three to thirty lower-case letters, digits and dashes'
  # Parameter Store, EC2 and RDS refuse names that begin or look so.
  case $name in
    aws* | ssm* | sg-* | *--*)
      fail 2 "invalid value '$name' for '--name'" 'use another name: not aws…, ssm… or sg-…, and no two dashes in a row'
      ;;
  esac
}

# json TEXT: a string of JSON.
json() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "$text"
}

stack_name() {
  if [[ $1 == github-provider ]]; then printf '%s' "$PROVIDER_STACK"; else printf '%s-%s' "$name" "$1"; fi
}

owner_of() { if [[ $1 == github-provider ]]; then printf '%s' "$PROVIDER_STACK"; else printf '%s' "$name"; fi; }

# look STACK: asks AWS about a stack. `known` answers from what it said, until the next look.
look() {
  local text
  if text=$(aws cloudformation describe-stacks --stack-name "$(stack_name "$1")" --output text --query "Stacks[0].[
      [['status', StackStatus]],
      Tags[].[join('', ['tag:', Key]), Value],
      Parameters[].[join('', ['parameter:', ParameterKey]), ParameterValue, ResolvedValue],
      Outputs[].[join('', ['output:', OutputKey]), OutputValue]]"); then
    :
  elif is_absence; then
    text=
  else
    fail 1 "describe stack $(stack_name "$1"): $(why)" 'this needs cloudformation:DescribeStacks'
  fi
  printf -v "seen_${1//-/_}" '%s' "$text"
}

# known STACK KEY [COLUMN]: `status`, `tag:KEY`, `parameter:KEY` or `output:KEY` of a stack; nothing where it has none.
known() {
  local seen="seen_${1//-/_}" line rest
  while IFS= read -r line; do
    [[ $line == "$2"$'\t'* ]] || continue
    rest=${line#*$'\t'}
    if [[ ${3:-2} == 3 ]]; then rest=${rest#*$'\t'}; fi
    printf '%s' "${rest%%$'\t'*}"
    return
  done <<< "${!seen:-}"
}

has() {
  local seen="seen_${1//-/_}"
  [[ $'\n'${!seen:-} == *$'\n'"$2"$'\t'* ]]
}

# The status of a stack, and "absent" where there is none.
status_of() {
  local status
  status=$(known "$1" status)
  case $status in
    '' | DELETE_COMPLETE) printf absent ;;
    *) printf '%s' "$status" ;;
  esac
}

is_absent() { [[ $(status_of "$1") == absent ]]; }
is_present() { ! is_absent "$1"; }

# resource_of STACK LOGICAL-ID: the name of what a stack has made; nothing where it has not.
resource_of() {
  local text
  text=$(aws cloudformation describe-stack-resource --stack-name "$(stack_name "$1")" --logical-resource-id "$2" \
    --output text --query 'StackResourceDetail.[ResourceStatus, PhysicalResourceId]') || return 0
  case $text in
    CREATE_FAILED* | DELETE_COMPLETE* | *$'\t'None | *$'\t') ;;
    *) printf '%s' "${text#*$'\t'}" ;;
  esac
}

# RDS refuses to delete a server that is protected. Not by an update of the stack, which a stack that was never made, or was
# deleted in part, does not take.
unprotect() {
  [[ -n $1 ]] || return 0
  change aws rds modify-db-instance --db-instance-identifier "$1" --no-deletion-protection --apply-immediately > /dev/null ||
    is_absence || fail 1 "take the deletion protection from $1: $(why)" 'this needs rds:ModifyDBInstance'
}

# A stack that was never made, and that CloudFormation can only delete. One whose deletion failed may still have databases
# and images: only infra/down deletes it.
is_broken() {
  case $(status_of "$1") in
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | REVIEW_IN_PROGRESS) return 0 ;;
    *) return 1 ;;
  esac
}
is_new() { is_absent "$1" || is_broken "$1"; }

# Fails where a stack of this name was made by someone else.
check_owner() {
  is_absent "$1" && return
  [[ $(known "$1" "tag:$OWN_TAG") == "$(owner_of "$1")" ]] ||
    fail 2 "the stack $(stack_name "$1") was not made by infra/up: it does not have the tag $OWN_TAG=$(owner_of "$1")" \
      'pass another --name; nothing was changed'
}

# Waits until AWS is no longer busy with a stack.
settle() {
  local status said='' start=$SECONDS
  while true; do
    look "$1"
    status=$(status_of "$1")
    case $status in
      REVIEW_IN_PROGRESS) break ;; # a change set that nobody has executed
      *_IN_PROGRESS) ;;
      *) break ;;
    esac
    busy="stack $(stack_name "$1")"
    if ((SECONDS - start > LONGEST)); then
      fail 1 "the stack $(stack_name "$1") is $status for more than $((LONGEST / 3600)) hours" \
        'look at its events in the console of CloudFormation; the same command waits again'
    fi
    if [[ $status != "$said" ]]; then
      say "  $(stack_name "$1"): $status"
      said=$status
    fi
    pause 1
  done
  busy=
}

# A name for one operation on a stack: its events carry it.
new_token() {
  operations=$((operations + 1))
  token="infra-$$-$(date +%s)-$operations"
}

# explain STACK: prints why the operation `token` failed.
explain() {
  aws cloudformation describe-stack-events --stack-name "$(stack_name "$1")" --output text \
    --query "StackEvents[?ClientRequestToken=='$token' && contains(ResourceStatus, 'FAILED')].[
      LogicalResourceId, ResourceStatus, ResourceStatusReason]" |
    grep -v 'Resource creation cancelled' | head -n 5 >&2 || true
}

# delete_stack STACK [OPTION…]: deletes a stack that infra/up made, and waits. Network interfaces of tasks that have just
# ended keep security groups and subnets for some minutes, so it tries again.
delete_stack() {
  local stack=$1 try start=$SECONDS
  shift
  for try in 1 2 3; do
    settle "$stack"
    if is_absent "$stack"; then
      say "  $(stack_name "$stack"): deleted in $((SECONDS - start)) s"
      return
    fi
    check_owner "$stack"
    if ((try > 1)); then pause 6; fi
    new_token
    busy="stack $(stack_name "$stack")"
    change aws cloudformation delete-stack --stack-name "$(stack_name "$stack")" --client-request-token "$token" "$@"
    settle "$stack"
    if [[ $(status_of "$stack") == DELETE_FAILED ]]; then explain "$stack"; fi
  done
  is_absent "$stack" && say "  $(stack_name "$stack"): deleted in $((SECONDS - start)) s" && return
  fail 1 "the stack $(stack_name "$stack") was not deleted: $(status_of "$stack")" \
    "delete what the lines above name, and run the same command again. Last of all, this leaves it behind: aws cloudformation delete-stack --region $region --deletion-mode FORCE_DELETE_STACK --stack-name $(stack_name "$stack")"
}
