use fargate_migrate::verdict::{AllMigrated, Migrated};

fn main() {
    let _ = Migrated::default();
    let _ = AllMigrated::default();
}
