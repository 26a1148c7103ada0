use std::fs;
use std::path::Path;

use super::schema;
use crate::cli::keys;
use crate::config::Config;

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fargate-migrate.schema.json");

#[test]
fn the_published_schema_is_that_of_the_reader() {
    let text = format!("{:#}\n", schema(&keys()));
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(PUBLISHED, text).expect("write the schema");
        return;
    }
    let published = fs::read_to_string(PUBLISHED).unwrap_or_default();
    assert!(
        published == text,
        "docs/fargate-migrate.schema.json is another one; UPDATE_SCHEMA=1 cargo test --lib published_schema writes it:\n{}",
        similar::TextDiff::from_lines(&published, &text).unified_diff()
    );
}

#[test]
fn every_key_is_described() {
    let schema = schema(&keys());
    let keys = schema["properties"].as_object().expect("properties");
    for (key, about) in keys {
        assert!(about["description"].as_str().is_some_and(|text| text.len() > 10), "{key}: {about}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

/// The reader's answer and the schema's to the same text.
fn judged(text: &str) -> (Result<(), String>, Result<(), String>) {
    let read = Config::parse(text, Path::new("file.yml"), &keys()).map(|_| ()).map_err(|error| error.message);
    let schema = jsonschema::validator_for(&schema(&keys())).expect("a valid schema");
    // As an editor reads YAML: by YAML 1.2's own types, not by ours.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let valid = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.to_string())
        .and_then(|value: serde_json::Value| schema.validate(&value).map_err(|error| error.to_string()));
    (read, valid)
}

#[test]
fn what_the_reader_takes_the_schema_takes() {
    for text in [
        include_str!("../samples/full.yml"),
        include_str!("../../../.github/fargate-migrate.yml"),
        "{}\n",
        "cluster:\n",
        "cluster: ''\ncommand: ''\nrole-to-assume: ''\nsubnets: []\nenv: {}\n",
        "image: registry.example/app:v1\nnetwork-from-service: web\n",
        "binary: target/app\nrepository: shop\n",
        "subnets: [subnet-1, 'tag:Name=x-*']\nsecurity-groups: [sg-1]\n",
        "databases: [a-b.c$1, Übung, '2024']\ngroups: {canary: [Übung], years: ['20??']}\n",
        "timeout: 1h 30m\ncall-timeout: 90s\nlog-drain: 1h5m10s\n",
        "max-parallel: 1000\nkeep-going: True\nproof: report\n",
        "on-timeout: stop\non-cancel: leave\n",
        "services: [web]\non-deploying: supersede\n",
        "databases: [a, b]\nrollout: [{databases: [a], pause: 10m}, {name: 2nd, databases: [all, 'b*']}]\nrest: last\n",
        "rollout: [{databases: [x], parallel: 2, max-failures: 3, databases-per-task: auto}]\n",
        "rollout:\n",
        "env: {A_1: 'true', _b: ''}\nbuild-arg: {HTTP_PROXY: , V: '1'}\n",
        "env: &shared {A: b}\nbuild-arg: *shared\n",
    ] {
        assert_eq!(judged(text), (Ok(()), Ok(())), "{text}");
    }
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let bad = [
        "clustr: x\n",
        "service: [web]\nservices: [web]\n",
        "keep_going: true\n",
        "- cluster\n",
        "cluster\n",
        "cluster: 12\n",
        "cluster: true\n",
        "cluster: [a]\n",
        "cluster: {name: a}\n",
        "subnets: subnet-1\n",
        "subnets: [sg-1]\n",
        "security-groups: [subnet-1]\n",
        "security-groups: ['tag:=x']\n",
        "timeout: 90\n",
        "timeout: soon\n",
        "timeout: 0s\n",
        "timeout: 30m 1h\n",
        "api-share: 0%\n",
        "api-share: 10000%\n",
        "max-failures: 0\n",
        "health-successes: 0\n",
        "health-successes: 101\n",
        "max-failures: 2\nkeep-going: true\n",
        "max-parallel: 0\n",
        "max-parallel: 1001\n",
        "max-parallel: many\n",
        "max-parallel: '4'\n",
        "max-parallel: 1.5\n",
        "keep-going: yes\n",
        "keep-going: 'true'\n",
        "keep-going: 1\n",
        "on-timeout: explode\n",
        "database-variable: 9X\n",
        "env: {9X: a}\n",
        "env: {A: 1}\n",
        "env: {A: }\n",
        "env: [A=1]\n",
        "build-arg: {V: 1}\n",
        "databases: a\n",
        "databases: [a, b, a]\n",
        "databases: [a b]\n",
        "databases: [-x]\n",
        "databases: ['']\n",
        "databases: ['a*']\n",
        "databases: [all]\n",
        "databases: [2024]\n",
        "databases: [__set-by-fargate-migrate__]\n",
        "databases: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
        "databases: [a]\ngroups: [a]\n",
        "databases: [a]\ngroups: {g: a}\n",
        "databases: [a]\ngroups: {g: []}\n",
        "databases: [a]\ngroups: {g: ['a;']}\n",
        "databases: [a]\ngroups: {all: [a]}\n",
        "databases: [a]\ngroups: {g h: [a]}\n",
        "image: a\nbinary: b\n",
        "image: a\ncontext: b\n",
        "binary: a\nbuild-arg: {A: b}\n",
        "network-from-service: a\nsubnets: [subnet-1]\n",
        "rollout: {a: {databases: [a]}}\n",
        "rollout: [a]\n",
        "rollout: [{}]\n",
        "rollout: [{databases: []}]\n",
        "rollout: [{databases: a}]\n",
        "rollout: [{databases: [a], group: b}]\n",
        "rollout: [{databases: ['a;']}]\n",
        "rollout: [{databases: [a], pause: 10}]\n",
        "rollout: [{databases: [a], parallel: '2'}]\n",
        "rollout: [{databases: [a], max-failures: 2, keep-going: true}]\n",
        "rollout: [{databases: [a], name: 'b c'}]\n",
        "rollout: [{databases: [a]}]\nrest: first\n",
        "rest: last\n",
        "network-from-service: a\nassign-public-ip: false\n",
    ];
    let judged: Vec<_> = bad.iter().map(|text| (text, judged(text))).collect();
    let accepted: Vec<_> = judged.iter().filter(|(_, (read, valid))| read.is_ok() || valid.is_ok()).collect();
    assert!(accepted.is_empty(), "accepted by the reader or the schema: {accepted:#?}");
}
