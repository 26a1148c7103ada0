//! What GitHub's runner does with a step's two streams (actions/runner: ActionCommand.cs, ActionCommandManager.cs).

use std::collections::HashMap;

/// The commands that it knows, without regard to case.
const COMMANDS: [&str; 14] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "warning",
];

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub properties: HashMap<String, String>,
    pub data: String,
}

/// What the streams did, and what the log page shows.
#[derive(Debug, Default)]
pub struct Effects {
    pub executed: Vec<Command>,
    pub shown: String,
    /// The token that would end it.
    pub stopped: Option<String>,
}

/// Takes one stream after the other: their lines can arrive in any order, so both orders are worth a look.
pub fn replay(streams: [&str; 2]) -> Effects {
    let mut effects = Effects::default();
    for stream in streams {
        // .NET's ReadLine: LF, CRLF, and a CR alone.
        for line in stream.replace("\r\n", "\n").split(['\n', '\r']) {
            if !effects.takes(line) {
                effects.shown.push_str(line);
                effects.shown.push('\n');
            }
        }
    }
    effects
}

impl Effects {
    fn takes(&mut self, line: &str) -> bool {
        let Some(command) = self.parsed(line) else { return false };
        if let Some(token) = &self.stopped {
            let resumed = command.name == token.to_lowercase();
            if resumed {
                self.stopped = None;
            }
            return resumed;
        }
        if command.name == "stop-commands" {
            self.stopped = Some(command.data.clone());
        }
        self.executed.push(command);
        true
    }

    fn knows(&self, name: &str) -> bool {
        let token = self.stopped.as_ref().is_some_and(|token| token.to_lowercase() == name);
        token || name == "stop-commands" || COMMANDS.contains(&name)
    }

    /// `::name key=value,…::data` after blanks, else `##[name key=value;…]data` anywhere.
    fn parsed(&self, line: &str) -> Option<Command> {
        let new = || {
            let text: Vec<char> = line.trim_start().chars().collect();
            (find(&text, "::")? == 0).then_some(())?;
            let end = 2 + find(&text[2..], "::")?;
            self.command(&text[2..end], ',', &text[end + 2..], NEW)
        };
        let old = || {
            let text: Vec<char> = line.chars().collect();
            let begin = find(&text, "##[")?;
            let end = begin + text[begin..].iter().position(|char| *char == ']')?;
            self.command(text.get(begin + 3..end)?, ';', &text[end + 1..], OLD)
        };
        new().or_else(old)
    }

    fn command(&self, head: &[char], separator: char, data: &[char], escapes: Escapes) -> Option<Command> {
        let head: String = head.iter().collect();
        let (name, properties) = head.split_once(' ').unwrap_or((&head, ""));
        let name = name.to_lowercase();
        let properties = properties.trim().split(separator).filter_map(|pair| pair.split_once('='));
        let unescaped = |text: &str, escapes: &[(&str, &str)]| {
            escapes.iter().fold(text.to_owned(), |text, (escape, char)| text.replace(escape, char))
        };
        self.knows(&name).then(|| Command {
            properties: properties
                .map(|(key, value)| (key.to_lowercase(), unescaped(value, escapes.properties)))
                .collect(),
            data: unescaped(&data.iter().collect::<String>(), escapes.data),
            name,
        })
    }
}

#[derive(Clone, Copy)]
struct Escapes {
    properties: &'static [(&'static str, &'static str)],
    data: &'static [(&'static str, &'static str)],
}

const NEW: Escapes = Escapes {
    properties: &[("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")],
    data: &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")],
};
const OLD: Escapes = Escapes {
    properties: &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")],
    data: &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")],
};

/// The runner searches by culture, which passes over characters that sort as nothing, and goes on from the place
/// that it found by the length of what it looked for.
fn find(text: &[char], wanted: &str) -> Option<usize> {
    const NOTHING: [char; 7] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\0'];
    (0..text.len()).find(|begin| {
        let mut rest = text[*begin..].iter().filter(|char| !NOTHING.contains(char));
        wanted.chars().all(|char| rest.next() == Some(&char))
    })
}
