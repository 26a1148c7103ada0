//! What GitHub makes of Markdown: parsed by others' parsers, and searched for anything that is not ours.

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};
use html5gum::{Token, Tokenizer};

/// Elements that our Markdown and HTML make, and the parser of our Markdown.
const ELEMENTS: [&str; 24] = [
    "a",
    "b",
    "br",
    "code",
    "details",
    "div",
    "em",
    "h2",
    "h3",
    "li",
    "p",
    "pre",
    "span",
    "strong",
    "sub",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "blockquote",
];
/// Where our links go.
const CONSOLE: &str = "https://us-east-1.console.aws.amazon.com/";

/// Panics when the Markdown has any structure that is not ours. Answers the text that a reader sees.
#[track_caller]
pub fn seen(markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.render.r#unsafe = true;
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options);
    for node in root.descendants() {
        let data = node.data.borrow();
        let line = data.sourcepos.start.line;
        match &data.value {
            NodeValue::Image(_)
            | NodeValue::Link(_)
            | NodeValue::FootnoteReference(_)
            | NodeValue::TaskItem(_)
            | NodeValue::Math(_)
            | NodeValue::Strikethrough
            | NodeValue::Emph
            | NodeValue::ThematicBreak => {
                panic!("{:?} in line {line}: {}", data.value, markdown.lines().nth(line - 1).unwrap_or(""))
            }
            NodeValue::CodeBlock(code) => {
                assert!(["sh", "diff", "json", "mermaid", "text"].contains(&code.info.as_str()), "{code:?}");
            }
            NodeValue::Heading(heading) => {
                let text = markdown.lines().nth(line - 1).unwrap_or("");
                assert!(!heading.setext && OURS.iter().any(|ours| text.starts_with(ours)), "{text}");
            }
            _ => {}
        }
    }
    let mut html = String::new();
    format_html(root, &options, &mut html).expect("HTML");
    text_of(&html)
}

const OURS: [&str; 11] = [
    "## ✅",
    "## ❌",
    "## ⚠️",
    "### ❌",
    "### What ran",
    "### Notes",
    "### Logs",
    "### Plan: ",
    "### Databases",
    "### Services",
    "### Not the same, or not known",
];

#[track_caller]
fn text_of(html: &str) -> String {
    let mut open: Vec<String> = Vec::new();
    let mut seen = String::new();
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                assert!(ELEMENTS.contains(&name.as_str()), "<{name}>");
                for (key, value) in &tag.attributes {
                    let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
                    let ours = match (name.as_str(), &*key) {
                        ("a", "href") => value.starts_with(CONSOLE),
                        ("details", "open") => value.is_empty(),
                        ("td" | "th", "align") | ("code" | "div" | "p", "class") => true,
                        _ => false,
                    };
                    assert!(ours, "<{name} {key}={value}>");
                }
                if name != "br" && !tag.self_closing {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                assert_eq!(open.pop(), Some(name), "elements are closed in their order");
            }
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let literal = open.iter().any(|name| ["a", "code", "pre"].contains(&name.as_str()));
                if !literal {
                    plain(&text);
                }
                let hidden = |char: char| {
                    char.is_control() && char != '\n' && char != '\t'
                        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                };
                assert!(!text.contains(hidden), "{text:?}");
                seen.push_str(&text);
                seen.push(' ');
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open, Vec::<String>::new(), "every element is closed");
    seen.replace('\u{200b}', "")
}

/// What GitHub would still turn into a link in rendered text: mentions and references.
#[track_caller]
fn plain(text: &str) {
    let lower = text.to_lowercase();
    for (mark, digits_only) in [("@", false), ("#", true), ("gh-", true)] {
        for (at, _) in lower.match_indices(mark) {
            let next = lower[at + mark.len()..].chars().next();
            let live = |next: char| next.is_ascii_digit() || !digits_only && next.is_alphanumeric();
            assert!(!next.is_some_and(live), "{mark:?} is live in {text:?}");
        }
    }
}
