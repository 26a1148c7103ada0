use super::*;
use crate::report::samples::HOSTILE;

#[test]
fn a_fleet_that_is_migrated() {
    insta::assert_snapshot!(summary(&samples::all_migrated()), @r#"
    ## ✅ 3 of 3 databases proved migrated

    | database | verdict | commit<br><sub>image</sub> | version | applied | tables | time<br><sub>queue / pull / run</sub> |
    |---|---|---|---|---:|---:|---|
    | startupwebapp_prod<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ✅ migrated | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | 10 → 12 | 2 | 57 | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |
    | healthtech_experiment<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ✅ migrated | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | 10 → 12 | 2 | 57 | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |
    | fintech_experiment<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ✅ migrated | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | 10 → 12 | 2 | 57 | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |

    **Next:** deploy what needs this schema, from <code>123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend&#64;sha256&#58;4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945</code>.

    <details open><summary>When the tasks ran, in UTC</summary>

    ```mermaid
    ---
    displayMode: compact
    config:
      gantt:
        leftPadding: 181
    ---
    gantt
      dateFormat YYYY-MM-DD HH:mm:ss.SSS
      axisFormat %H:%M:%S
      section ✔ startupwebapp_prod
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✔ healthtech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✔ fintech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
    ```

    </details>

    ### What ran

    | | |
    |---|---|
    | commit or tag | <code>3f786850e387550fdab836ed7e6dc881de23001b</code> |
    | image | <code>123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend&#64;sha256&#58;4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945</code> (built) |
    | task definition | <code>arn&#58;aws&#58;ecs&#58;us-east-1&#58;123456789012&#58;task-definition/startupwebapp-migration-task&#58;13</code> (registered by this run) |
    | container | <code>migration</code> |
    | cluster | <code>startupwebapp-cluster</code> |
    | region, account | <code>us-east-1</code>, <code>123456789012</code> |
    | started | 2025-11-24 08&#58;00&#58;00 UTC |
    | took | 1 min 37 s |

    <details><summary>Changes of the task definition</summary>

    ```diff
    --- startupwebapp-migration-task:12
    +++ startupwebapp-migration-task:13
    @@ -4,3 +4,7 @@
           "environment": [
    +        {
    +          "name": "DATABASE_NAME",
    +          "value": "__set-by-fargate-migrate__"
    +        },
    ```

    </details>

    ### Logs

    <details><summary>Log of <b>startupwebapp_prod</b>: 4 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>
    <p>Applied: 11 add_order_notes, 12 index_client_events</p>

    <pre>connecting to the database
    applied V11 add_order_notes (310 ms)
    applied V12 index_client_events (512 ms)
    {&quot;migration_report&quot;:{&quot;version&quot;:1,&quot;database&quot;:&quot;startupwebapp_prod&quot;,&quot;from&quot;:&quot;10&quot;,&quot;current&quot;:&quot;12&quot;,&quot;pending&quot;:0,&quot;tables&quot;:57,&quot;ms&quot;:840,&quot;applied&quot;:[{&quot;version&quot;:&quot;11&quot;,&quot;name&quot;:&quot;add_order_notes&quot;,&quot;ms&quot;:310},{&quot;version&quot;:&quot;12&quot;,&quot;name&quot;:&quot;index_client_events&quot;,&quot;ms&quot;:512}]}}</pre>

    </details>

    <details><summary>Log of <b>healthtech_experiment</b>: 4 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>
    <p>Applied: 11 add_order_notes, 12 index_client_events</p>

    <pre>connecting to the database
    applied V11 add_order_notes (310 ms)
    applied V12 index_client_events (512 ms)
    {&quot;migration_report&quot;:{&quot;version&quot;:1,&quot;database&quot;:&quot;healthtech_experiment&quot;,&quot;from&quot;:&quot;10&quot;,&quot;current&quot;:&quot;12&quot;,&quot;pending&quot;:0,&quot;tables&quot;:57,&quot;ms&quot;:840,&quot;applied&quot;:[{&quot;version&quot;:&quot;11&quot;,&quot;name&quot;:&quot;add_order_notes&quot;,&quot;ms&quot;:310},{&quot;version&quot;:&quot;12&quot;,&quot;name&quot;:&quot;index_client_events&quot;,&quot;ms&quot;:512}]}}</pre>

    </details>

    <details><summary>Log of <b>fintech_experiment</b>: 4 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>
    <p>Applied: 11 add_order_notes, 12 index_client_events</p>

    <pre>connecting to the database
    applied V11 add_order_notes (310 ms)
    applied V12 index_client_events (512 ms)
    {&quot;migration_report&quot;:{&quot;version&quot;:1,&quot;database&quot;:&quot;fintech_experiment&quot;,&quot;from&quot;:&quot;10&quot;,&quot;current&quot;:&quot;12&quot;,&quot;pending&quot;:0,&quot;tables&quot;:57,&quot;ms&quot;:840,&quot;applied&quot;:[{&quot;version&quot;:&quot;11&quot;,&quot;name&quot;:&quot;add_order_notes&quot;,&quot;ms&quot;:310},{&quot;version&quot;:&quot;12&quot;,&quot;name&quot;:&quot;index_client_events&quot;,&quot;ms&quot;:512}]}}</pre>

    </details>
    "#);
}

#[test]
fn a_fleet_with_one_of_each() {
    insta::assert_snapshot!(summary(&samples::fleet()), @r#"
    ## ❌ 1 of 4 databases proved migrated: 1 failed, 1 wrong database, 1 not run

    | database | verdict | commit<br><sub>image</sub> | version | applied | tables | time<br><sub>queue / pull / run</sub> |
    |---|---|---|---|---:|---:|---|
    | healthtech_experiment<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ❌ **failed**<br><sub>exit code 1</sub> | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | – | – | – | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |
    | fintech_experiment<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ❌ **wrong database**: asked for fintech_experiment, connected to **startupwebapp_prod** | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | – | – | – | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |
    | edtech_experiment | ❌ **not run**: healthtech_experiment failed before it, and --keep-going is not set | – | – | – | – | – |
    | startupwebapp_prod<br><sub><a href="https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1">task</a> · <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">log</a></sub> | ✅ migrated | <code>3f78685</code><br><sub><code>4f53cda18c2b</code></sub> | 10 → 12 | 2 | 57 | 48&nbsp;s<br><sub>12&nbsp;s&nbsp;/&nbsp;6.0&nbsp;s&nbsp;/&nbsp;2.0&nbsp;s</sub> |

    **Next:** fix the cause, then run again with the same settings, only for the databases that are not migrated:

    ```sh
    --database healthtech_experiment --database fintech_experiment --database edtech_experiment
    ```

    <details open><summary>When the tasks ran, in UTC</summary>

    ```mermaid
    ---
    displayMode: compact
    config:
      gantt:
        leftPadding: 181
    ---
    gantt
      dateFormat YYYY-MM-DD HH:mm:ss.SSS
      axisFormat %H:%M:%S
      section ✖ healthtech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      failed :crit, 2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✖ fintech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      failed :crit, 2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✔ startupwebapp_prod
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
    ```

    </details>

    ### ❌ healthtech_experiment: failed

    Exit code 1.

    - **Cause:** the program ended with an error of its own
    - **Fix:** read the last lines of its log
    - **stoppedReason:** Essential container in task exited
    - **stopCode:** EssentialContainerExited
    - **Task:** <code>arn&#58;aws&#58;ecs&#58;us-east-1&#58;123456789012&#58;task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8</code>

    <details open><summary>Log of <b>healthtech_experiment</b>: 4 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>

    <pre>connecting to the database
    applied V11 add_order_notes (295 ms)
    V12 index_client_events failed: relation &quot;client_events&quot; does not exist
    error: migration V12 failed; it was rolled back</pre>

    </details>

    ### ❌ fintech_experiment: wrong database

    Asked for fintech_experiment, but the task was connected to startupwebapp_prod &#40;exit code 0&#41;.

    - **Fix:** make the image take its database&#39;s name from the variable that is set for it &#40;DATABASE_NAME, or --database-variable&#41;; fintech_experiment was not migrated, and startupwebapp_prod was connected to instead: look at what happened there first
    - **stoppedReason:** Essential container in task exited
    - **stopCode:** EssentialContainerExited
    - **Task:** <code>arn&#58;aws&#58;ecs&#58;us-east-1&#58;123456789012&#58;task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8</code>

    <details open><summary>Log of <b>fintech_experiment</b>: 2 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>

    <pre>no migrations to apply
    {&quot;migration_report&quot;:{&quot;version&quot;:1,&quot;database&quot;:&quot;startupwebapp_prod&quot;,&quot;current&quot;:&quot;12&quot;,&quot;pending&quot;:0,&quot;tables&quot;:57,&quot;applied&quot;:[]}}</pre>

    </details>

    ### What ran

    | | |
    |---|---|
    | commit or tag | <code>3f786850e387550fdab836ed7e6dc881de23001b</code> |
    | image | <code>123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend&#64;sha256&#58;4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945</code> (built) |
    | task definition | <code>arn&#58;aws&#58;ecs&#58;us-east-1&#58;123456789012&#58;task-definition/startupwebapp-migration-task&#58;13</code> (registered by this run) |
    | container | <code>migration</code> |
    | cluster | <code>startupwebapp-cluster</code> |
    | region, account | <code>us-east-1</code>, <code>123456789012</code> |
    | started | 2025-11-24 08&#58;00&#58;00 UTC |
    | took | 1 min 37 s |

    <details><summary>Changes of the task definition</summary>

    ```diff
    --- startupwebapp-migration-task:12
    +++ startupwebapp-migration-task:13
    @@ -4,3 +4,7 @@
           "environment": [
    +        {
    +          "name": "DATABASE_NAME",
    +          "value": "__set-by-fargate-migrate__"
    +        },
    ```

    </details>

    > [!NOTE]
    > the log group /ecs/startupwebapp-migrations keeps events for 7 days

    ### Logs

    <details><summary>Log of <b>startupwebapp_prod</b>: 4 lines, <a href="https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8">whole log</a></summary>
    <p>Applied: 11 add_order_notes, 12 index_client_events</p>

    <pre>connecting to the database
    applied V11 add_order_notes (310 ms)
    applied V12 index_client_events (512 ms)
    {&quot;migration_report&quot;:{&quot;version&quot;:1,&quot;database&quot;:&quot;startupwebapp_prod&quot;,&quot;from&quot;:&quot;10&quot;,&quot;current&quot;:&quot;12&quot;,&quot;pending&quot;:0,&quot;tables&quot;:57,&quot;ms&quot;:840,&quot;applied&quot;:[{&quot;version&quot;:&quot;11&quot;,&quot;name&quot;:&quot;add_order_notes&quot;,&quot;ms&quot;:310},{&quot;version&quot;:&quot;12&quot;,&quot;name&quot;:&quot;index_client_events&quot;,&quot;ms&quot;:512}]}}</pre>

    </details>
    "#);
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
    report.databases[1] = DatabaseReport::new("healthtech_experiment");
    report.databases[2] = DatabaseReport::new("fintech_experiment");
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
    ## ⚠️ 3 of 3 databases migrated

    ⚠️ 1 database migrated by exit code alone: no migration report was seen, so nothing proves which database it was connected to.
    ");
}

/// What a browser would make of the summary: only our own elements, and no text is lost.
#[test]
fn hostile_text_stays_text() {
    let summary = summary(&samples::hostile());
    for line in summary.split(['\n', '\r']) {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
        assert!(!line.contains(|char: char| char.is_control() || char == '\u{202e}'), "{line:?}");
    }
    let (summary, paragraphs) = outside_fences(&summary);
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
    // An attribute's value is no text.
    let texts: Vec<&str> = paragraphs.split("<a href=").map(|rest| rest.split_once('>').unwrap().1).collect();
    let paragraphs = texts.join("");
    for live in ["@everyone", "](https", "https://evil", "www.evil", "javascript:"] {
        assert!(!paragraphs.contains(live), "{live}");
    }
    // Each row keeps its seven cells, whatever its texts say.
    let rows: Vec<&str> =
        summary.lines().filter(|line| line.starts_with("| ") && line.contains("❌")).collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row.matches('|').count(), 8, "{row}");
    }
}

/// The Markdown without its fences, which hold text alone; and of that, what is no HTML block: where a link or a
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
