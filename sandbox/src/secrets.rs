//! Secrets Manager, and the SSM parameters that tasks may have injected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, AwsError};
use crate::clock::timestamp;
use crate::paging::page;
use crate::region::Region;
use crate::world::World;

/// The secrets of one Region.
pub struct Secrets {
    state: Mutex<State>,
    /// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:`.
    arn_prefix: String,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// By name.
    secrets: BTreeMap<String, Secret>,
    parameters: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    arn: String,
    /// Version id and secret string; the last one is AWSCURRENT, the one before it AWSPREVIOUS.
    versions: Vec<(String, String)>,
    created: i64,
}

impl Secrets {
    pub fn new(region: &str, account: &str) -> Self {
        let arn_prefix = format!("arn:aws:secretsmanager:{region}:{account}:secret:");
        Self { state: Mutex::default(), arn_prefix }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a secret, or gives it a new current version. An ARN brings its six-character suffix along.
    pub fn put(&self, world: &World, arn_or_name: &str, value: &str) -> String {
        let (name, arn) = match arn_or_name.strip_prefix("arn:") {
            Some(_) => {
                let full = arn_or_name.rsplit_once(":secret:").map_or(arn_or_name, |(_, name)| name);
                (
                    full.rsplit_once('-').map_or(full, |(name, _)| name).to_owned(),
                    Some(arn_or_name.to_owned()),
                )
            }
            None => (arn_or_name.to_owned(), None),
        };
        let mut state = self.state();
        let secret = state.secrets.entry(name.clone()).or_insert_with(|| Secret {
            arn: arn.unwrap_or_else(|| format!("{}{name}-{}", self.arn_prefix, world.ids.hex(6))),
            versions: Vec::new(),
            created: world.clock.now(),
        });
        secret.versions.push((world.ids.uuid(), value.into()));
        secret.arn.clone()
    }

    /// Sets a plain-text SSM parameter.
    pub fn put_parameter(&self, name: &str, value: &str) {
        self.state().parameters.insert(name.into(), value.into());
    }

    /// Returns everything, for [`Secrets::restore`].
    pub(crate) fn keep(&self) -> Value {
        serde_json::to_value(&*self.state()).unwrap_or_default()
    }

    /// Replaces everything with what [`Secrets::keep`] returned.
    ///
    /// # Errors
    /// `kept` is something else.
    pub(crate) fn restore(&self, kept: &Value) -> serde_json::Result<()> {
        *self.state() = State::deserialize(kept)?;
        Ok(())
    }

    /// Resolves a container's `valueFrom`. The error is the text in which Fargate says why it cannot.
    pub(crate) fn resolve(&self, value_from: &str) -> Result<String, String> {
        let state = self.state();
        if !value_from.contains(":secretsmanager:") {
            let name = value_from.rsplit_once(":parameter").map_or(value_from, |(_, name)| name);
            return state.parameters.get(name).cloned().ok_or_else(|| {
                format!(
                    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve \
                     secrets from ssm: service call has been retried 1 time(s): ParameterNotFound: invalid ssm \
                     parameters: {name}"
                )
            });
        }
        // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:json-key[:stage[:version]]]
        let parts: Vec<&str> = value_from.splitn(10, ':').collect();
        let arn = parts[..parts.len().min(7)].join(":");
        let part = |index: usize| parts.get(index).copied().filter(|text| !text.is_empty());
        let failed = |why: String| {
            format!(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secret from asm: service call has been retried 1 time(s): {why}"
            )
        };
        let not_found = || {
            failed(format!(
                "failed to fetch secret {arn} from secrets manager: ResourceNotFoundException: Secrets Manager \
                 can't find the specified secret."
            ))
        };
        let secret = self.find(&state, &arn).ok_or_else(not_found)?;
        let (_, text) = secret.version(part(8), part(9)).ok_or_else(not_found)?;
        let Some(key) = part(7) else { return Ok(text.clone()) };
        let document: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        match document.get(key) {
            Some(Value::String(value)) => Ok(value.clone()),
            Some(value) => Ok(value.to_string()),
            None => {
                Err(failed(format!("retrieved secret from Secrets Manager did not contain json key {key}")))
            }
        }
    }

    /// Finds a secret by name, full ARN or ARN without its suffix.
    fn find<'a>(&self, state: &'a State, id: &str) -> Option<&'a Secret> {
        match id.strip_prefix(&self.arn_prefix) {
            Some(name) => {
                state.secrets.get(name).or_else(|| state.secrets.values().find(|secret| secret.arn == id))
            }
            None => state.secrets.get(id),
        }
    }
}

impl Secret {
    fn version(&self, stage: Option<&str>, id: Option<&str>) -> Option<&(String, String)> {
        match (id, stage) {
            (Some(id), _) => self.versions.iter().find(|(known, _)| known == id),
            (None, None | Some("AWSCURRENT")) => self.versions.last(),
            (None, Some("AWSPREVIOUS")) => self.versions.iter().rev().nth(1),
            (None, Some(_)) => None,
        }
    }

    fn stages(&self, index: usize) -> Vec<&'static str> {
        match self.versions.len() - index {
            1 => vec!["AWSCURRENT"],
            2 => vec!["AWSPREVIOUS"],
            _ => vec![],
        }
    }
}

/// Answers an operation of `secretsmanager`.
pub fn handle(world: &Arc<World>, region: &Arc<Region>, operation: &str, input: &Value) -> Answer {
    match operation {
        "CreateSecret" => create(world, region, input),
        "PutSecretValue" => put(world, region, input),
        "GetSecretValue" => get(region, input),
        "DescribeSecret" => describe(region, input),
        "ListSecrets" => list(region, input),
        _ => Err(AwsError::unknown_operation()),
    }
}

fn not_found() -> AwsError {
    AwsError::client("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn create(world: &World, region: &Region, input: &Value) -> Answer {
    let name = input["Name"].as_str().unwrap_or_default();
    if region.secrets.state().secrets.contains_key(name) {
        let message = format!("The operation failed because the secret {name} already exists.");
        return Err(AwsError::client("ResourceExistsException", message));
    }
    let arn = region.secrets.put(world, name, input["SecretString"].as_str().unwrap_or_default());
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": current_version(region, name) }))
}

fn put(world: &World, region: &Region, input: &Value) -> Answer {
    let id = input["SecretId"].as_str().unwrap_or_default();
    let arn = region.secrets.find(&region.secrets.state(), id).map(|secret| secret.arn.clone());
    let arn = arn.ok_or_else(not_found)?;
    region.secrets.put(world, &arn, input["SecretString"].as_str().unwrap_or_default());
    let name = name_of(&arn);
    Ok(json!({
        "ARN": arn, "Name": name, "VersionId": current_version(region, name), "VersionStages": ["AWSCURRENT"],
    }))
}

fn current_version(region: &Region, name: &str) -> Option<String> {
    let state = region.secrets.state();
    state.secrets.get(name)?.versions.last().map(|(id, _)| id.clone())
}

fn name_of(arn: &str) -> &str {
    let name = arn.rsplit_once(":secret:").map_or(arn, |(_, name)| name);
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}

fn get(region: &Region, input: &Value) -> Answer {
    let state = region.secrets.state();
    let secret =
        region.secrets.find(&state, input["SecretId"].as_str().unwrap_or_default()).ok_or_else(not_found)?;
    let (version, text) =
        secret.version(input["VersionStage"].as_str(), input["VersionId"].as_str()).ok_or_else(not_found)?;
    let index = secret.versions.iter().position(|(id, _)| id == version).unwrap_or_default();
    Ok(json!({
        "ARN": secret.arn,
        "Name": name_of(&secret.arn),
        "VersionId": version,
        "SecretString": text,
        "VersionStages": secret.stages(index),
        "CreatedDate": timestamp(secret.created),
    }))
}

fn describe(region: &Region, input: &Value) -> Answer {
    let state = region.secrets.state();
    let secret =
        region.secrets.find(&state, input["SecretId"].as_str().unwrap_or_default()).ok_or_else(not_found)?;
    Ok(render(secret, "VersionIdsToStages"))
}

fn list(region: &Region, input: &Value) -> Answer {
    let state = region.secrets.state();
    let secrets = state.secrets.values().map(|secret| render(secret, "SecretVersionsToStages")).collect();
    let size = input["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(100);
    let (secrets, next): (Vec<Value>, _) = page(secrets, input["NextToken"].as_str(), size.clamp(1, 100))?;
    let mut answer = json!({ "SecretList": secrets });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn render(secret: &Secret, versions_member: &str) -> Value {
    let versions: serde_json::Map<String, Value> = secret
        .versions
        .iter()
        .enumerate()
        .filter(|(index, _)| !secret.stages(*index).is_empty())
        .map(|(index, (id, _))| (id.clone(), json!(secret.stages(index))))
        .collect();
    json!({
        "ARN": secret.arn,
        "Name": name_of(&secret.arn),
        "CreatedDate": timestamp(secret.created),
        "LastChangedDate": timestamp(secret.created),
        versions_member: versions,
    })
}
