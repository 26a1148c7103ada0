use fargate_migrate::verdict::{AllMigrated, Migrated};

/// A proof of one database, said to be that of another one, or of another image.
fn forge(mut proof: Migrated, mut all: AllMigrated) {
    proof.database = "shop".into();
    proof.image_digest = None;
    all.image_digest = "sha256:2".into();
}

fn main() {}
