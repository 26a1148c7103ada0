//! Workflow commands, found in a step's lines as the runner finds them (ActionCommand.cs, ActionCommandManager.cs).

const NAMES: &[&str] = &[
    "set-env",
    "set-output",
    "save-state",
    "add-mask",
    "add-path",
    "add-matcher",
    "remove-matcher",
    "debug",
    "warning",
    "error",
    "notice",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

/// Reads a stage's lines.
#[derive(Default)]
pub struct Commands {
    /// Names of the commands that took effect.
    pub executed: Vec<String>,
    /// The token that ends a stop, in lower case.
    stopped_until: Option<String>,
}

impl Commands {
    pub fn read(&mut self, line: &str) {
        let Some((name, data)) = self.command(line) else { return };
        match &self.stopped_until {
            Some(token) if *token == name => self.stopped_until = None,
            Some(_) => {}
            None => {
                if name == "stop-commands" {
                    self.stopped_until = Some(data.to_lowercase());
                }
                self.executed.push(name);
            }
        }
    }

    /// `::name k=v::data` at a line's start, else `##[name k=v]data` anywhere.
    fn command<'a>(&self, line: &'a str) -> Option<(String, &'a str)> {
        let known = |text: &str| {
            let name = text.split(' ').next().unwrap_or_default().to_lowercase();
            let known = NAMES.contains(&name.as_str()) || self.stopped_until.as_ref() == Some(&name);
            known.then_some(name)
        };
        let second = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        if let Some((name, data)) = second.and_then(|(name, data)| Some((known(name)?, data))) {
            return Some((name, data));
        }
        let (_, rest) = line.split_once("##[")?;
        let (name, data) = rest.split_once(']')?;
        Some((known(name)?, data))
    }
}

#[test]
fn commands_are_found_where_the_runner_finds_them() {
    let executed = |lines: &[&str]| {
        let mut commands = Commands::default();
        lines.iter().for_each(|line| commands.read(line));
        commands.executed
    };
    assert_eq!(
        executed(&["  ::set-output name=a::b", "x ##[add-mask]e", "x ::error::y"]),
        ["set-output", "add-mask"]
    );
    assert_eq!(executed(&["::unknown::x", "##[nonsense]"]), [""; 0]);
    let stopped =
        ["::stop-commands::T0ken", "::set-output name=a::b", "##[error]x", "::t0ken::", "::error::x"];
    assert_eq!(executed(&stopped), ["stop-commands", "error"]);
}
