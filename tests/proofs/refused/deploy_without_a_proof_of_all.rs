use fargate_migrate::report::Report;
use fargate_migrate::verdict::{AllMigrated, Migrated, Verdict};

/// Deploying a service demands this.
fn deploy(_: &AllMigrated) {}

fn some(one: &Migrated, several: &Vec<Migrated>) {
    deploy(one);
    deploy(several);
}

fn other(verdict: &Verdict, report: &Report) {
    deploy(verdict);
    deploy(report);
}

fn main() {}
