//! Task definitions, as raw JSON.

use anyhow::{Context as _, Result};
use aws_sdk_ecs::types::{TaskDefinitionFamilyStatus, TaskDefinitionField};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::raw;
use crate::adapters::Aws;
use crate::adapters::aws_error::{incomplete, unless_said};
use crate::arn;
use crate::exact_json;
use crate::ports::{Call, DefinitionReads, DefinitionWrites};

impl DefinitionReads for Aws {
    /// Calls DescribeTaskDefinition with tags, and returns the JSON that AWS sent: the SDK's types drop fields that
    /// they do not know.
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        let doing = format!("describe task definition {name}");
        let body = raw::Captured::default();
        let described = async || {
            let request = self.ecs.describe_task_definition().task_definition(name);
            let request = request.include(TaskDefinitionField::Tags).customize().interceptor(body.clone());
            // "Unable to describe task definition." is all that ECS says of one that does not exist.
            let texts = ["unable to describe task definition", "not found", "does not exist"];
            unless_said("ClientException", &texts, request.send().await)
        };
        match self.call(Call::DESCRIBE_TASK_DEFINITION, &doing, described).await? {
            Some(_) => body.json().context(doing).map(Some),
            None => Ok(None),
        }
    }

    async fn task_definition_families_like(&self, name: &str) -> Result<Vec<String>> {
        let start: String = arn::family(name).chars().take_while(|c| !matches!(c, '-' | '_')).collect();
        let doing = "list task definition families";
        for prefix in [Some(start).filter(|start| !start.is_empty()), None] {
            let listed = async || {
                let request = self.ecs.list_task_definition_families().set_family_prefix(prefix.clone());
                request.status(TaskDefinitionFamilyStatus::Active).send().await
            };
            let answer = self.call(Call::LIST_TASK_DEFINITION_FAMILIES, doing, listed).await?;
            let families = answer.families.unwrap_or_default();
            if !families.is_empty() {
                return Ok(families);
            }
        }
        Ok(Vec::new())
    }
}

impl DefinitionWrites for Aws {
    async fn register_task_definition(&self, document: &Value) -> Result<String> {
        let family = document["family"].as_str().unwrap_or_default();
        let doing = format!("register a revision of task definition {family}");
        let body = exact_json::text(document);
        let registered = async || {
            let body = body.clone();
            // Before it is signed, on every attempt.
            let replaced = move |request: &mut HttpRequest| {
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body.as_str());
            };
            self.ecs
                .register_task_definition()
                .family(family)
                .customize()
                .mutate_request(replaced)
                .send()
                .await
        };
        let answer = self.call(Call::REGISTER_TASK_DEFINITION, &doing, registered).await?;
        answer
            .task_definition
            .and_then(|definition| definition.task_definition_arn)
            .ok_or_else(|| incomplete(Call::REGISTER_TASK_DEFINITION, &doing, "taskDefinitionArn"))
    }
}
