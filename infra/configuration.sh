# shellcheck shell=bash disable=SC2034,SC2154
# The checks that are off see one file at a time.
#
# The configuration file of fargate-migrate. infra/up reads this file.

# Writes the configuration file, unless one is there.
write_configuration() {
  local lines list
  lines="# yaml-language-server: \$schema=$SCHEMA
#
# What all runs have in common. infra/up wrote it, and does not change it again.
# https://github.com/fargate-migrate/fargate-migrate/blob/main/docs/reference/configuration.md describes it.

cluster: $(known platform output:Cluster)
task-definition: $(known platform output:TaskDefinitionFamily)
repository: $(known platform output:Repository)
region: $region

subnets: $(yaml_list "$(known platform output:TaskSubnetNames)")
security-groups: $(yaml_list "$(known platform output:SecurityGroupName)")"
  if [[ $(known platform output:AssignPublicIp) == true ]]; then lines="$lines"$'\nassign-public-ip: true'; fi
  if [[ $witness == true ]]; then lines="$lines"$'\n\nwitness: true'; fi
  if is_present service; then lines="$lines"$'\n\n'"services: [$(known service output:Service)]"; fi
  if [[ -n $databases ]]; then lines="$lines"$'\n\n'"databases: $(plain_list "$databases")"; fi
  if [[ ! -e $config ]]; then
    mkdir -p "$(dirname "$config")"
    printf '%s\n' "$lines" > "$config.new"
    mv "$config.new" "$config"
    say "  $config: written"
    return
  fi
  list=$(printf '%s\n' "$lines" | grep -v -e '^#' -e '^$' | grep -vxF -f "$config" || true)
  if [[ -z $list ]]; then
    say "  $config: unchanged"
  else
    say "  $config is there already, and stays as it is. These lines are not in it:"
    printf '%s\n' "$list" | sed 's/^/    /'
  fi
}

# As `fargate-migrate init` writes it: what YAML would take for something else is quoted.
plain_list() {
  local one text=
  for one in ${1//,/ }; do
    case $(printf '%s' "$one" | tr '[:upper:]' '[:lower:]') in
      [0-9]* | _[0-9_]* | _ | y | n | yes | no | on | off | true | false | null | nan | inf | infinity | none) one="'$one'" ;;
    esac
    text="$text, $one"
  done
  printf '[%s]' "${text#, }"
}

yaml_list() {
  local one text=
  for one in ${1//,/ }; do text="$text, $(json "$one")"; done
  printf '[%s]' "${text#, }"
}
