//! The job summary as a page to look at, close to how GitHub shows it.

use comrak::Options;

/// Renders GitHub-flavoured Markdown into a page that stands alone: no script, no font, no address is loaded.
pub fn page(title: &str, markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.alerts = true;
    // GitHub allows some HTML, such as <details>. fargate-migrate makes the summary from escaped text, and the page's
    // own policy below lets nothing run or load all the same.
    options.render.r#unsafe = true;
    let body = comrak::markdown_to_html(markdown, &options);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<main>\n{body}</main>\n</html>\n"
    )
}

const STYLE: &str = include_str!("page.css");

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn a_summary_becomes_a_page_that_runs_nothing() {
        let markdown = "| database | verdict |\n|---|---|\n| a | migrated |\n\n\
                        <details><summary>log</summary>\n\n```\n<script>\n```\n\n</details>\n";
        let html = page("a < b", markdown);
        assert!(html.contains("<title>a &lt; b</title>"));
        assert!(html.contains("<td>migrated</td>"));
        assert!(html.contains("<details><summary>log</summary>"));
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    }
}
