use fargate_migrate::ports::Task;
use fargate_migrate::verdict::Migrated;

fn main() {
    let _ = Migrated::by_task(&"shop".parse().expect("a name"), &Task::default(), None, None);
}
