//! The images of a document's containers, and the document with another one.

use super::{Patch, TaskDefinition, name_of};
use crate::database_name::PLACEHOLDER;
use crate::failure::Failure;
use crate::image_reference::ImageReference;

impl TaskDefinition {
    /// Lists every container with its image, init containers and sidecars included.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        let image = |container| Some((name_of(container)?, container.get("image")?.as_str()?));
        self.containers().filter_map(image)
    }

    /// Lists the containers whose image is in the repository of this one, whatever its tag or digest.
    pub fn containers_in_repository_of(&self, image: &str) -> Vec<&str> {
        let ours = ImageReference::parse(image);
        let is_ours = |image: &str| ours.is_in_repository_of(&ImageReference::parse(image));
        self.images().filter(|(_, image)| is_ours(image)).map(|(name, _)| name).collect()
    }

    /// Returns the document with this image in these containers. Nothing else changes but what ECS refuses together
    /// with it. It has no ARN yet.
    ///
    /// # Errors
    /// There is no container of a name.
    pub fn with_image(&self, containers: &[String], image: &str) -> Result<Self, Failure> {
        let patch = Patch { image: image.to_owned(), ..Patch::default() };
        containers.iter().try_fold(self.clone(), |definition, name| definition.patched(name, &patch))
    }

    /// Returns the first container whose environment has the placeholder: the document is a migration's own revision,
    /// which has no database's name.
    pub fn names_no_database(&self) -> Option<&str> {
        let mut names = self.containers().filter_map(name_of);
        names.find(|name| self.variables(name).any(|(_, value)| value == PLACEHOLDER))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    fn definition() -> TaskDefinition {
        let document = json!({"taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3",
            "family": "web", "revision": 3, "status": "ACTIVE", "cpu": "256",
            "unknownToday": {"kept": true},
            "containerDefinitions": [
                {"name": "init", "image": format!("{ECR}/shop:old"), "essential": false, "command": ["warm", "up"]},
                {"name": "web", "image": format!("{ECR}/shop@sha256:1"), "repositoryCredentials": {"credentialsParameter": "x"},
                    "environment": [{"name": "DATABASE_NAME", "value": "shop"}]},
                {"name": "proxy", "image": format!("{ECR}/shop-proxy:1")},
                {"name": "agent", "image": "public.ecr.aws/agent:1", "repositoryCredentials": {"credentialsParameter": "y"}},
            ],
        }, "tags": [{"key": "team", "value": "shop"}]});
        TaskDefinition::from_json(document, "test").expect("a definition")
    }

    #[test]
    fn only_the_image_changes_and_what_ecs_refuses_beside_it() {
        let before = definition();
        let image = format!("{ECR}/shop@sha256:2");
        let containers = before.containers_in_repository_of(&image);
        assert_eq!(containers, ["init", "web"]);
        let containers: Vec<String> = containers.into_iter().map(str::to_owned).collect();
        let after = before.with_image(&containers, &image).expect("patched");
        let mut expected = before.register_input().clone();
        for index in 0..2 {
            expected["containerDefinitions"][index]["image"] = json!(image);
        }
        expected["containerDefinitions"][1]
            .as_object_mut()
            .expect("an object")
            .remove("repositoryCredentials");
        assert_eq!(*after.register_input(), expected);
        assert_eq!((after.arn(), after.family()), (None, "web"));
        assert!(before.with_image(&["none".to_owned()], &image).is_err());
    }

    #[test]
    fn a_migrations_own_revision_is_known_by_the_placeholder() {
        assert_eq!(definition().names_no_database(), None);
        let patch = Patch {
            image: "i".into(),
            environment: vec![("TENANT".into(), PLACEHOLDER.into())],
            ..Patch::default()
        };
        let of_migration = definition().patched("web", &patch).expect("patched");
        assert_eq!(of_migration.names_no_database(), Some("web"));
    }
}
