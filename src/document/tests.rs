use super::*;

fn many(blocks: impl IntoIterator<Item = impl Into<Block>>) -> String {
    let document =
        Document { title: "Many".into(), sections: vec![Section::of(blocks)], ..Document::default() };
    let page = markdown(&document, 20_000);
    assert!(page.len() <= 20_000, "{}", page.len());
    page
}

#[test]
fn a_page_counts_what_it_has_no_room_for() {
    let rows =
        (0..1_000).map(|row| (None, vec![Line::from(format!("row {row} {}", "x".repeat(50)))])).collect();
    let table = many([Content::Table(Table { head: vec!["row"], rows, ..Table::default() })]);
    let shown = table.matches("| row ").count() - 1;
    assert!(shown > 200 && table.contains(&format!("\n… and {} more rows.", 1_000 - shown)), "{table}");

    let notes = many([Content::Notes(vec!["note ".repeat(100); 100])]);
    let shown = notes.matches("[!NOTE]").count();
    assert!(shown > 10 && notes.contains(&format!("… and {} more notes", 100 - shown)), "{notes}");

    let text = "`\u{202e}\n".repeat(10_000);
    let lines = many([Content::Lines(Lines { text, ..Lines::default() })]);
    assert!(lines.contains("more lines") && lines.matches("```").count() == 2, "{lines}");
}

/// Of two blocks the one of the later rank gives way, wherever it stands.
#[test]
fn rank_decides_what_gives_way() {
    let long = |title: &'static str| Lines {
        fold: Some(title.into()),
        text: "x\n".repeat(9_000),
        whole: true,
        ..Lines::default()
    };
    let first = Block::from(Content::Lines(long("first"))).within(Rank::Rest, 1);
    let second = Block::from(Content::Lines(long("second"))).within(Rank::Detail, 1);
    let page = many([first, second]);
    assert!(page.contains("second") && !page.contains("first"), "{page}");
}
