//! Services of a sandbox, and the alarms that their deployments watch.

use serde_json::Value;

use super::Sandbox;
use crate::answer::AwsError;
use crate::ecs::{self, ManagedBy};

impl Sandbox {
    /// Creates a service, as CreateService would; its scheduler starts its tasks.
    ///
    /// # Errors
    /// As CreateService answers.
    pub fn create_service(&self, input: &Value) -> Result<Value, AwsError> {
        ecs::handle(&self.world, &self.home, "CreateService", input)
    }

    /// Calls ECS as another user would, who deploys the service or deregisters a revision meanwhile: not by a
    /// request, so [`Sandbox::calls`] does not have it.
    ///
    /// # Errors
    /// As the operation answers.
    pub fn ecs(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        ecs::handle(&self.world, &self.home, operation, input)
    }

    /// Creates an Express Mode service, one that Amazon ECS manages. `input` is as for [`Sandbox::create_service`]:
    /// the sandbox has no CreateExpressGatewayService. The service can be described, and UpdateService is refused.
    ///
    /// # Errors
    /// As CreateService answers.
    pub fn create_express_service(&self, input: &Value) -> Result<Value, AwsError> {
        ecs::create_service(&self.world, &self.home, input, ManagedBy::Ecs)
    }

    /// Returns what ECS answers another user of the account: no fault of a call strikes it, and it is counted
    /// nowhere.
    ///
    /// # Errors
    /// As the operation answers.
    pub fn ask(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        ecs::handle(&self.world, &self.home, operation, input)
    }

    /// Lists every service as it is, however old a state its reads show: as DescribeServices answers, with every
    /// service deployment (oldest first, listed or not) and service revision of it as the newer operations answer.
    pub fn services(&self) -> Vec<Value> {
        ecs::services_as_they_are(&self.home, self.world.clock.now())
    }

    /// Sets a CloudWatch alarm of this name to ALARM, or back to OK. A deployment that names it is given up when it
    /// goes to ALARM, and does not look at it when it is in ALARM already.
    pub fn set_alarm(&self, name: &str, in_alarm: bool) {
        self.world.alarms.set(name, in_alarm);
        self.home.ecs.state().services.values().for_each(|service| service.wake.notify_one());
    }
}
