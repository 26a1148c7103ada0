use fargate_migrate::settings::NoMigration;
use fargate_migrate::verdict::service::Deployable;

fn said(digest: &str) -> Deployable {
    Deployable::proved_elsewhere(digest, &NoMigration(()))
}

fn main() {}
