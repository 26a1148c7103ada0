use sandbox::Options;
use serde_json::json;

use crate::client::{FAMILY, container, definition, ecs, seeded};

#[tokio::test]
async fn unknown_fields_and_tags_survive() {
    let sandbox = seeded(Options::default()).await;
    let mut sent = definition(&[container("migration")]);
    sent["futureField"] = json!({ "deep": [1, null] });
    sent["containerDefinitions"][0]["futureField"] = json!("kept");
    sent["tags"] = json!([{ "key": "Application", "value": "StartupWebApp" }]);
    let registered = ecs(&sandbox, "RegisterTaskDefinition", &sent).await.ok();
    assert_eq!(registered["taskDefinition"]["revision"], 2);
    assert_eq!(registered["tags"], sent["tags"]);

    let without = ecs(&sandbox, "DescribeTaskDefinition", &json!({ "taskDefinition": FAMILY })).await.ok();
    assert!(without.get("tags").is_none());
    let input = json!({ "taskDefinition": format!("{FAMILY}:2"), "include": ["TAGS"] });
    let described = ecs(&sandbox, "DescribeTaskDefinition", &input).await.ok();
    assert_eq!(described["tags"], sent["tags"]);
    let read = &described["taskDefinition"];
    assert_eq!(read["futureField"], sent["futureField"]);
    assert_eq!(read["containerDefinitions"][0]["futureField"], "kept");
    assert_eq!(read["containerDefinitions"][0]["mountPoints"], json!([]));
    assert_eq!(read["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!(
        read["taskDefinitionArn"],
        format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{FAMILY}:2")
    );
}

#[tokio::test]
async fn what_describe_answered_keeps_its_revision() {
    let sandbox = seeded(Options::default()).await;
    let mut inner = definition(&[container("migration")]);
    inner["family"] = json!("restored");
    inner["revision"] = json!(7);
    inner["registeredAt"] = json!(1764032400.123);
    let arn = sandbox.register_task_definition(&json!({ "taskDefinition": inner, "tags": [] })).unwrap();
    assert!(arn.ends_with("/restored:7"));
    let mut next = definition(&[container("migration")]);
    next["family"] = json!("restored");
    let registered = ecs(&sandbox, "RegisterTaskDefinition", &next).await.ok();
    assert_eq!(registered["taskDefinition"]["revision"], 8);
    let old = ecs(&sandbox, "DescribeTaskDefinition", &json!({ "taskDefinition": arn })).await.ok();
    assert_eq!(old["taskDefinition"]["registeredAt"], 1764032400.123);
}

#[tokio::test]
async fn revisions_are_listed_in_pages_and_deregistered() {
    let sandbox = seeded(Options::default()).await;
    for _ in 0..2 {
        ecs(&sandbox, "RegisterTaskDefinition", &definition(&[container("migration")])).await.ok();
    }
    let first = json!({ "familyPrefix": FAMILY, "maxResults": 2, "sort": "DESC" });
    let page = ecs(&sandbox, "ListTaskDefinitions", &first).await.ok();
    assert_eq!(page["taskDefinitionArns"].as_array().unwrap().len(), 2);
    assert!(page["taskDefinitionArns"][0].as_str().unwrap().ends_with(":3"));
    let next =
        json!({ "familyPrefix": FAMILY, "maxResults": 2, "sort": "DESC", "nextToken": page["nextToken"] });
    let page = ecs(&sandbox, "ListTaskDefinitions", &next).await.ok();
    assert!(
        page["taskDefinitionArns"][0].as_str().unwrap().ends_with(":1") && page.get("nextToken").is_none()
    );

    let latest = json!({ "taskDefinition": format!("{FAMILY}:3") });
    ecs(&sandbox, "DeregisterTaskDefinition", &latest).await.ok();
    let described = ecs(&sandbox, "DescribeTaskDefinition", &json!({ "taskDefinition": FAMILY })).await.ok();
    assert_eq!(described["taskDefinition"]["revision"], 2);
    let again = ecs(&sandbox, "RegisterTaskDefinition", &definition(&[container("migration")])).await.ok();
    assert_eq!(again["taskDefinition"]["revision"], 4);
    let unknown = ecs(&sandbox, "DescribeTaskDefinition", &json!({ "taskDefinition": "nobody" })).await;
    assert_eq!(unknown.error(), ("ClientException", "Unable to describe task definition."));
}
