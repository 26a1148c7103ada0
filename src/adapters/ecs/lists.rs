//! Lists as ECS does not answer them: what is absent is not empty.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ecs::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::adapters::Aws;
use crate::ports::{DesiredStatus, TaskReads};

/// Answers with these bodies, one after the other, and with the last one for ever.
#[derive(Debug, Clone)]
struct Answers(Arc<Mutex<Vec<&'static str>>>);

impl HttpConnector for Answers {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut bodies = self.0.lock().expect("the answers");
        let body = if bodies.len() > 1 { bodies.remove(0) } else { bodies[0] };
        let ok = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(body))))
    }
}

fn aws(bodies: &[&'static str]) -> Aws {
    let answers = Answers(Arc::new(Mutex::new(bodies.to_vec())));
    let config = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(answers.clone())))
        .build();
    Aws::from_config(config, Duration::from_secs(10), 1.0)
}

#[tokio::test]
async fn a_list_that_is_absent_or_does_not_end_is_an_error_and_not_empty() {
    for (bodies, listed) in [
        (&[r#"{"taskArns":[]}"#] as &[_], Ok(0)),
        (&[r#"{"taskArns":["t"],"nextToken":"1"}"#, r#"{"taskArns":["u"],"nextToken":""}"#], Ok(2)),
        (&["{}"], Err("has no taskArns")),
        (&[r#"{"taskArns":null}"#], Err("has no taskArns")),
        (&[r#"{"taskArns":["t"],"nextToken":"1"}"#, "{}"], Err("has no taskArns")),
        (&[r#"{"taskArns":["t"],"nextToken":"1"}"#], Err("has no other page")),
    ] {
        let actual = aws(bodies).list_tasks("c", "f", DesiredStatus::Running).await;
        match (actual, listed) {
            (Ok(arns), Ok(count)) => assert_eq!(arns.len(), count, "{bodies:?}"),
            (Err(error), Err(said)) => assert!(format!("{error:#}").contains(said), "{error:#}"),
            (actual, _) => panic!("{bodies:?}: {actual:?}"),
        }
    }
    for (body, is_described) in
        [(r#"{"tasks":[],"failures":[]}"#, true), ("{}", false), (r#"{"failures":[]}"#, false)]
    {
        let described = aws(&[body]).describe_tasks("c", &["t".to_owned()]).await;
        assert_eq!(described.is_ok(), is_described, "{body}");
    }
}
