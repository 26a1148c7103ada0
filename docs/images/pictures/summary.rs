use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sandbox::{Pace, Script, seed};
use tokio::time::timeout;

use crate::account::{Account, TAG, report};
use crate::{CHECKOUT, browser, image, say};

/// How long the run may take on Fargate.
const DEADLINE: Duration = Duration::from_secs(1800);
const STYLE: &str = include_str!("summary.css");
/// Unfolds the rollout, and says how high the picture is: what follows has addresses of this machine.
const LAYOUT: &str = "\
for (const details of document.querySelectorAll('details')) {
  details.open ||= details.querySelector('summary').textContent.startsWith('Rollout');
}
new ResizeObserver(() => {
  const next = [...document.querySelectorAll('h3')].find(heading => heading.textContent == 'What ran');
  document.documentElement.dataset.height = Math.floor(next.getBoundingClientRect().top) - 4;
}).observe(document.querySelector('main'));
";
/// The migrations that two of the databases lack.
const LACKED: [(&str, &str); 3] =
    [("11", "create_reviews_and_audit"), ("12", "contract_order_contact"), ("13", "seed_catalogue")];

/// GitHub's two themes, and Mermaid's names of them.
const THEMES: [(&str, &str); 2] = [("light", "default"), ("dark", "dark")];

/// Runs `deploy` as in a job of GitHub Actions and makes pages of its summary, and images where there is a browser.
pub async fn make(program: &Path, pace: Pace, mermaid: Option<&Path>) -> Result<()> {
    let markdown = deployed(program, pace).await?;
    let directory = Path::new(CHECKOUT).join("target/pictures");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    for (theme, mermaid_theme) in THEMES {
        let path = directory.join(format!("deploy-summary-{theme}.html"));
        let html = page(&markdown, theme, mermaid.map(|path| (path, mermaid_theme)));
        fs::write(&path, html).with_context(|| format!("write {}", path.display()))?;
        say(&format!("wrote {}", path.display()));
        let image = image(&format!("deploy-summary-{theme}.png"));
        if browser::shoot(&path, &image).await? {
            say(&format!("wrote {}", image.display()));
        } else {
            say(&format!("{} stays as it is: there is no chromium on PATH", image.display()));
        }
    }
    Ok(())
}

/// Returns the job summary of a `deploy` of three databases and one service.
async fn deployed(program: &Path, pace: Pace) -> Result<String> {
    let account = Account::start(pace, &seed::DATABASES, |database| match database {
        "startupwebapp_prod" => migration(database, 14).line(report(database, "10", &LACKED, "13")),
        "healthtech_experiment" => migration(database, 6).line(report(database, "12", &LACKED[2..], "13")),
        _ => migration(database, 2).line(report(database, "13", &[], "13")),
    })
    .await?;
    say("deploy: waiting for the service's first tasks");
    account.serve(pace).await?;
    say("deploy: running");
    let summary = account.directory.path().join("summary.md");
    fs::write(&summary, "").context("make the file of the summary")?;
    let arguments =
        ["deploy", "--database", "all", "--max-parallel", "3", "--service", seed::SERVICE, "--tag", TAG];
    let mut command = account.command(program, &arguments);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("GITHUB_RUN_ID", "4242")
        .env("GITHUB_RUN_ATTEMPT", "1")
        .env("GITHUB_JOB", "deploy")
        .env("GITHUB_REPOSITORY", "octo/shop")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .stdin(Stdio::null());
    let output = timeout(pace.phase(DEADLINE), command.output()).await.context("wait for deploy")?;
    let output = output.context("run deploy")?;
    ensure!(
        output.status.success(),
        "deploy ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    account.sandbox.stop().await;
    fs::read_to_string(&summary).context("read the summary")
}

fn migration(database: &str, seconds: u64) -> Script {
    Script::new().line(format!("migrating {database}")).work(Duration::from_secs(seconds))
}

/// Makes a page of a summary that looks as GitHub shows it in this theme.
fn page(markdown: &str, theme: &str, mermaid: Option<(&Path, &str)>) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    // The program's own summary, from scripts of this program.
    options.render.r#unsafe = true;
    let drawn = match mermaid {
        Some(_) => markdown.to_owned(),
        None => without_chart(markdown),
    };
    let body = comrak::markdown_to_html(&drawn, &options);
    let script = mermaid.map(|(path, theme)| chart(path, theme)).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"en\" data-theme=\"{theme}\">\n<meta charset=\"utf-8\">\n\
         <title>deploy</title>\n<style>\n{STYLE}</style>\n<main>\n{body}</main>\n{script}\
         <script>\n{LAYOUT}</script>\n</html>\n"
    )
}

/// Returns the scripts that draw the chart in a page.
fn chart(mermaid: &Path, theme: &str) -> String {
    let source = PathBuf::from(mermaid).display().to_string().replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<script src=\"file://{source}\"></script>\n<script>\n\
         for (const code of document.querySelectorAll('code.language-mermaid')) {{\n\
         \x20 const drawn = document.createElement('div');\n\
         \x20 drawn.className = 'mermaid';\n\
         \x20 drawn.textContent = code.textContent;\n\
         \x20 code.parentElement.replaceWith(drawn);\n\
         }}\n\
         mermaid.initialize({{startOnLoad: true, theme: '{theme}', fontFamily: 'Noto Sans, sans-serif'}});\n</script>\n"
    )
}

/// Takes the folded section with the Mermaid chart out of a summary.
fn without_chart(markdown: &str) -> String {
    const END: &str = "</details>\n";
    let section = markdown.find("```mermaid").and_then(|chart| {
        let from = markdown[..chart].rfind("<details")?;
        let to = chart + markdown[chart..].find(END)? + END.len();
        Some((from, to))
    });
    match section {
        Some((from, to)) => format!("{}{}", &markdown[..from], &markdown[to..]),
        None => markdown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{page, without_chart};

    const MARKDOWN: &str =
        "a\n\n<details open><summary>When</summary>\n\n```mermaid\ngantt\n```\n\n</details>\n\nb\n";

    #[test]
    fn the_chart_goes_with_its_section_and_nothing_else_does() {
        assert_eq!(without_chart(MARKDOWN), "a\n\n\nb\n");
        assert_eq!(without_chart("a\n"), "a\n");
    }

    #[test]
    fn a_page_has_its_theme_and_draws_the_chart_only_with_mermaid() {
        let plain = page(MARKDOWN, "dark", None);
        assert!(plain.contains("data-theme=\"dark\"") && !plain.contains("script src"), "{plain}");
        let drawn = page(MARKDOWN, "light", Some(("/a \"b\"/mermaid.min.js".as_ref(), "default")));
        assert!(drawn.contains("src=\"file:///a &quot;b&quot;/mermaid.min.js\""), "{drawn}");
        assert!(drawn.contains("<code class=\"language-mermaid\">gantt"), "{drawn}");
    }
}
