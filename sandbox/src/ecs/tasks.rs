//! DescribeTasks, ListTasks and StopTask.

use serde_json::{Value, json};

use super::{Stop, invalid, max_results, short_name, strings};
use crate::answer::Answer;
use crate::paging::paged;
use crate::region::Region;
use crate::world::World;

/// Tasks that one DescribeTasks may name.
const MAX_DESCRIBED: usize = 100;

pub(super) fn describe(world: &World, region: &Region, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.clone();
    let wanted = strings(&input["tasks"]);
    if wanted.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if wanted.len() > MAX_DESCRIBED {
        return Err(invalid("Tasks should be at most 100."));
    }
    let with_tags = strings(&input["include"]).iter().any(|word| word == "TAGS");
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    let now = world.clock.now();
    for name in wanted {
        let id = short_name(&name);
        if id.is_empty() || (name.starts_with("arn:") && !name.contains(":task/")) {
            return Err(invalid("Invalid identifier: Identifier is for unsupported resource type."));
        }
        let task = state
            .task_mut(id)
            .filter(|task| task.cluster == cluster.name && (!name.starts_with("arn:") || task.arn == name))
            .filter(|task| task.is_kept(now, world.options.settles))
            .and_then(|task| task.is_visible().then_some(task));
        match task {
            Some(task) => tasks.push(task.read(now, with_tags)),
            None => {
                let arn = if name.starts_with("arn:") {
                    name.clone()
                } else {
                    region.arn("ecs", &format!("task/{}/{id}", cluster.name))
                };
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    // `json!` would copy them.
    let mut answer = json!({ "failures": failures });
    answer["tasks"] = Value::Array(tasks);
    Ok(answer)
}

pub(super) fn list(world: &World, region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?;
    let filters = ["family", "serviceName", "containerInstance", "desiredStatus", "launchType", "daemonName"];
    if input["startedBy"].is_string() && filters.iter().any(|filter| !input[filter].is_null()) {
        return Err(invalid("startedBy must be the only filter that you use."));
    }
    let desired = match input["desiredStatus"].as_str() {
        None => "RUNNING",
        Some(status @ ("RUNNING" | "PENDING" | "STOPPED")) => status,
        Some(_) => return Err(invalid("desiredStatus should be RUNNING, PENDING or STOPPED.")),
    };
    let is =
        |filter: &str, value: Option<&str>| input[filter].as_str().is_none_or(|wanted| value == Some(wanted));
    let service = input["serviceName"].as_str().map(short_name);
    if let Some(name) = service
        && !state.services.contains_key(&(cluster.name.clone(), name.to_owned()))
    {
        return Err(super::services::not_found());
    }
    let service = service.map(|name| format!("service:{name}"));
    let now = world.clock.now();
    let arns: Vec<String> = state
        .tasks
        .values()
        .filter(|task| task.cluster == cluster.name && task.desired_status == desired)
        .filter(|task| task.is_kept(now, world.options.settles))
        .filter(|task| is("startedBy", task.started_by.as_deref()))
        .filter(|task| is("family", Some(&task.revision.family)))
        .filter(|task| is("launchType", task.launch_type.as_deref()))
        .filter(|task| service.as_ref().is_none_or(|group| task.group == *group))
        .map(|task| task.arn.clone())
        .collect();
    paged(arns, "taskArns", input, max_results(input)?)
}

pub(super) fn stop(region: &Region, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.name.clone();
    let id = short_name(input["task"].as_str().unwrap_or_default());
    let task = state
        .task_mut(id)
        .filter(|task| task.cluster == cluster)
        .ok_or_else(|| invalid("The referenced task was not found."))?;
    if !task.is_stopped() {
        let reason = input["reason"].as_str().unwrap_or("Task stopped by user").to_owned();
        task.ask_to_stop(Stop { code: "UserInitiated", reason });
    }
    Ok(json!({ "task": task.render(true) }))
}
