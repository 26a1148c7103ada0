use super::super::samples;
use super::*;

#[test]
fn a_fleet_that_is_migrated() {
    insta::assert_snapshot!(closing(&samples::all_migrated(), Colour::Never), @"");
}

#[test]
fn a_fleet_with_one_of_each() {
    insta::assert_snapshot!(closing(&samples::fleet(), Colour::Never), @"");
}

#[test]
fn an_error_with_its_hint() {
    let report = samples::no_repository();
    assert_eq!(closing(&report, Colour::Never), "");
    insta::assert_snapshot!(failure(&report.error.unwrap(), Colour::Never), @"");
}

#[test]
fn colours_only_add() {
    let coloured = closing(&samples::fleet(), Colour::Always);
    assert!(coloured.contains("\x1b[31m✖ failed"), "{coloured}");
    let plain: Vec<_> = coloured.lines().map(|line| one_line(line).trim_end().to_owned()).collect();
    assert_eq!(plain.join("\n"), closing(&samples::fleet(), Colour::Never).trim_end());
}

#[test]
fn hostile_text_is_visible_and_moves_nothing() {
    let report = samples::hostile();
    let text = closing(&report, Colour::Never) + &failure(&report.error.unwrap(), Colour::Never);
    for char in text.chars().filter(|char| *char != '\n') {
        assert!(!crate::untrusted::is_hidden(char), "{char:?}");
    }
    assert!(text.contains("␛]0;unterminated title") && text.contains("NUL ␀ BEL ␇ DEL ␡ CSI \\u{9b}31m"));
}
