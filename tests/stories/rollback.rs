//! `rollback` by the real binary, on a service that has run several images.

use std::time::Duration;

use sandbox::registry::ImageKey;
use sandbox::{Sandbox, Script, seed};
use serde_json::{Value, json};

use crate::support::{Run, World};

/// The question on a terminal, and what stops a run.
mod asked;
/// What ran before, and before that.
mod back;
/// What is refused, with nothing changed.
mod refused;
/// Databases that were migrated since.
mod schema;
/// SQL that came after the code that has to survive it.
mod sql;
/// `--to`, in each of its forms.
mod to;
/// A deployment that is under way.
mod under_way;

/// Longer than any deployment here takes.
const PATIENCE: u32 = 1500;

/// The seed's service, whose images scripts stand in for.
pub struct Shop {
    pub world: World,
    /// The revision of each tag, in the order in which they ran.
    pub ran: Vec<String>,
}

impl Shop {
    /// A service that ran the images with these tags, the last of which it runs now.
    pub async fn after(tags: &[&str]) -> Self {
        let world = World::new().await;
        world.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
        let first = seed::push_image(&world.sandbox, tags[0]).expect("an image");
        seed::create_service(&world.sandbox, &first).expect("a service");
        let mut shop = Self { world, ran: Vec::new() };
        shop.settled().await;
        shop.ran.push(shop.runs());
        for tag in &tags[1..] {
            let revision = shop.revision(tag);
            shop.deploy(&revision).await;
            shop.ran.push(revision);
        }
        shop
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.world.sandbox
    }

    /// `repository@sha256:…` of this tag, which is in ECR from then on.
    pub fn image(&self, tag: &str) -> String {
        seed::push_image(self.sandbox(), tag).expect("an image")
    }

    /// A revision of the service's family with the image of this tag, as `family:revision`.
    fn revision(&self, tag: &str) -> String {
        self.revision_of(&self.image(tag))
    }

    fn revision_of(&self, image: &str) -> String {
        let definitions = self.sandbox().task_definitions();
        let own = definitions.iter().rfind(|one| one["taskDefinition"]["family"] == seed::SERVICE_FAMILY);
        let mut document = own.expect("the service's family")["taskDefinition"].clone();
        document["containerDefinitions"][0]["image"] = json!(image);
        // Else it would be the same revision, changed.
        for number in ["revision", "taskDefinitionArn"] {
            document.as_object_mut().expect("an object").remove(number);
        }
        let arn = self.sandbox().register_task_definition(&document).expect("a revision");
        arn.rsplit('/').next().expect("a name").to_owned()
    }

    /// A revision with an image of this tag whose tasks end at once.
    pub fn breaks(&self, tag: &str) -> String {
        let image = self.image(tag);
        let revision = self.revision_of(&image);
        self.sandbox().set_program(seed::SERVICE_FAMILY, move |context| match context.image == image {
            true => Script::new().line("no such table").exit(1),
            false => Script::new().until_stopped(),
        });
        revision
    }

    /// Somebody's UpdateService.
    pub fn update(&self, more: &Value) {
        let mut input = json!({"cluster": seed::CLUSTER, "service": seed::SERVICE});
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.sandbox().ecs("UpdateService", &input).expect("an update");
    }

    /// Somebody's deployment, to its end.
    async fn deploy(&self, revision: &str) {
        self.update(&json!({"taskDefinition": revision, "forceNewDeployment": true}));
        self.settled().await;
    }

    /// The service's deployments, the newest first.
    pub fn deployments(&self) -> Vec<Value> {
        let input = json!({"cluster": seed::CLUSTER, "service": seed::SERVICE});
        let listed = self.sandbox().ecs("ListServiceDeployments", &input).expect("a list");
        listed["serviceDeployments"].as_array().expect("a list").clone()
    }

    pub fn status(&self) -> String {
        self.deployments()[0]["status"].as_str().expect("a status").to_owned()
    }

    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if is_so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came: {:#?}", self.deployments());
    }

    /// Nothing is under way, by both views.
    pub async fn settled(&self) {
        self.until(|shop| {
            let service = shop.service();
            let deployments = service["deployments"].as_array().expect("a list");
            let is_complete = deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED";
            let revision = deployments[0]["id"].as_str().expect("an id").trim_start_matches("ecs-svc/");
            let listed = shop.deployments();
            let is_listed = listed.first().is_some_and(|one| {
                one["status"] == "ROLLBACK_SUCCESSFUL"
                    || one["status"] == "SUCCESSFUL"
                        && one["targetServiceRevisionArn"].as_str().is_some_and(|arn| arn.ends_with(revision))
            });
            is_complete && is_listed
        })
        .await;
    }

    /// As DescribeServices answers.
    fn service(&self) -> Value {
        let input = json!({"cluster": seed::CLUSTER, "services": [seed::SERVICE]});
        self.sandbox().ecs("DescribeServices", &input).expect("the service")["services"][0].clone()
    }

    /// What its tasks are made from, as `family:revision`.
    pub fn runs(&self) -> String {
        let service = self.service();
        let arn = service["deployments"][0]["taskDefinition"].as_str().expect("a revision");
        arn.rsplit('/').next().expect("a name").to_owned()
    }

    fn expire(&self, tag: &str) {
        let image = ImageKey::tag(tag).expect("a tag");
        self.sandbox().registry().expire_image(seed::REPOSITORY, &image).expect("it was there");
    }

    fn rollback(&self, more: &[&str]) -> Run {
        let base = ["rollback", "--cluster", seed::CLUSTER, "--service", seed::SERVICE];
        self.world.command(&[&base[..], more].concat())
    }

    /// The calls that changed something, in their order. There is none that deregisters, and none that counts tasks.
    fn changes(&self) -> Vec<String> {
        let calls = self.sandbox().calls();
        let reads = ["Describe", "List", "BatchGet", "Get"];
        let changing = calls.iter().filter(|call| !reads.iter().any(|read| call.operation.starts_with(read)));
        for update in self.world.inputs("UpdateService") {
            assert_eq!(update.get("desiredCount"), None, "{update}");
        }
        let changing: Vec<String> = changing.map(|call| call.operation.clone()).collect();
        assert!(!changing.iter().any(|one| one == "DeregisterTaskDefinition"), "{changing:?}");
        changing
    }
}
