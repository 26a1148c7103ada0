use super::*;
use crate::document::markdown;
use crate::plan::Proved;
use crate::plan::tests::{observed, page, settings, text};
use crate::state::journal_record::JournalRecord;
use crate::state::samples::judged;

fn fleet(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("tenant_{number:05}")).collect()
}

fn plan(names: &[String], flags: &[&str]) -> Plan {
    let databases = format!("--database={}", names.join(","));
    let settings = settings(&[&[databases.as_str()], flags].concat());
    Plan::new(&settings, observed(crate::plan::tests::document())).expect("a plan")
}

#[test]
fn a_few_names_are_one_line_and_no_list() {
    let plan = plan(&fleet(10), &["--databases-per-task=4"]);
    let text = text(&plan);
    assert!(text.contains(&format!("  databases    {}\n", fleet(10).join(", "))), "{text}");
    assert!(!text.contains("\nDatabases\n") && !page(&plan).contains("<summary>The "));
}

#[test]
fn a_fleet_is_told_by_wave_and_pack() {
    let mut plan = plan(&fleet(29), &["--databases-per-task=9", "--canary=2"]);
    let JournalRecord::Verdict(by) = judged("tenant_00030", "migrated", true) else { panic!("a verdict") };
    plan.proved = Proved::of(&"tenant_00030".into(), *by).into_iter().collect();
    insta::assert_snapshot!(listing(&plan).join("\n"), @r"
    first 2 databases in 1 pack
         1  tenant_00001, tenant_00002
    then 27 databases in 3 packs
         2  tenant_00003, tenant_00004, tenant_00005, tenant_00006, tenant_00007, tenant_00008,
            tenant_00009, tenant_00010, tenant_00011
         3  tenant_00012, tenant_00013, tenant_00014, tenant_00015, tenant_00016, tenant_00017,
            tenant_00018, tenant_00019, tenant_00020
         4  tenant_00021, tenant_00022, tenant_00023, tenant_00024, tenant_00025, tenant_00026,
            tenant_00027, tenant_00028, tenant_00029
    skipped, 1 database proved migrated by an earlier run
            tenant_00030
    ");
    let text = text(&plan);
    assert!(
        text.contains(
            "  databases    29: tenant_00001, tenant_00002, tenant_00003, … tenant_00029 (all of them below)"
        ),
        "{text}"
    );
    let told = "\nRunTask for tenant_00003 and 8 more: the same, with DATABASE_NAMES = pack 2 above (9 databases), clientToken = ";
    assert!(text.contains(told), "{text}");
    assert_eq!(plan.document().expect("JSON").data["databases"].as_array().map(Vec::len), Some(29));
    let folded = page(&plan);
    assert!(
        folded.contains(
            "<details><summary>The 30 databases</summary>\n\n```text\nfirst 2 databases in 1 pack\n"
        ),
        "{folded}"
    );
}

/// No line but a call's own input has more names than a reader takes in, and none is missing.
#[test]
fn ten_thousand_names_are_all_there_in_lines_that_can_be_read() {
    let names = fleet(10_000);
    for flags in [&["--databases-per-task=200", "--canary=5%"] as &[&str], &[]] {
        let plan = plan(&names, flags);
        let listing = listing(&plan);
        let listed: Vec<&str> = listing
            .iter()
            .flat_map(|line| line.split([' ', ',']))
            .filter(|word| word.starts_with("tenant_"))
            .collect();
        assert_eq!(listed, names);
        assert!(listing.iter().all(|line| line.chars().count() <= WIDTH), "{listing:?}");
        let text = text(&plan);
        let inputs = |line: &&str| line.trim_start().starts_with('"');
        let widest = text.lines().filter(|line| !inputs(line)).map(|line| line.chars().count()).max();
        assert!(widest < Some(240), "{widest:?}");
    }
}

#[test]
fn a_comment_has_room_for_the_first_names_and_says_where_the_others_are() {
    let plan = plan(&fleet(10_000), &["--databases-per-task=200"]);
    let comment = markdown(&plan.document().expect("a document"), 60_000);
    assert!(comment.len() <= 60_000);
    assert!(comment.contains("more lines: `--format json` has every name."), "{comment}");
    assert!(comment.contains("**Task definition**"), "the names leave room for the rest");
}
