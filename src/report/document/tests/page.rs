use super::*;

#[test]
fn a_fleet_that_is_migrated() {
    insta::assert_snapshot!(summary(&samples::all_migrated()));
}

#[test]
fn a_fleet_with_one_of_each() {
    insta::assert_snapshot!(summary(&samples::fleet()));
}

#[test]
fn a_run_that_ended_early() {
    insta::assert_snapshot!(summary(&samples::no_repository()), @"
    ## ❌ No database was migrated

    **Error:** no ECR repository startupwebapp-backnd in us-east-1

    **Fix:** use one that exists: startupwebapp-backend, startupwebapp-frontend

    <pre>RepositoryNotFoundException</pre>

    ### What ran

    | | |
    |---|---|
    | commit or tag | <code>3f786850e387550fdab836ed7e6dc881de23001b</code> |
    | task definition | <code>startupwebapp-migration-task</code> |
    | container | <code>migration</code> |
    | cluster | <code>startupwebapp-cluster</code> |
    | region, account | <code>us-east-1</code>, <code>123456789012</code> |
    | started | 2025-11-24 08&#58;00&#58;00 UTC |
    | took | 1 min 37 s |
    ");
}

#[test]
fn a_run_under_way() {
    let mut report = samples::all_migrated();
    report.ended_at = None;
    report.databases[1] = DatabaseReport::new(&"healthtech_experiment".into());
    report.databases[2] = DatabaseReport::new(&"fintech_experiment".into());
    report.databases[2].log.push("connecting to the database");
    let summary = summary(&report);
    let until = summary.find("### What ran").unwrap();
    insta::assert_snapshot!(&summary[..until], @r#"
    ## ⏳ 1 of 3 databases proved migrated so far: 2 under way

    | database | verdict | commit<br><sub>image</sub> | version | applied | tables | time<br><sub>queue / pull / run</sub> |
    |---|---|---|---|---:|---:|---|
    | healthtech_experiment | ⏳ under way | – | – | – | – | – |
    | fintech_experiment | ⏳ under way | – | – | – | – | – |
    | startupwebapp_prod<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ✅ migrated | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | 10 → 12 | 2 | 57 | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |

    <details open><summary>When the tasks ran, in UTC</summary>

    ```mermaid
    ---
    displayMode: compact
    config:
      gantt:
        useWidth: 900
        leftPadding: 160
    ---
    gantt
      dateFormat YYYY-MM-DD HH:mm:ss.SSS
      axisFormat %H:%M:%S
      section ✔ startupwebapp_prod
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
    ```

    </details>

    ### ⏳ fintech_experiment: under way

    <details><summary>Log of <b>fintech_experiment</b>: 1 line</summary>

    <pre>connecting to the database</pre>

    </details>
    "#);
}

#[test]
fn an_exit_code_alone_is_not_called_proof() {
    let mut report = samples::all_migrated();
    report.databases[0] = samples::migrated_by_exit_code("startupwebapp_prod");
    let summary = summary(&report);
    let head: String = summary.lines().take(4).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(head, @"
    ## ⚠️ 2 of 3 databases proved migrated: 1 migrated, not proved

    ⚠️ 1 database migrated by exit code alone: no migration report was seen, so nothing proves which database it was connected to.
    ");
    assert!(summary.contains("⚠️ migrated, not proved"), "its row: {summary}");

    report.databases = ["a", "b"].map(samples::migrated_by_exit_code).to_vec();
    assert!(super::summary(&report).starts_with("## ⚠️ 2 of 2 databases migrated, not proved\n"));
    report.databases[0] = samples::unreported("a");
    let summary = super::summary(&report);
    assert!(summary.starts_with("## ❌ 1 of 2 databases migrated, not proved: 1 unproved\n"), "{summary}");
    for way_out in ["docs/migration-report.md", "--proof exit-code"] {
        assert!(summary.contains(way_out), "{way_out}: {summary}");
    }
}

#[test]
fn a_pack_has_one_log_and_each_of_its_databases_a_row() {
    let summary = summary(&samples::pack());
    assert_eq!(summary.matches("<summary>Log of").count(), 1, "{summary}");
    assert!(summary.contains("<details open><summary>Log of <b>shop_a and 2 more</b>: 1 line"), "{summary}");
    assert!(summary.contains("after 2 tasks that were killed") && summary.contains("### ❌ shop_b: failed"));
    let time = "in a task of 48 s</sub><br><sub>12 s / 6.0 s / 2.0 s</sub>".replace(' ', "&nbsp;");
    let time = format!("| 840&nbsp;ms<br><sub>{time} |");
    assert!(summary.contains(&time), "{summary}");
    let mut silent = samples::pack();
    silent.databases[0].migration_report.as_mut().expect("a report").ms = None;
    assert!(super::summary(&silent).contains("| –<br><sub>in&nbsp;a&nbsp;task&nbsp;of&nbsp;48&nbsp;s</sub>"));
}
