use super::{Application, versions};
use crate::python::{Python, or_skip};
use crate::support::World;
use serde_json::json;
use std::sync::LazyLock;

static PACKAGES: LazyLock<Result<Python, String>> =
    LazyLock::new(|| Python::with(include_str!("../apps/requirements.txt")));

async fn django() -> Option<Application> {
    let python = or_skip(&PACKAGES)?;
    let world = World::with("django").await?;
    let program = python.program("python").display().to_string();
    let later =
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = ";
    Some(Application {
        world,
        tool: "django",
        command: [program.as_str(), "manage.py", "migrate"].map(str::to_owned).to_vec(),
        first: ["shop.0001_customers", "shop.0002_orders"],
        third: (
            "shop/migrations/0003_items.py",
            format!("{later}[(\"shop\", \"0002_orders\")]\n    operations = [migrations.RunSQL(\"create table items ()\")]\n").leak(),
        ),
        broken: (
            "shop/migrations/0004_broken.py",
            format!("{later}[(\"shop\", \"0003_items\")]\n    operations = [migrations.RunSQL(\"create table half (); select 1/0\")]\n").leak(),
        ),
    })
}

async fn alembic() -> Option<Application> {
    let python = or_skip(&PACKAGES)?;
    let world = World::with("alembic").await?;
    let program = python.program("alembic").display().to_string();
    Some(Application {
        world,
        tool: "alembic",
        command: [program.as_str(), "upgrade", "head"].map(str::to_owned).to_vec(),
        first: ["0001", "0002"],
        third: (
            "alembic/versions/0003_items.py",
            "from alembic import op\n\nrevision = \"0003\"\ndown_revision = \"0002\"\n\n\n\
             def upgrade():\n    op.execute(\"create table items ()\")\n",
        ),
        broken: (
            "alembic/versions/0004_broken.py",
            "from alembic import op\n\nrevision = \"0004\"\ndown_revision = \"0003\"\n\n\n\
             def upgrade():\n    op.execute(\"create table half ()\")\n    op.execute(\"select 1/0\")\n",
        ),
    })
}

#[tokio::test]
async fn django_keeps_what_came_before_a_failure_and_says_nothing_of_a_newer_database() {
    let Some(django) = django().await else { return };
    django.begins().await;
    let (stayed, missing) = django.breaks().await;
    assert_eq!((stayed, missing), (vec!["shop.0003_items".to_owned()], vec!["shop.0004_broken".to_owned()]));
    // The image has two migrations again, and the database has three.
    let old = django.migrate().await.exits(0).report();
    assert_eq!((versions(&old["unknown"]), &old["pending"]), (vec!["shop.0003_items".to_owned()], &json!(0)));
}

#[tokio::test]
async fn django_with_a_name_in_its_settings_is_never_taken_for_another() {
    let Some(django) = django().await else { return };
    let other = django.world.another_database().await;
    django.world.replace("settings.py", "os.environ[\"PGDATABASE\"]", &format!("\"{other}\""));
    django.is_never_taken_for_another(&other, &[]).await;
}

#[tokio::test]
async fn django_counts_a_squash_and_what_it_replaces_once() {
    let Some(django) = django().await else { return };
    django.migrate().await.exits(0);
    let squash = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    initial = True\n    \
                  replaces = [(\"shop\", \"0001_customers\"), (\"shop\", \"0002_orders\")]\n    \
                  operations = [migrations.RunSQL(\"create table customers (id int); create table orders (id int)\")]\n";
    django.world.file("shop/migrations/0001_squashed.py", squash);
    let check = django.check().await;
    assert_eq!((&check["pending"], &check["unknown"]), (&json!(0), &json!([])), "{check}");
    let recorded = django.migrate().await.exits(0).report();
    assert_eq!(versions(&recorded["applied"]), ["shop.0001_squashed"]);
    for replaced in ["0001_customers", "0002_orders"] {
        django.remove(&format!("shop/migrations/{replaced}.py"));
    }
    let later = django.check().await;
    assert_eq!((&later["pending"], &later["unknown"]), (&json!(0), &json!([])), "{later}");
    // A new database runs the squash alone.
    let new = django.world.another_database().await;
    let report = django.witness(&[]).env("PGDATABASE", &new).run().await.exits(0).report();
    assert_eq!(
        (&report["database"], &report["pending"], &report["unknown"]),
        (&json!(new), &json!(0), &json!([]))
    );
    assert!(versions(&report["applied"]).contains(&"shop.0001_squashed".to_owned()), "{report}");
}

#[tokio::test]
async fn alembic_keeps_nothing_of_a_run_that_fails_and_does_not_know_a_newer_database() {
    let Some(alembic) = alembic().await else { return };
    alembic.begins().await;
    let (stayed, missing) = alembic.breaks().await;
    assert_eq!((stayed, missing), (vec![], vec!["0003".to_owned(), "0004".to_owned()]));
    let old = alembic.migrate().await.says("the database is at revision 0003, which no file has");
    assert!(old.exit != Some(0) && old.reports().is_empty(), "{}", old.said());
}

#[tokio::test]
async fn alembic_with_a_name_in_its_environment_is_never_taken_for_another() {
    let Some(alembic) = alembic().await else { return };
    let other = alembic.world.another_database().await;
    alembic.world.replace("alembic/env.py", "os.environ[\"PGDATABASE\"]", &format!("\"{other}\""));
    alembic.is_never_taken_for_another(&other, &[]).await;
}
