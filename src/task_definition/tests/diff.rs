//! What a person sees of the change.

use super::*;

#[test]
fn the_diff_shows_what_we_set_and_hides_the_rest() {
    let seed = read(seed());
    let patched = seed.patched("migration", &database()).unwrap();
    insta::assert_snapshot!(seed.diff(&patched, &["DATABASE_NAME"]), @r"
    --- startupwebapp-migration-task:2
    +++ startupwebapp-migration-task (next revision)
    @@ container migration @@
      command = (hidden)
      essential = true
    - image = 123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend:latest
    + image = 123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:0af1
      logConfiguration.logDriver = awslogs
      logConfiguration.options.awslogs-group = /ecs/startupwebapp-migrations
      logConfiguration.options.awslogs-region = us-east-1
    @@ container migration: environment @@
      AWS_REGION = (hidden)
    + DATABASE_NAME = healthtech_experiment
      DB_SECRET_NAME = (hidden)
    ");
    let twice = patched.patched("migration", &database()).unwrap();
    assert_eq!(patched.diff(&twice, &["DATABASE_NAME"]), "");
}

#[test]
fn the_diff_marks_hidden_changes_and_tells_no_secret() {
    let before = read(json!({"family": "f", "containerDefinitions": [{
        "name": "a\u{202e}", "image": "x", "command": ["app", "--password", "s3cret"],
        "environment": [{"name": "TOKEN", "value": "s3cret"}, {"name": "GONE", "value": "s3cret"}],
        "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/old"}],
        "dockerLabels": {"traefik": "s3cret"},
        "healthCheck": {"command": ["CMD", "curl", "-u", "s3cret"], "interval": 30},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "s3cret", "mode": "blocking"}},
        "future": {"list": [{"deep": "s3cret"}]},
    }]}));
    let after = read(json!({"family": "f", "containerDefinitions": [{
        "name": "a\u{202e}", "image": "x", "command": ["app", "migrate", "\u{1b}[2J"],
        "environment": [{"name": "TOKEN", "value": "s3cret2"}, {"name": "NEW", "value": "s3cret"},
            {"name": "OURS", "value": "two\nlines"}],
        "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/new"}],
        "dockerLabels": {"traefik": "s3cret2"},
        "healthCheck": {"command": ["CMD", "curl", "-u", "s3cret2"], "interval": 60},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "s3cret2", "mode": "blocking"}},
        "future": {"list": [{"deep": "s3cret2"}]},
    }], "tags": [{"key": "Team", "value": "shop"}]}));
    let diff = before.diff(&after, &["OURS"]);
    assert!(!diff.contains("s3cret"), "{diff}");
    insta::assert_snapshot!(diff, @r#"
    --- f
    +++ f (next revision)
    @@ container a\u{202e} @@
    - command = (hidden)
    - dockerLabels.traefik = (hidden)
    + command = ["app", "migrate", "\u001b[2J"]
    + dockerLabels.traefik = (hidden, changed)
      essential = true
    - future.list[0].deep = (hidden)
    - healthCheck.command = (hidden)
    - healthCheck.interval = 30
    + future.list[0].deep = (hidden, changed)
    + healthCheck.command = (hidden, changed)
    + healthCheck.interval = 60
      image = x
      logConfiguration.logDriver = splunk
      logConfiguration.options.mode = blocking
    - logConfiguration.options.splunk-token = (hidden)
    + logConfiguration.options.splunk-token = (hidden, changed)
    @@ container a\u{202e}: environment @@
    - GONE = (hidden)
    - TOKEN = (hidden)
    + NEW = (hidden)
    + OURS = two⏎lines
    + TOKEN = (hidden, changed)
    @@ container a\u{202e}: secrets @@
    - KEY ← arn:aws:ssm:us-east-1:123456789012:parameter/old
    + KEY ← arn:aws:ssm:us-east-1:123456789012:parameter/new
    @@ tags @@
    + Team = shop
    "#);
}

#[test]
fn what_our_variable_was_before_is_shown_only_where_it_is_a_name() {
    for (before, line) in [
        ("postgres://app:secret@db/central", "- DATABASE_URL = (hidden)\n"),
        ("central", "- DATABASE_URL = central\n"),
        ("__set-by-fargate-migrate__", "- DATABASE_URL = __set-by-fargate-migrate__\n"),
    ] {
        let of = |value: &str| {
            let environment = json!([{"name": "DATABASE_URL", "value": value}]);
            read(json!({"family": "f", "containerDefinitions": [{"name": "c", "environment": environment}]}))
        };
        let diff = of(before).diff(&of("tenant_a"), &["DATABASE_URL"]);
        assert!(diff.contains(line) && diff.contains("+ DATABASE_URL = tenant_a\n"), "{diff}");
        assert!(!diff.contains("secret"), "{diff}");
    }
}
