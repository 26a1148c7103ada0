use fargate_migrate::verdict::{Judged, Migrated};

fn forge(record: &Judged) {
    let _ = Migrated::recorded(record);
}

fn main() {}
