//! Whatever a document holds, patching it changes the image and the run's variables of one container, and nothing
//! else.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::read::READ_ONLY;
use super::*;

/// Makes any JSON, nested.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Makes fields that the program does not know, in any order.
fn extra() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec(("x[A-Za-z.]{0,6}", json()), 0..4)
}

fn object(known: Vec<(&str, Option<Value>)>, extra: Vec<(String, Value)>, shift: usize) -> Value {
    let known = known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let mut fields: Vec<_> = known.chain(extra).collect();
    let middle = shift % fields.len().max(1);
    fields.rotate_left(middle);
    Value::Object(fields.into_iter().collect())
}

fn entry() -> impl Strategy<Value = Value> {
    let name =
        prop_oneof![Just("DATABASE_NAME".to_owned()), Just("MODE".to_owned()), "[A-Z]{1,3}", any::<String>()];
    (option::weighted(0.95, name), option::of(any::<String>()), extra(), any::<usize>()).prop_map(
        |(name, value, extra, shift)| {
            object(vec![("name", name.map(Value::from)), ("value", value.map(Value::from))], extra, shift)
        },
    )
}

fn container(index: usize) -> impl Strategy<Value = Value> {
    let environment = option::of(prop_oneof![Just(Value::Null), vec(entry(), 0..6).prop_map(Value::from)]);
    let secrets = option::of(prop_oneof![
        Just(Value::Null),
        vec("[a-z]{1,3}".prop_map(|name| json!({"name": name, "valueFrom": "arn"})), 0..3)
            .prop_map(Value::from)
    ]);
    (environment, secrets, option::of(json()), option::of(json()), extra(), any::<usize>()).prop_map(
        move |(environment, secrets, image, command, extra, shift)| {
            let name = Value::from(format!("container-{index}"));
            let known = vec![
                ("name", Some(name)),
                ("image", image),
                ("environment", environment),
                ("command", command),
                ("secrets", secrets),
            ];
            object(known, extra, shift)
        },
    )
}

/// Makes a DescribeTaskDefinition body.
fn body() -> impl Strategy<Value = Value> {
    let containers = (1..4_usize).prop_flat_map(|count| (0..count).map(container).collect::<Vec<_>>());
    let read_only = vec(json(), READ_ONLY.len());
    let tags = vec(("k[a-z]{0,4}", any::<String>()), 0..4);
    (containers, read_only, tags, extra(), any::<usize>()).prop_map(
        |(containers, read_only, tags, extra, shift)| {
            let mut known: Vec<_> = READ_ONLY.into_iter().zip(read_only.into_iter().map(Some)).collect();
            known.push(("family", Some("f".into())));
            known.push(("containerDefinitions", Some(containers.into())));
            let tags: Vec<Value> =
                tags.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
            json!({"taskDefinition": object(known, extra, shift), "tags": tags})
        },
    )
}

fn patch() -> impl Strategy<Value = Patch<'static>> {
    let variables = (any::<String>(), option::of(any::<String>())).prop_map(|(database, mode)| {
        let database = [("DATABASE_NAME".to_owned(), database)];
        database.into_iter().chain(mode.map(|mode| ("MODE".to_owned(), mode))).collect()
    });
    ("[a-z]{1,8}@sha256:[0-9a-f]{8}", variables, option::of(vec(any::<String>(), 0..3)))
        .prop_map(|(image, environment, command)| Patch { image, environment, command, witness: None })
}

/// Returns the text, in which the order of keys counts.
fn text(value: &Value) -> String {
    value.to_string()
}

fn entries(container: &Value) -> Vec<Value> {
    container["environment"].as_array().cloned().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_registered_is_what_was_described(body in body()) {
        let definition = TaskDefinition::from_json(body.clone(), "test").unwrap();
        let mut expected = body["taskDefinition"].as_object().unwrap().clone();
        for key in READ_ONLY {
            expected.shift_remove(key);
        }
        if !body["tags"].as_array().unwrap().is_empty() {
            expected.insert("tags".into(), body["tags"].clone());
        }
        prop_assert_eq!(text(definition.register_input()), text(&Value::Object(expected)));
    }

    #[test]
    fn a_patch_changes_nothing_else(body in body(), patch in patch(), choice in any::<prop::sample::Index>()) {
        let before = TaskDefinition::from_json(body, "test").unwrap();
        let names = before.container_names();
        let chosen = names[choice.index(names.len())].to_owned();
        let after = before.patched(&chosen, &patch).unwrap();

        let mut undone = after.register_input().clone();
        let containers = before.register_input()["containerDefinitions"].as_array().unwrap();
        for (index, old) in containers.iter().enumerate() {
            let new = &mut undone["containerDefinitions"][index];
            if old["name"] != chosen.as_str() {
                prop_assert_eq!(text(old), text(new));
                continue;
            }
            prop_assert_eq!(&new["image"], &patch.image);
            let ours = |entry: &&Value| patch.environment.iter().any(|(name, _)| entry["name"] == name.as_str());
            for (name, value) in &patch.environment {
                let set: Vec<Value> = entries(new).into_iter().filter(|entry| entry["name"] == name.as_str()).collect();
                prop_assert_eq!(set.len(), 1);
                prop_assert_eq!(&set[0]["value"], value);
            }
            let (old_entries, new_entries) = (entries(old), entries(new));
            let kept: Vec<&Value> = old_entries.iter().filter(|entry| !ours(entry)).collect();
            let left: Vec<&Value> = new_entries.iter().filter(|entry| !ours(entry)).collect();
            prop_assert_eq!(kept, left);
            // What was there keeps its place: the first of each name, before all that is added.
            let mut order: Vec<&Value> = Vec::new();
            for name in old_entries.iter().map(|entry| &entry["name"]) {
                let is_ours = patch.environment.iter().any(|(ours, _)| name == ours.as_str());
                if !is_ours || !order.contains(&name) {
                    order.push(name);
                }
            }
            let placed: Vec<&Value> = new_entries.iter().map(|entry| &entry["name"]).collect();
            prop_assert_eq!(&placed[..order.len()], &order[..]);
            // The keys that the patch may touch, put back; the rest must be what it was, in its order.
            let fields = new.as_object_mut().unwrap();
            for key in ["image", "environment", "command"] {
                if key == "command" && patch.command.is_some() {
                    prop_assert_eq!(&fields["command"], &json!(patch.command));
                }
                match old.get(key) {
                    Some(value) => fields.insert(key.into(), value.clone()),
                    None => fields.shift_remove(key),
                };
            }
        }
        prop_assert_eq!(text(&undone), text(before.register_input()));
    }

    #[test]
    fn a_second_patch_changes_nothing(body in body(), patch in patch()) {
        let once = TaskDefinition::from_json(body, "test").unwrap().patched("container-0", &patch).unwrap();
        let twice = once.patched("container-0", &patch).unwrap();
        prop_assert_eq!(text(once.register_input()), text(twice.register_input()));
        prop_assert!(once.same_as(&twice));
    }

    #[test]
    fn the_diff_is_empty_only_for_the_same(a in body(), b in body(), patch in patch()) {
        let a = TaskDefinition::from_json(a, "test").unwrap();
        let b = TaskDefinition::from_json(b, "test").unwrap();
        let c = a.patched("container-0", &patch).unwrap();
        for (from, to) in [(&a, &b), (&a, &c), (&c, &a)] {
            let diff = from.diff(to, &["DATABASE_NAME"]);
            prop_assert_eq!(diff.is_empty(), from.same_as(to));
            prop_assert!(!diff.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
        }
    }

    #[test]
    fn no_document_makes_it_panic(document in json(), containers in json(), tags in json()) {
        let _ = TaskDefinition::from_json(document, "test");
        let shaped = json!({"taskDefinition": {"family": "f", "containerDefinitions": containers}, "tags": tags});
        let _ = TaskDefinition::from_json(shaped, "test");
    }
}
