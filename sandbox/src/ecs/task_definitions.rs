//! Task definitions: registered and described without losing a field, known or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{State, client_error, definition_defaults, definition_rules, invalid, max_results, strings};
use crate::answer::{Answer, AwsError};
use crate::clock::timestamp;
use crate::paging::paged;
use crate::region::Region;
use crate::world::World;

/// What RegisterTaskDefinition does not take and DescribeTaskDefinition adds.
pub(super) const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "deleteRequestedAt",
    "registeredBy",
];

/// What a restored revision keeps from where it came.
const RESTORED: [&str; 4] = ["registeredAt", "registeredBy", "requiresAttributes", "compatibilities"];

/// The revisions of a family; numbers are never used twice.
#[derive(Debug, Default)]
pub(crate) struct Family {
    last: u64,
    revisions: BTreeMap<u64, Arc<Revision>>,
}

/// One registered task definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub arn: String,
    pub family: String,
    pub number: u64,
    /// `taskDefinition` as DescribeTaskDefinition answers it.
    pub document: Value,
    /// `tags`, which stand next to it.
    pub tags: Vec<Value>,
}

impl Revision {
    pub fn is_active(&self) -> bool {
        self.document["status"] == "ACTIVE"
    }

    pub fn containers(&self) -> &[Value] {
        self.document["containerDefinitions"].as_array().map_or(&[], Vec::as_slice)
    }

    pub fn runs_on_fargate(&self) -> bool {
        strings(&self.document["compatibilities"]).iter().any(|kind| kind == "FARGATE")
    }
}

impl State {
    /// Finds the revision that `family` (its newest active one), `family:revision` or an ARN names.
    pub fn revision(&self, name: &str) -> Option<&Arc<Revision>> {
        let local = match name.strip_prefix("arn:") {
            Some(arn) => arn.split_once(":task-definition/")?.1,
            None => name,
        };
        let revision = match local.rsplit_once(':') {
            Some((family, number)) => {
                self.families.get(family)?.revisions.get(&number.parse::<u64>().ok()?)?
            }
            None => self.families.get(local)?.revisions.values().rev().find(|one| one.is_active())?,
        };
        let same = |arn: &str| {
            revision.arn == arn
                || revision.arn.rsplit_once(':').is_some_and(|(arn_of_family, _)| arn_of_family == arn)
        };
        (!name.starts_with("arn:") || same(name)).then_some(revision)
    }

    pub fn change_revision(&mut self, arn: &str, change: impl FnOnce(&mut Revision)) -> bool {
        let found = self.revision(arn).map(|revision| (revision.family.clone(), revision.number));
        let Some((family, number)) = found else { return false };
        if let Some(revision) =
            self.families.get_mut(&family).and_then(|family| family.revisions.get_mut(&number))
        {
            change(Arc::make_mut(revision));
        }
        true
    }
}

pub(super) fn register(world: &World, region: &Region, input: &Value) -> Answer {
    let (input, tags) = apart(input);
    super::tags::check(&tags.clone().into())?;
    let revision = add(world, region, &input, tags, None)?;
    Ok(json!({ "taskDefinition": revision.document, "tags": revision.tags }))
}

/// Registers what RegisterTaskDefinition takes, or what DescribeTaskDefinition answered: then the revision keeps
/// its number, so that a sandbox can begin where an account is.
pub(crate) fn restore(world: &World, region: &Region, document: &Value) -> Result<String, AwsError> {
    let Some(definition) = document.get("taskDefinition").and_then(Value::as_object) else {
        let number = document["revision"].as_u64();
        let (input, tags) = apart(document);
        super::tags::check(&tags.clone().into())?;
        return add(world, region, &input, tags, number).map(|revision| revision.arn.clone());
    };
    // Tags of a described definition may be AWS's own, which no request can give.
    let tags = document["tags"].as_array().cloned().unwrap_or_default();
    let number = definition.get("revision").and_then(Value::as_u64);
    add(world, region, &definition.clone().into(), tags, number).map(|revision| revision.arn.clone())
}

/// Separates a definition from the tags that are given inside it.
fn apart(input: &Value) -> (Value, Vec<Value>) {
    let mut document = input.clone();
    let tags = document.as_object_mut().and_then(|members| members.shift_remove("tags"));
    (document, tags.and_then(|tags| tags.as_array().cloned()).unwrap_or_default())
}

fn add(
    world: &World,
    region: &Region,
    input: &Value,
    tags: Vec<Value>,
    number: Option<u64>,
) -> Result<Arc<Revision>, AwsError> {
    definition_rules::check(input)?;
    let mut document: Map<String, Value> = input.as_object().cloned().unwrap_or_default();
    let given: Vec<(String, Value)> = READ_ONLY
        .iter()
        .filter_map(|key| document.shift_remove(*key).map(|value| ((*key).to_owned(), value)))
        .collect();
    let family = document.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();

    let mut state = region.ecs.state();
    let entry = state.families.entry(family.clone()).or_default();
    let restored = number.is_some();
    let number = number.unwrap_or(entry.last + 1);
    entry.last = entry.last.max(number);
    let arn = region.arn("ecs", &format!("task-definition/{family}:{number}"));
    definition_defaults::complete(&mut document);
    document.insert("taskDefinitionArn".into(), arn.clone().into());
    document.insert("revision".into(), number.into());
    document.insert("status".into(), "ACTIVE".into());
    document.insert("registeredAt".into(), timestamp(world.clock.now()));
    document.insert("registeredBy".into(), world.principal().into());
    if restored {
        for (key, value) in given {
            if RESTORED.contains(&key.as_str()) {
                document.insert(key, value);
            }
        }
    }
    let revision = Arc::new(Revision { arn, family, number, document: Value::Object(document), tags });
    entry.revisions.insert(number, revision.clone());
    Ok(revision)
}

pub(super) fn describe(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let name = input["taskDefinition"].as_str().unwrap_or_default();
    let revision = state.revision(name).ok_or_else(|| client_error("Unable to describe task definition."))?;
    let mut answer = json!({ "taskDefinition": revision.document });
    if strings(&input["include"]).iter().any(|word| word == "TAGS") {
        answer["tags"] = revision.tags.clone().into();
    }
    Ok(answer)
}

pub(super) fn deregister(world: &World, region: &Region, input: &Value) -> Answer {
    let name = input["taskDefinition"].as_str().unwrap_or_default();
    if !name.contains(':') {
        return Err(client_error("Revision is missing."));
    }
    let mut state = region.ecs.state();
    let known = state.change_revision(name, |revision| {
        revision.document["status"] = "INACTIVE".into();
        revision.document["deregisteredAt"] = timestamp(world.clock.now());
    });
    if !known {
        return Err(client_error("The specified task definition does not exist."));
    }
    let document = state.revision(name).map(|revision| revision.document.clone());
    Ok(json!({ "taskDefinition": document }))
}

pub(super) fn list(region: &Region, input: &Value) -> Answer {
    let status = input["status"].as_str().unwrap_or("ACTIVE");
    let prefix = input["familyPrefix"].as_str();
    let mut arns: Vec<String> = region
        .ecs
        .state()
        .families
        .iter()
        // Despite its name, familyPrefix is compared with the whole family name.
        .filter(|(family, _)| prefix.is_none_or(|prefix| prefix == family.as_str()))
        .flat_map(|(_, family)| family.revisions.values())
        .filter(|revision| revision.document["status"] == status)
        .map(|revision| revision.arn.clone())
        .collect();
    match input["sort"].as_str() {
        Some("DESC") => arns.reverse(),
        None | Some("ASC") => {}
        Some(_) => return Err(invalid("sort should be ASC or DESC")),
    }
    paged(arns, "taskDefinitionArns", input, max_results(input)?)
}

pub(super) fn list_families(region: &Region, input: &Value) -> Answer {
    let status = input["status"].as_str().unwrap_or("ALL");
    let prefix = input["familyPrefix"].as_str().unwrap_or_default();
    let state = region.ecs.state();
    let families: Vec<String> = state
        .families
        .iter()
        .filter(|(name, family)| {
            let active = family.revisions.values().any(|revision| revision.is_active());
            name.starts_with(prefix) && (status == "ALL" || active == (status == "ACTIVE"))
        })
        .map(|(name, _)| name.clone())
        .collect();
    paged(families, "families", input, max_results(input)?)
}
