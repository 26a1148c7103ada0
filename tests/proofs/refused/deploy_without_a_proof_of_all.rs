use fargate_migrate::report::Report;
use fargate_migrate::verdict::service::Deployable;
use fargate_migrate::verdict::{AllMigrated, Migrated, NotAll, Verdict};

fn some(one: &Migrated, several: &Vec<Migrated>) {
    Deployable::migrated(one);
    Deployable::migrated(several);
}

fn other(verdict: &Verdict, report: &Report, not_yet: &Result<AllMigrated, NotAll>) {
    Deployable::migrated(verdict);
    Deployable::migrated(report);
    Deployable::migrated(not_yet);
}

/// Only `--no-migration` gives the word, and nothing else stands for it.
fn elsewhere(digest: &str) {
    Deployable::proved_elsewhere(digest);
    Deployable::proved_elsewhere(digest, &());
}

fn main() {}
