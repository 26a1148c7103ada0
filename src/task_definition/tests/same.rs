//! When a revision that is there will do.

use super::*;

#[test]
fn what_ecs_adds_makes_no_difference() {
    let sent = read(json!({
        "family": "f", "networkMode": "awsvpc", "cpu": "0.25 vCPU", "memory": "0.5GB",
        "containerDefinitions": [{"name": "a", "image": "x", "portMappings": [{"containerPort": 80}],
            "environment": [{"value": "2", "name": "B"}, {"name": "A", "value": "1"}],
            "logConfiguration": {"logDriver": "awslogs"}}],
        "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    }));
    let answered = read(json!({"taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/f:1", "revision": 1,
        "containerDefinitions": [{"image": "x", "name": "a", "cpu": 0, "essential": true, "mountPoints": [],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}], "volumesFrom": [],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "systemControls": [],
            "logConfiguration": {"logDriver": "awslogs", "options": {}, "secretOptions": []}}],
        "networkMode": "awsvpc", "family": "f", "volumes": [], "placementConstraints": [], "cpu": "256",
        "memory": "512", "status": "ACTIVE"},
        "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}));
    assert!(sent.same_as(&answered) && answered.same_as(&sent));
    assert_eq!(sent.diff(&answered, &[]), "");
}

#[test]
fn what_could_run_differently_is_not_the_same() {
    let base = json!({"family": "f", "cpu": "256", "containerDefinitions": [
        {"name": "a", "image": "x", "command": ["app", "migrate"], "dockerLabels": {},
         "environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        {"name": "b", "image": "y"}]});
    let changes: [(&str, Value); 14] = [
        ("/family", json!("g")),
        ("/cpu", json!("512")),
        ("/cpu", json!("256.5 vCPU x")),
        ("/containerDefinitions/0/image", json!("x:1")),
        ("/containerDefinitions/0/command", json!(["migrate", "app"])),
        ("/containerDefinitions/0/command", json!([])),
        ("/containerDefinitions/0/environment/0/value", json!("3")),
        (
            "/containerDefinitions/0/environment",
            json!([{"name": "A", "value": "2"}, {"name": "A", "value": "1"}]),
        ),
        ("/containerDefinitions/0/environment", json!([{"name": "A", "value": "1"}])),
        ("/containerDefinitions/0/dockerLabels", json!({"a": null})),
        ("/containerDefinitions/0/dockerLabels", json!([])),
        ("/containerDefinitions/1/name", json!("c")),
        ("/containerDefinitions/1", json!({"name": "b", "image": "y", "essential": false})),
        ("/containerDefinitions/1", json!({"name": "b", "image": "y", "future": []})),
    ];
    for (pointer, value) in changes {
        let mut changed = base.clone();
        *changed.pointer_mut(pointer).unwrap() = value.clone();
        let (base, changed) = (read(base.clone()), read(changed));
        assert!(!base.same_as(&changed), "{pointer} {value}");
        assert_ne!(base.diff(&changed, &[]), "", "{pointer} {value}");
    }
    let mut swapped = base.clone();
    swapped["containerDefinitions"].as_array_mut().unwrap().swap(0, 1);
    assert!(!read(base.clone()).same_as(&read(swapped.clone())));
    assert_ne!(read(base).diff(&read(swapped), &[]), "");
}
