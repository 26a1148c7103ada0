//! What help shows: `-h` the flags of a first run, on one screen; `--help` and the man pages these first, then all others in
//! their groups.

use clap::Command;

/// The flags of a first run, by their ids; each operation has some of them.
const FIRST: [&str; 21] = [
    "operation",
    "write",
    "name",
    "github",
    "databases",
    "network",
    "framework",
    "database",
    "service",
    "to",
    "named",
    "words",
    "plan",
    "config",
    "cluster",
    "task_definition",
    "region",
    "image",
    "subnets",
    "security_groups",
    "max_parallel",
];
/// Those of one operation alone.
const FIRST_OF_ONE: [(&str, &str); 4] =
    [("workflow", "check"), ("check", "check_command"), ("build", "repository"), ("status", "check")];

/// Gives `-h` of each operation the first flags alone, and `--help` these before all others.
pub(super) fn with_first_flags(command: Command) -> Command {
    command.mut_subcommands(|operation| {
        let mut others = FIRST.len() + 1;
        let name = operation.get_name().to_owned();
        let operation = operation.mut_args(|arg| {
            let id = arg.get_id().as_str();
            let of_one = FIRST_OF_ONE.contains(&(name.as_str(), id)).then_some(FIRST.len());
            match FIRST.iter().position(|first| *first == id).or(of_one) {
                Some(place) => arg.display_order(place).help_heading(None::<&'static str>),
                None => {
                    others += 1;
                    let is_hidden = !arg.is_positional() && id != "help";
                    arg.display_order(others).hide_short_help(is_hidden)
                }
            }
        });
        operation.after_long_help(concat!("The documentation is at ", env!("CARGO_PKG_REPOSITORY"), "."))
    })
}

#[cfg(test)]
mod tests {
    use super::super::command;

    /// Of a laptop: `deploy` has the flags of two operations.
    #[test]
    fn the_short_help_fits_on_a_screen_and_the_long_one_has_every_flag() {
        for mut operation in command().get_subcommands().cloned().collect::<Vec<_>>() {
            let name = operation.get_name().to_owned();
            let (short, long) =
                (operation.render_help().to_string(), operation.render_long_help().to_string());
            assert!(short.lines().count() <= 40, "{name} -h has {} lines:\n{short}", short.lines().count());
            for arg in operation.get_arguments().filter_map(|arg| arg.get_long()) {
                assert!(long.contains(&format!("--{arg}")), "{name} --help lacks --{arg}");
            }
        }
    }

    #[test]
    fn the_help_of_every_operation_begins_with_the_flags_of_a_first_run() {
        for mut operation in command().get_subcommands().cloned().collect::<Vec<_>>() {
            let name = format!("help_of_{}", operation.get_name());
            insta::assert_snapshot!(name, operation.render_long_help());
        }
    }

    #[test]
    fn the_short_help_of_a_migration_has_the_flags_of_a_first_run() {
        let mut command = command();
        let migrate = command.find_subcommand_mut("migrate").expect("migrate");
        insta::assert_snapshot!(migrate.render_help());
    }
}
