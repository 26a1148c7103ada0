use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;

use super::*;

#[test]
fn a_terminal_line_hides_nothing_and_moves_nothing() {
    for (text, shown) in [
        ("plain\ttext", "plain\ttext"),
        ("grün ✅ 👩‍💻", "grün ✅ 👩‍💻"),
        ("ends\r\n", "ends"),
        ("two\nlines\r\nthree", "two⏎lines⏎three"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hhome\x1b[?25l", "home"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;unterminated", "␛]0;unterminated"),
        ("\x1b[31", "␛[31"),
        ("\x1b", "␛"),
        ("\x1b]0;one\x1b[31mtwo", "␛]0;onetwo"),
        ("\x1b]0;one\ntwo\x07", "␛]0;one⏎two␇"),
        ("\x1b(Bascii\x1b7", "ascii"),
        ("\x1bé", "␛é"),
        ("NUL\0 BEL\x07 DEL\x7f", "NUL␀ BEL␇ DEL␡"),
        ("\u{9b}31m\u{85}\u{2028}", "\\u{9b}31m⏎⏎"),
        ("user \u{202e}gnp.exe", "user \\u{202e}gnp.exe"),
    ] {
        assert_eq!(one_line(text), shown, "{text:?}");
    }
}

#[test]
fn a_text_has_the_lines_that_the_runner_sees() {
    for (text, expected) in [
        ("", vec![""]),
        ("one", vec!["one"]),
        ("one\n", vec!["one"]),
        ("one\r\ntwo\r\n", vec!["one", "two"]),
        ("1%\r2%\r::set-output name=x::y", vec!["1%", "2%", "::set-output name=x::y"]),
        ("\n\nx", vec!["", "", "x"]),
    ] {
        assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
    }
}

#[test]
fn markdown_is_shown_not_obeyed() {
    for (text, expected) in [
        ("startupwebapp_prod", "startupwebapp_prod"),
        ("exit code 1, no log; done.", "exit code 1, no log; done."),
        ("a | b", "a &#124; b"),
        ("_x_ *y* `z", "&#95;x&#95; &#42;y&#42; &#96;z"),
        ("pass `--tag` (\"v1\")", "pass <code>--tag</code> (\"v1\")"),
        ("`a|b` and `<i>`", "<code>a&#124;b</code> and <code>&#60;i&#62;</code>"),
        ("``x`", "&#96;<code>x</code>"),
        ("` `", "&#96; &#96;"),
        ("@everyone", "&#64;&#8203;everyone"),
        ("fixes #12, GH-12", "fixes &#35;&#8203;12, GH-&#8203;12"),
        ("[a](https://b.c)", "&#91;a&#93;(https&#58;//b.c)"),
        ("www.evil.example", "www&#46;evil.example"),
        ("<img onerror>", "&#60;img onerror&#62;"),
        ("- item", "&#45; item"),
        ("12. item", "12&#46; item"),
        ("12) item", "12&#41; item"),
        ("::set-output", "&#58;&#58;set-output"),
        ("##[error]", "&#35;&#35;&#91;error&#93;"),
        ("&lt;", "&#38;lt;"),
        ("---\n# x", "&#45;--⏎&#35; x"),
    ] {
        assert_eq!(markdown_text(text), expected, "{text:?}");
    }
    assert_eq!(markdown_code("a@b.c"), "<code>a&#64;<span></span>b.c</code>");
    assert_eq!(markdown_cell(" "), "–");
    assert_eq!(markdown_code("a@b|<i>"), "<code>a&#64;b&#124;&#60;i&#62;</code>");
    assert_eq!(markdown_cell(&"x".repeat(1_000_000)).chars().count(), CELL);
}

#[test]
fn html_has_no_elements_and_no_commands() {
    for (text, expected) in [
        ("</details><img onerror='x'>", "&lt;/details&gt;&lt;img onerror=&#39;x&#39;&gt;"),
        ("a & \"b\"", "a &amp; &quot;b&quot;"),
        ("  ::add-mask::e", "  &#58;:add-mask::e"),
        ("x ##[error]y", "x ##&#91;error]y"),
    ] {
        assert_eq!(html(text), expected, "{text:?}");
    }
}

#[test]
fn a_fence_is_longer_than_what_it_holds() {
    assert_eq!(fence("diff", "+a\n-b\n"), "```diff\n+a\n-b\n```\n");
    assert_eq!(fence("", "````\n```"), "`````\n````\n```\n`````\n");
    assert_eq!(fence("", "x\r```\r##[error]y"), "````\nx\n```\n#\\u0023[error]y\n````\n");
    assert_eq!(fence("", " ::debug::x"), "```\n\u{200b} ::debug::x\n```\n");
}

#[test]
fn long_texts_are_cut_between_characters() {
    assert_eq!(shortened("grün", 4), "grün");
    assert_eq!(shortened("grüner", 4), "grü…");
    assert_eq!(shortened("", 0), "");
}

#[test]
fn a_megabyte_in_one_line_is_no_burden() {
    let line = "\x1b[31m`|<@".repeat(100_000);
    assert_eq!(one_line(&line).len(), 400_000);
    assert!(markdown_text(&line).len() < 3_000_000);
    assert!(html(&line).len() < 1_000_000);
    // An escape that never ends is looked at once, not once for each that follows.
    let began = std::time::Instant::now();
    assert!(one_line(&"\x1b]".repeat(500_000)).contains("␛]"));
    assert!(one_line(&"\x1b[".repeat(500_000)).contains("␛["));
    assert!(began.elapsed().as_secs() < 5);
}

/// The nodes that a parser makes of Markdown, and the text in them.
fn parsed(markdown: &str) -> (Vec<&'static str>, String) {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options);
    let (mut names, mut text) = (Vec::new(), String::new());
    for node in root.descendants() {
        let value = &node.data.borrow().value;
        names.push(value.xml_node_name());
        match value {
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::CodeBlock(block) => text.push_str(&block.literal),
            NodeValue::HtmlInline(html) if html.ends_with("code>") => text.push('`'),
            NodeValue::HtmlInline(html) if html.ends_with("span>") => {}
            NodeValue::HtmlInline(html) => text.push_str(html),
            _ => {}
        }
    }
    names.dedup();
    (names, text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Judged by a parser that is not ours.
    #[test]
    fn any_text_is_one_text_in_markdown(
        text in prop_oneof![r"[-#@:/.|<>&`*_~$\[\]()!\\ \r\n\taw0-9;^=+'\x22]{1,60}", r"(?s).{1,40}",
            r"(www\.|https://|mailto:|GH-|@|#)[a-z]{1,3}[.@#][a-z]{2,5}( [*_`|-]{1,4})?"]
    ) {
        let shown = one_line(&text).trim().replace('\t', " ");
        prop_assume!(!shown.is_empty());
        let markdown = markdown_text(&text);
        for (before, after, outside) in [
            ("", "", vec!["document", "paragraph", "text", "html_inline"]),
            ("### ", "", vec!["document", "heading", "text", "html_inline"]),
            ("- **x:** ", "", vec!["document", "list", "item", "paragraph", "strong", "text", "html_inline"]),
        ] {
            let (nodes, found) = parsed(&format!("{before}{markdown}{after}\n"));
            let found = found.replace('\u{200b}', "");
            prop_assert!(nodes.iter().all(|node| outside.contains(node)), "{nodes:?} of {markdown:?}");
            prop_assert!(found.ends_with(&shown.replace('\u{200b}', "")), "{found:?} of {markdown:?}");
        }
        let (nodes, _) = parsed(&format!("| a | b |\n|---|---|\n| {markdown} | {} |\n", markdown_code(&text)));
        let cells = ["document", "table", "table_row", "table_header", "table_cell", "text", "html_inline"];
        prop_assert!(nodes.iter().all(|node| cells.contains(node)), "{nodes:?} of {markdown:?}");
    }

    #[test]
    fn any_text_stays_in_its_fence(text in r"[`~#:|<> \r\nab\[-]{0,80}") {
        let (nodes, found) = parsed(&format!("{}\n", fence("diff", &text)));
        prop_assert_eq!(nodes, ["document", "code_block"]);
        prop_assert_eq!(found.lines().count(), lines(&text).count());
    }
}
