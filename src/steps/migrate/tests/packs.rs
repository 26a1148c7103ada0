//! Tasks that migrate many databases each.

use super::fleet::{fleet, run};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_pack_is_one_task_and_each_database_has_its_own_proof() {
    let world = Fargate::running_for(MINUTE);
    let plan = fleet(10, &["--databases-per-task=4"]);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(report.migrated().count(), 10, "{report:#?}");
    assert_eq!(world.runs.get(), 3);
    for row in &report.databases {
        let own = row.migration_report.as_ref().expect("a report");
        assert_eq!(own.database, row.database);
        assert!(row.times.started.is_some() && row.task_url.is_some(), "{row:#?}");
    }
    // Its log is kept once.
    assert_eq!(report.pack_logs.iter().map(|pack| pack.databases.len()).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(report.databases.iter().all(|row| row.log.seen == 0 && report.log_of(row).seen > 0));
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_packed_apart() {
    let world = Fargate::running_for(MINUTE);
    let flags = ["--databases-per-task=auto", "--canary=tenant_0003,tenant_0005", "--max-parallel=3"];
    let (report, _) = run(&world, &fleet(20, &flags)).await;
    assert_eq!(report.migrated().count(), 20, "{report:#?}");
    for (database, at) in world.started() {
        let is_canary = ["tenant_0003", "tenant_0005"].contains(&database.as_str());
        assert_eq!(at < START + MINUTE, is_canary, "{database} after {at:?}");
    }
}
