use sandbox::Options;
use serde_json::json;

use crate::client::{CLUSTER, call, credential, ecs, post, seeded};

#[tokio::test]
async fn only_the_sandbox_key_is_let_in() {
    let sandbox = seeded(Options::default()).await;
    let target = ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters".to_owned());
    let without = post(&sandbox, std::slice::from_ref(&target), "{}").await.unwrap();
    assert_eq!(without.error(), ("MissingAuthenticationTokenException", "Missing Authentication Token"));
    let other = ("Authorization", credential("us-east-1").replace("SANDBOX", "STRANGE"));
    let stranger = post(&sandbox, &[target, other], "{}").await.unwrap();
    assert_eq!(stranger.status, 400);
    assert_eq!(
        stranger.error(),
        ("UnrecognizedClientException", "The security token included in the request is invalid.")
    );
    assert!(stranger.headers.contains("x-amzn-errortype: UnrecognizedClientException"));
}

#[tokio::test]
async fn another_region_is_empty() {
    let sandbox = seeded(Options::default()).await;
    let headers = [
        ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListTasks".to_owned()),
        ("Authorization", credential("eu-west-1")),
    ];
    let body = json!({ "cluster": CLUSTER }).to_string();
    let reply = post(&sandbox, &headers, &body).await.unwrap();
    assert_eq!(reply.error(), ("ClusterNotFoundException", "Cluster not found."));
    assert_eq!(ecs(&sandbox, "ListTasks", &json!({ "cluster": CLUSTER })).await.status, 200);
}

#[tokio::test]
async fn unknown_operations_and_services() {
    let sandbox = seeded(Options::default()).await;
    for target in ["AmazonEC2ContainerServiceV20141113.Fly", "Nothing_1.ListThings", "nonsense"] {
        let reply = call(&sandbox, target, &json!({})).await;
        assert_eq!((reply.status, reply.error().0), (400, "UnknownOperationException"), "{target}");
    }
    let target = ("X-Amz-Target", "Logs_20140328.GetLogEvents".to_owned());
    let auth = ("Authorization", credential("us-east-1"));
    let reply = post(&sandbox, &[target, auth], "{not json").await.unwrap();
    assert_eq!(reply.error().0, "SerializationException");
}

#[tokio::test]
async fn sts_says_who_calls() {
    let sandbox = seeded(Options::default()).await;
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let auth = ("Authorization", credential("us-east-1"));
    let reply = post(&sandbox, &[auth], body).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.body.as_str().unwrap().contains("<Account>123456789012</Account>"), "{}", reply.body);
}

#[tokio::test]
async fn subnets_are_found_by_tag_in_pages() {
    let sandbox = seeded(Options::default()).await;
    sandbox.create_network([
        sandbox::Resource::named("subnet-0a", "startupwebapp-private-subnet-1"),
        sandbox::Resource::named("subnet-0b", "startupwebapp-private-subnet-2"),
        sandbox::Resource::named("sg-0a", "startupwebapp-backend-sg"),
    ]);
    let target = "ResourceGroupsTaggingAPI_20170126.GetResources";
    let mut input = json!({
        "ResourceTypeFilters": ["ec2:subnet"], "TagFilters": [{ "Key": "Name" }], "ResourcesPerPage": 1,
    });
    let first = call(&sandbox, target, &input).await.ok();
    assert_eq!(
        first["ResourceTagMappingList"][0]["ResourceARN"],
        "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0a"
    );
    input["PaginationToken"] = first["PaginationToken"].clone();
    let second = call(&sandbox, target, &input).await.ok();
    assert_eq!(second["ResourceTagMappingList"][0]["Tags"][0]["Value"], "startupwebapp-private-subnet-2");
    assert_eq!(second["PaginationToken"], "");
    let by_value = json!({ "TagFilters": [{ "Key": "Name", "Values": ["startupwebapp-backend-sg"] }] });
    let groups = call(&sandbox, target, &by_value).await.ok();
    assert_eq!(
        groups["ResourceTagMappingList"][0]["ResourceARN"],
        "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0a"
    );
}
