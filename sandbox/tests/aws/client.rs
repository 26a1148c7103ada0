//! A client of AWS JSON 1.1 that shows what is on the wire.

use std::time::Duration;

use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const CLUSTER: &str = "startupwebapp-cluster";
pub const FAMILY: &str = "startupwebapp-migration-task";
pub const GROUP: &str = "/ecs/startupwebapp-migrations";
pub const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds/startupwebapp/multi-tenant/master-AbCdEf";

/// Real processes and sockets get this long.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: String,
    pub body: Value,
}

impl Reply {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Exception name and message.
    #[track_caller]
    pub fn error(&self) -> (&str, &str) {
        assert_ne!(self.status, 200, "{}", self.body);
        (self.body["__type"].as_str().unwrap(), self.body["message"].as_str().unwrap_or_default())
    }
}

/// A sandbox with a cluster, a log group, the secret and a Fargate task definition.
pub async fn seeded(options: Options) -> Sandbox {
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.create_cluster(CLUSTER);
    sandbox.create_log_group(GROUP);
    sandbox.put_secret(SECRET, &json!({ "password": "s3cret", "port": 5432 }));
    sandbox.register_task_definition(&definition(&[container("migration")])).unwrap();
    sandbox
}

pub fn container(name: &str) -> Value {
    json!({
        "name": name,
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend:latest",
        "environment": [{ "name": "AWS_REGION", "value": "us-east-1" }],
        "secrets": [{ "name": "DATABASE_PASSWORD", "valueFrom": format!("{SECRET}:password::") }],
        "logConfiguration": { "logDriver": "awslogs", "options": {
            "awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "migration",
        }},
    })
}

pub fn definition(containers: &[Value]) -> Value {
    json!({
        "family": FAMILY, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": containers,
    })
}

pub fn run_task_input() -> Value {
    json!({
        "cluster": CLUSTER, "taskDefinition": FAMILY, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
    })
}

pub async fn ecs(sandbox: &Sandbox, operation: &str, input: &Value) -> Reply {
    call(sandbox, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

pub async fn logs(sandbox: &Sandbox, operation: &str, input: &Value) -> Reply {
    call(sandbox, &format!("Logs_20140328.{operation}"), input).await
}

pub async fn call(sandbox: &Sandbox, target: &str, input: &Value) -> Reply {
    let headers = [("X-Amz-Target", target.to_owned()), ("Authorization", credential("us-east-1"))];
    post(sandbox, &headers, &input.to_string()).await.unwrap()
}

pub fn credential(region: &str) -> String {
    let key = "SANDBOXACCESSKEY0000";
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261123/{region}/any/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// None when the connection ended before a full answer.
pub async fn post(sandbox: &Sandbox, headers: &[(&str, String)], body: &str) -> Option<Reply> {
    let host = sandbox.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let mut request =
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head.contains("chunked") {
        return None;
    }
    Some(Reply {
        status: head.split(' ').nth(1)?.parse().unwrap(),
        headers: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.into())),
    })
}

/// Starts one task; answers its ARN.
pub async fn run(sandbox: &Sandbox, input: &Value) -> String {
    let answer = ecs(sandbox, "RunTask", input).await.ok();
    assert_eq!(answer["failures"], json!([]));
    answer["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
}

pub async fn describe(sandbox: &Sandbox, arn: &str) -> Value {
    let input = json!({ "cluster": CLUSTER, "tasks": [arn], "include": ["TAGS"] });
    ecs(sandbox, "DescribeTasks", &input).await.ok()
}

/// The task once it is in this state.
pub async fn until(sandbox: &Sandbox, arn: &str, status: &str) -> Value {
    let reached = async {
        loop {
            let answer = describe(sandbox, arn).await;
            if answer["tasks"][0]["lastStatus"] == status {
                return answer["tasks"][0].clone();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{arn} never got {status}"))
}

pub async fn until_stopped(sandbox: &Sandbox, arn: &str) -> Value {
    until(sandbox, arn, "STOPPED").await
}

pub fn task_id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}
