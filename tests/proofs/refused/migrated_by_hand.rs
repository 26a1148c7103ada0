use fargate_migrate::verdict::Migrated;

fn main() {
    let _ = Migrated {
        database: "shop".into(),
        task_arn: String::new(),
        image_digest: None,
        report: None,
        earlier: None,
        deployed: None,
    };
}
