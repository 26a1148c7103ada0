# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# The repository on GitHub: its numbers, variables and environment. infra/up reads this file.

ask_github() {
  local ids=
  if command -v gh > /dev/null; then
    ids=$(gh api "repos/$github" --jq '"\(.owner.id) \(.id) \(.full_name)"' 2> /dev/null) || ids=
  fi
  if [[ $ids =~ ^([0-9]+)\ ([0-9]+)\ ([^\ ]+/[^\ ]+)$ ]]; then
    owner_id=${BASH_REMATCH[1]} repository_id=${BASH_REMATCH[2]}
    # GitHub ignores case and follows a rename; AWS compares the name in a token with that in the role, letter by letter.
    if [[ $github != "${BASH_REMATCH[3]}" ]]; then say "note: GitHub calls the repository ${BASH_REMATCH[3]}"; fi
    github=${BASH_REMATCH[3]}
  else
    problem "the numbers of $github on GitHub are not known, which its tokens have" \
      'pass --github-owner-id and --github-repository-id, or sign in with gh auth login'
  fi
}

# PlanRole is PLAN_ROLE.
variable_of() { printf '%s' "$1" | sed 's/Role$/_ROLE/' | tr '[:lower:]' '[:upper:]'; }

gh_works() { command -v gh > /dev/null && gh auth status > /dev/null 2> /dev/null; }

set_variables() {
  local repository output value variable has_gh=false
  is_present github || return 0
  repository=$(known github parameter:GithubRepository)
  if gh_works; then
    has_gh=true
  else
    say "  gh is not here or not signed in. Set these variables of $repository:"
  fi
  for output in PlanRole BuildRole MigrateRole AdminRole DeployRole RollbackRole ServiceRevision; do
    variable=$(variable_of "$output")
    value=$(known github "output:$output")
    if [[ $output == ServiceRevision ]]; then
      variable=SERVICE_REVISION_PARAMETER
      value=$(known github parameter:ServiceRevisionParameter)
    fi
    [[ -n $value ]] || continue
    if [[ $has_gh == false ]]; then
      say "    gh variable set $variable --repo $repository --body $value"
    else
      change gh variable set "$variable" --repo "$repository" --body "$value" > /dev/null ||
        fail 1 "set the variable $variable of $repository" 'check gh auth status, and run the same command again'
      say "  the variable $variable of $repository: set"
    fi
  done
}

# setting STACK PARAMETER: the value that the stack will have, or its template's default.
setting() {
  value_of "$1.$2" && return
  if has "$1" "parameter:$2"; then
    known "$1" "parameter:$2"
    return
  fi
  awk -v name="$2" '$0 ~ "^  " name ":" { inside = 1; next } inside && /^  [^ ]/ { exit }
    inside && $1 == "Default:" { gsub(/"/, "", $2); printf "%s", $2 }' "$directory/$1.yaml"
}

# GitHub makes an environment when a job first names it, without protection: then each branch could have the roles that
# change something, which trust that environment. So it is made before them.
protect_environment() {
  local repository environment branch path there policies
  repository=$(setting github GithubRepository)
  environment=$(setting github Environment)
  branch=$(setting github Branch)
  path=repos/$repository/environments/$environment
  if ! gh_works; then
    say "  make the environment $environment of $repository, for the branch $branch alone: Settings, Environments"
    return
  fi
  if ! there=$(gh api "$path" --jq '.deployment_branch_policy | if . == null then "open" elif .protected_branches
    then "protected" else "custom" end' 2>&1); then
    if [[ $there != *'HTTP 404'* ]] ||
      ! there=$(printf '{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}' |
        change gh api --silent --method PUT "$path" --input - 2>&1); then
      unprotected "$there"
      return
    fi
    there=custom
  fi
  case $there in
    open) unprotected 'it is there without a rule' ;;
    protected) unprotected 'it admits all protected branches' ;;
    custom)
      if ! policies=$(gh api "$path/deployment-branch-policies" --jq '.branch_policies[].name' 2>&1); then
        unprotected "$policies"
      elif [[ -n $policies && $policies != "$branch" ]]; then
        unprotected "its rule is ${policies//$'\n'/, }"
      elif [[ -z $policies ]]; then
        if policies=$(change gh api --silent --method POST "$path/deployment-branch-policies" --raw-field "name=$branch" 2>&1)
        then
          say "  the environment $environment of $repository: for the branch $branch"
        else
          unprotected "$policies"
        fi
      fi
      ;;
  esac
}

unprotected() {
  say "note: the environment $environment of $repository is not restricted to the branch $branch: $1. Each branch that it" \
    'admits may use the roles that migrate and deploy. See Settings, Environments'
}
