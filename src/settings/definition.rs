//! Where the task definition is.

use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskDefinitionSource {
    /// A JSON file, as DescribeTaskDefinition answers or as RegisterTaskDefinition takes it.
    File(PathBuf),
    /// Family, family:revision or ARN.
    Ecs(String),
}

impl From<String> for TaskDefinitionSource {
    fn from(name: String) -> Self {
        // A family's name has no dot and no slash; an ARN has a slash, and begins with "arn:".
        let is_path = !name.starts_with("arn:") && (name.contains('/') || name.ends_with(".json"));
        if is_path { Self::File(name.into()) } else { Self::Ecs(name) }
    }
}
