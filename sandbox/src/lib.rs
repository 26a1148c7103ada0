//! ECS, ECR, CloudWatch Logs, Secrets Manager and STS on loopback, with tasks that really run.

pub mod answer;
pub mod images;
