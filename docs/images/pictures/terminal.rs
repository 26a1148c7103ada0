use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::pty::{Winsize, openpty};
use regex_lite::Regex;
use sandbox::{Pace, Script};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::account::{Account, TAG, report};
use crate::{image, say, svg};

const ROWS: u16 = 16;
const COLUMNS: u16 = 140;
/// How long it may take on Fargate until the screen shows what it has to.
const DEADLINE: Duration = Duration::from_secs(900);

/// Short names: the last line counts the fleet, and then names the slowest.
const DATABASES: [&str; 24] = [
    "oslo", "bern", "rome", "lima", "cork", "nice", "bath", "kiel", "metz", "jena", "pisa", "bari", "york",
    "hull", "lviv", "riga", "baku", "doha", "cebu", "kobe", "pune", "suva", "apia", "nuuk",
];
const FAILS: &str = "bern";

/// What the line of the fleet says when the screen is taken: so many are migrated, one has failed, and others run.
const MOMENT: &str =
    r" (?:[789]|1\d) migrated, 1 failed; [1-9]\d* running, \d+ starting, \d+ queued; slowest .*\d:\d\d *$";
/// The line below, which is drawn last.
const LAST: &str = r"^\S+ migrate \d+[smh]";

/// Runs `migrate` for a fleet on a terminal, and makes an image of its screen while the fleet is under way.
pub async fn make(program: &Path, pace: Pace) -> Result<()> {
    let account = Account::start(pace, &DATABASES, migrates).await?;
    let arguments =
        ["migrate", "--database", "all", "--max-parallel", "6", "--max-failures", "2", "--tag", TAG];
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).context("open a pseudo-terminal")?;
    let mut command = account.command(program, &arguments);
    let slave = File::from(terminal.slave);
    command
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(slave.try_clone().context("share the terminal")?)
        .stderr(slave);
    say("migrate: waiting for a moment to picture");
    let mut child = command.spawn().context("run migrate")?;
    // It holds the terminal open.
    drop(command);

    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    let typed = arguments.join(" ");
    parser.process(format!("\x1b[1;32m$\x1b[m fargate-migrate {typed}\r\n").as_bytes());
    let seen = until_the_moment(&mut parser, chunks(File::from(terminal.master)), pace).await;
    child.kill().await.context("end migrate")?;
    account.sandbox.stop().await;
    seen?;

    let path = image("fleet-terminal.svg");
    fs::write(&path, svg::drawn(parser.screen())).with_context(|| format!("write {}", path.display()))?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

fn migrates(database: &str) -> Script {
    // From 4 to 22 seconds, so that the tasks do not go in step.
    let place = DATABASES.iter().position(|name| *name == database).unwrap_or_default();
    let script = Script::new().line("migrating").work(Duration::from_secs(4 + 5 * place as u64 % 19));
    if database == FAILS {
        return script.line("ERROR: relation \"reviews\" already exists").exit(1);
    }
    script.line(report(database, "12", &[("13", "seed_catalogue")], "13"))
}

/// Passes on what comes from a terminal, until nothing has it open any more.
fn chunks(mut terminal: File) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = terminal.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Draws what comes from the terminal until the screen shows the moment.
///
/// # Errors
/// The program ends before, or the moment does not come in time.
async fn until_the_moment(
    parser: &mut vt100::Parser,
    mut chunks: mpsc::UnboundedReceiver<Vec<u8>>,
    pace: Pace,
) -> Result<()> {
    let (moment, last) = (Regex::new(MOMENT)?, Regex::new(LAST)?);
    let deadline = Instant::now() + pace.phase(DEADLINE);
    loop {
        let Ok(chunk) = timeout_at(deadline, chunks.recv()).await else {
            bail!("the moment did not come; the screen is:\n{}", shown(parser).join("\n"));
        };
        let Some(chunk) = chunk else {
            bail!("migrate has ended before; the screen is:\n{}", shown(parser).join("\n"));
        };
        parser.process(&chunk);
        let lines = shown(parser);
        if lines.windows(2).any(|pair| moment.is_match(&pair[0]) && last.is_match(&pair[1])) {
            return Ok(());
        }
    }
}

/// Returns the rows of the screen. A bar is as wide as the screen, and the next line follows it without a line feed.
fn shown(parser: &vt100::Parser) -> Vec<String> {
    parser.screen().rows(0, COLUMNS).collect()
}
