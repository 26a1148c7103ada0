//! Text that tries to be markup, in every place of a page.

use super::*;

/// What a browser would make of the summary: only our own elements, and no text is lost.
#[test]
fn hostile_text_stays_text() {
    let summary = summary(&samples::hostile());
    is_text(&summary);
    // Each row keeps its seven cells, whatever its texts say.
    let rows: Vec<&str> =
        summary.lines().filter(|line| line.starts_with("| ") && line.contains("❌")).collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row.matches('|').count(), 8, "{row}");
    }
}

/// A summary of [`HOSTILE`](crate::report::HOSTILE) has only our own elements, and no text is lost.
pub(in crate::report) fn is_text(summary: &str) {
    for line in summary.split(['\n', '\r']) {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
        assert!(!line.contains(|char: char| char.is_control() || char == '\u{202e}'), "{line:?}");
    }
    let (summary, paragraphs) = outside_fences(summary);
    let ours = ["details", "details open", "summary", "p", "pre", "code", "b", "br", "sub", "span"];
    for tag in summary.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_start_matches('/');
        assert!(ours.contains(&name) || tag == "/a" || name.starts_with("a href=\"https://"), "<{tag}>");
    }
    for element in ["details", "pre", "code", "b", "p", "summary", "sub"] {
        let opened = summary.matches(&format!("<{element}>")).count()
            + summary.matches(&format!("<{element} ")).count();
        assert_eq!(opened, summary.matches(&format!("</{element}>")).count(), "{element}");
    }
    for word in ["unterminated title", "spoofed", "name=migrated", "onerror", "evil"] {
        assert!(summary.contains(word), "{word}");
    }
    // An attribute's value is not text.
    let texts: Vec<&str> = paragraphs.split("<a href=").map(|rest| rest.split_once('>').unwrap().1).collect();
    let paragraphs = texts.join("");
    for live in ["@everyone", "](https", "https://evil", "www.evil", "javascript:"] {
        assert!(!paragraphs.contains(live), "{live}");
    }
}

/// The Markdown without its fences, which hold text alone; and of that, what is not an HTML block: where a link or a
/// mention would come to life.
fn outside_fences(markdown: &str) -> (String, String) {
    let mut fence: Option<String> = None;
    let mut pre = false;
    let (mut outside, mut paragraphs) = (String::new(), String::new());
    for line in markdown.lines() {
        match &fence {
            Some(marks) if line == marks => fence = None,
            Some(_) => {}
            None if line.starts_with("```") && !pre => {
                fence = Some(line.chars().take_while(|char| *char == '`').collect());
            }
            None => {
                pre |= line.starts_with("<pre>");
                for out in [Some(&mut outside), (!pre && !line.starts_with('<')).then_some(&mut paragraphs)] {
                    out.into_iter().for_each(|out| *out = format!("{out}{line}\n"));
                }
                pre &= !line.ends_with("</pre>");
            }
        }
    }
    (outside, paragraphs)
}
