//! A task of a simulation, from its creation to its end.

use serde_json::Value;

/// One task; times in seconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Life {
    /// What DATABASE_NAME or DATABASE_NAMES told it.
    pub databases: Vec<String>,
    /// The run, as ECS knows it.
    pub started_by: String,
    pub created: f64,
    pub started: Option<f64>,
    /// When ECS began to stop it.
    pub stopping: Option<f64>,
    /// When its work ended.
    pub ended: Option<f64>,
    /// When it gave its vCPUs back.
    pub stopped: Option<f64>,
}

impl Life {
    /// When its work ended, if it has.
    pub fn end(&self) -> f64 {
        self.ended.or(self.stopped).unwrap_or(f64::INFINITY)
    }

    pub fn of(task: &Value) -> Self {
        let overrides = task["overrides"]["containerOverrides"].as_array().into_iter().flatten();
        let variables = overrides.flat_map(|one| one["environment"].as_array().into_iter().flatten());
        let databases = variables.flat_map(|variable| {
            let value = variable["value"].as_str().unwrap_or_default();
            match variable["name"].as_str() {
                Some("DATABASE_NAME") if !value.is_empty() => vec![value.to_owned()],
                Some("DATABASE_NAMES") => serde_json::from_str(value).unwrap_or_default(),
                _ => Vec::new(),
            }
        });
        Self {
            databases: databases.collect(),
            started_by: task["startedBy"].as_str().unwrap_or_default().to_owned(),
            created: task["createdAt"].as_f64().unwrap_or_default(),
            started: task["startedAt"].as_f64(),
            stopping: task["stoppingAt"].as_f64(),
            ended: task["executionStoppedAt"].as_f64(),
            stopped: task["stoppedAt"].as_f64(),
        }
    }
}
