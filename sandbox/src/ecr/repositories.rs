use serde_json::{Value, json};

use super::errors::exception;
use super::{epoch, invalid, page, repository_name, strings, text};
use crate::answer::{Answer, AwsError};
use crate::registry::{Registry, Repository, RepositorySettings};

pub(super) fn create(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    let repository =
        registry.create_repository(name, settings(input)?).map_err(exception(registry.account()))?;
    Ok(json!({"repository": description(registry, name, &repository)}))
}

pub(super) fn delete(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    let force = input["force"].as_bool().unwrap_or(false);
    let repository = registry.delete_repository(name, force).map_err(exception(registry.account()))?;
    Ok(json!({"repository": description(registry, name, &repository)}))
}

pub(super) fn describe(registry: &Registry, input: &Value) -> Answer {
    let names: Vec<&str> = strings(input, "repositoryNames").collect();
    let described: Vec<Value> = if names.is_empty() {
        let all = registry.repositories();
        all.iter().map(|(name, repository)| description(registry, name, repository)).collect()
    } else {
        let one = |name: &&str| Ok(description(registry, name, &registry.repository(name)?));
        names.iter().map(one).collect::<Result<_, _>>().map_err(exception(registry.account()))?
    };
    page(input, "repositories", described, 100)
}

fn settings(input: &Value) -> Result<RepositorySettings, AwsError> {
    let (immutable, excludes) = match input["imageTagMutability"].as_str().unwrap_or("MUTABLE") {
        "MUTABLE" => (false, false),
        "MUTABLE_WITH_EXCLUSION" => (false, true),
        "IMMUTABLE" => (true, false),
        "IMMUTABLE_WITH_EXCLUSION" => (true, true),
        other => {
            return Err(invalid(format!(
                "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: '{other}'"
            )));
        }
    };
    let filters = input["imageTagMutabilityExclusionFilters"].as_array().into_iter().flatten();
    let except: Vec<String> =
        filters.map(|filter| text(filter, "filter").map(str::to_owned)).collect::<Result<_, _>>()?;
    if excludes == except.is_empty() {
        return Err(invalid(
            "Invalid parameter at 'imageTagMutabilityExclusionFilters': required with, and only with, a mutability \
             with exclusion",
        ));
    }
    let scan_on_push = input["imageScanningConfiguration"]["scanOnPush"].as_bool().unwrap_or(false);
    Ok(RepositorySettings { immutable, except, scan_on_push })
}

fn description(registry: &Registry, name: &str, repository: &Repository) -> Value {
    let settings = &repository.settings;
    let mut description = json!({
        "repositoryArn": format!("arn:aws:ecr:{}:{}:repository/{name}", registry.region(), registry.account()),
        "registryId": registry.account(),
        "repositoryName": name,
        "repositoryUri": registry.repository_uri(name),
        "createdAt": epoch(repository.created_at),
        "imageTagMutability": settings.mutability(),
        "imageScanningConfiguration": {"scanOnPush": settings.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    });
    if !settings.except.is_empty() {
        let filters =
            settings.except.iter().map(|filter| json!({"filterType": "WILDCARD", "filter": filter}));
        description["imageTagMutabilityExclusionFilters"] = filters.collect();
    }
    description
}
