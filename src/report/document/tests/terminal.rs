use super::*;
use crate::failure::Failure;
use crate::untrusted::one_line;

#[test]
fn a_fleet_that_is_migrated() {
    insta::assert_snapshot!(closing(&samples::all_migrated(), Colour::Never), @"
    startupwebapp_prod     ✔ migrated  10 → 12, 2 applied, 57 tables, 48 s
    healthtech_experiment  ✔ migrated  10 → 12, 2 applied, 57 tables, 48 s
    fintech_experiment     ✔ migrated  10 → 12, 2 applied, 57 tables, 48 s

    3 of 3 databases proved migrated
    next: deploy what needs this schema, from 123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
    ");
}

#[test]
fn a_fleet_with_one_of_each() {
    insta::assert_snapshot!(closing(&samples::fleet(), Colour::Never), @r#"
    startupwebapp_prod     ✔ migrated        10 → 12, 2 applied, 57 tables, 48 s
    healthtech_experiment  ✖ failed          exit code 1, 48 s
    fintech_experiment     ✖ wrong database  asked for fintech_experiment, but the task was connected to startupwebapp_prod (exit code 0), 48 s
    edtech_experiment      ✖ not run         healthtech_experiment was not migrated, and nothing starts after that

    healthtech_experiment: failed
      cause: the program ended with an error of its own
      fix: read the last lines of its log
      task: arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8
      log: 4 lines
        connecting to the database
        applied V11 add_order_notes (295 ms)
        V12 index_client_events failed: relation "client_events" does not exist
        error: migration V12 failed; it was rolled back

    fintech_experiment: wrong database
      fix: the image ignores the variable that names its database (DATABASE_NAME, see --database-variable): make it read that one. fintech_experiment was not migrated. Check startupwebapp_prod first: the task connected to it
      task: arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8
      log: 2 lines
        no migrations to apply
        {"migration_report":{"version":1,"database":"startupwebapp_prod","current":"12","pending":0,"tables":57,"applied":[]}}

    note: the log group /ecs/startupwebapp-migrations keeps events for 7 days

    1 of 4 databases proved migrated: 1 failed, 1 wrong database, 1 not run
    next: fix the cause, then run again with the same settings, only for the databases that are not migrated: --database healthtech_experiment --database fintech_experiment --database edtech_experiment
    "#);
}

#[test]
fn an_error_with_its_hint() {
    let report = samples::no_repository();
    insta::assert_snapshot!(closing(&report, Colour::Never), @"
    error: no ECR repository startupwebapp-backnd in us-east-1
      RepositoryNotFoundException
    hint: use one that exists: startupwebapp-backend, startupwebapp-frontend
    ");
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
    let text = closing(&samples::hostile(), Colour::Never);
    for char in text.chars().filter(|char| *char != '\n') {
        assert!(!crate::untrusted::is_hidden(char), "{char:?}");
    }
    assert!(text.contains("␛]0;unterminated title") && text.contains("NUL ␀ BEL ␇ DEL ␡ CSI \\u{9b}31m"));
}

#[test]
fn a_pack_shows_its_log_once() {
    let text = closing(&samples::pack(), Colour::Never);
    assert_eq!(text.matches("already exists").count(), 1, "{text}");
    assert!(text.contains("the task of shop_a and 2 more\n  log: 1 line\n"), "{text}");
    assert!(text.contains("exit code 137), after 2 tasks that were killed"), "{text}");
    // 48 s is what the task of all three took.
    assert!(text.contains(" 57 tables, 840 ms, in a task of 48 s\n"), "{text}");
}

#[test]
fn what_ended_before_every_task_is_one_line_however_many_databases_there_are() {
    let mut report = samples::fleet();
    report.notes.clear();
    report.error = Some(Failure::input("state file x is in use by another run"));
    for row in &mut report.databases {
        *row = DatabaseReport::new(&row.database);
        row.verdict = Some(crate::verdict::Verdict::NotRun { why: "state file x is in use".into() });
    }
    assert!(
        closing(&report, Colour::Never)
            .starts_with("no task was started for 4 databases\nerror: state file x")
    );
}

#[test]
fn with_a_state_file_the_way_on_is_to_resume() {
    let report = Report { is_resumable: true, ..samples::fleet() };
    assert!(
        closing(&report, Colour::Never)
            .ends_with("\nnext: fix the cause, then run again with the same settings and `--resume`\n")
    );
    let left_out = Report { never_ran: 26, ..samples::all_migrated() };
    let said = closing(&left_out, Colour::Never);
    assert!(said.contains("3 of 3 databases proved migrated; 26 databases left out never ran"), "{said}");
}

#[test]
fn of_a_fleet_the_failures_and_the_first_others_are_shown() {
    let mut report = samples::all_migrated();
    let row = report.databases[0].clone();
    report.databases = (0..100)
        .map(|n| {
            let mut row =
                DatabaseReport { database: format!("tenant_{n:02}").as_str().into(), ..row.clone() };
            // The slowest stand where the run has them.
            row.total_ms = Some(n * 1000);
            row
        })
        .collect();
    report.databases[40].verdict = Some(crate::verdict::Verdict::Failed { exit_code: 1 });
    let said = closing(&report, Colour::Never);
    let rows = said.lines().take_while(|line| !line.is_empty());
    let first: Vec<&str> = rows.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["tenant_40", "tenant_00", "tenant_01", "tenant_02", "tenant_03", "tenant_04", "…"]);
    assert!(said.contains("\n… and 94 databases more, migrated\n"), "{said}");
}
