//! What a run changes in the document.

use super::*;

#[test]
fn the_variable_is_added_updated_and_left_once() {
    let entry = json!({"name": "DATABASE_NAME", "value": "v"});
    let other = json!({"name": "A", "value": "DATABASE_NAME"});
    let old = json!({"name": "DATABASE_NAME", "value": "old"});
    for (before, after) in [
        (json!({}), json!([entry])),
        (json!({"environment": null}), json!([entry])),
        (json!({"environment": []}), json!([entry])),
        (json!({"environment": [other]}), json!([other, entry])),
        (json!({"environment": [old, other]}), json!([entry, other])),
        (json!({"environment": [other, old, old, entry]}), json!([other, entry])),
        (json!({"environment": [{"name": "DATABASE_NAME"}]}), json!([entry])),
        (
            json!({"environment": [{"name": "DATABASE_NAME", "value": null, "x": 1}]}),
            json!([{"name": "DATABASE_NAME", "value": "v", "x": 1}]),
        ),
        (
            json!({"environment": [{"name": "database_name", "value": "v"}]}),
            json!([{"name": "database_name", "value": "v"}, entry]),
        ),
    ] {
        let patched =
            with_container(before.clone()).patched("migration", &set("DATABASE_NAME", "v")).unwrap();
        assert_eq!(patched.register_input()["containerDefinitions"][0]["environment"], after, "{before}");
    }
}

#[test]
fn values_are_taken_as_they_are() {
    for value in ["a=b", "'\"$`\\", "line\nline\r\n", "数据库 ✓", "", " x "] {
        let patched = with_container(json!({})).patched("migration", &set("V", value)).unwrap();
        assert_eq!(patched.environment("migration", "V"), Some(value));
    }
}

#[test]
fn a_patched_document_is_no_revision_yet() {
    let patched = read(seed()).patched("migration", &database()).unwrap();
    assert_eq!((patched.arn(), patched.revision(), patched.status()), (None, None, None));
    assert!(patched.is_fargate_compatible());
}

#[test]
fn a_command_is_replaced_only_when_asked_for() {
    let mut patch = database();
    assert_eq!(
        read(seed()).patched("migration", &patch).unwrap().command("migration").unwrap(),
        ["app", "migrate"]
    );
    patch.command = Some(vec!["app".into(), "status".into()]);
    assert_eq!(
        read(seed()).patched("migration", &patch).unwrap().command("migration").unwrap(),
        ["app", "status"]
    );
}

#[test]
fn a_secret_of_the_same_name_is_refused_with_the_fix() {
    let failure = read(seed()).patched("migration", &set("DATABASE_HOST", "x")).unwrap_err();
    assert_eq!(
        failure.message,
        "container migration of task definition startupwebapp-migration-task:2 takes DATABASE_HOST from a secret, so \
         it cannot be set per database"
    );
    let hint = failure.hint.unwrap();
    assert!(hint.contains("remove DATABASE_HOST from the `secrets` of container migration in family startupwebapp-migration-task"));
    assert!(hint.contains("--database-variable"));
}

#[test]
fn impossible_patches_are_refused() {
    for name in ["", "A=B", "A\0"] {
        assert!(with_container(json!({})).patched("migration", &set(name, "x")).is_err(), "{name:?}");
    }
    let unknown = read(seed()).patched("web", &database()).unwrap_err();
    assert_eq!(unknown.message, "task definition startupwebapp-migration-task:2 has no container web");
    assert_eq!(unknown.hint.unwrap(), "its containers: migration; choose with --container");
}
