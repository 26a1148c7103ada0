//! Calls of somebody else, beside the program's.

use aws_sdk_ecs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;

/// Signs its calls by another name: what is recorded of the stories takes the program's for those of its SDK.
#[derive(Debug)]
pub struct Somebody;

impl Intercept for Somebody {
    fn name(&self) -> &'static str {
        "Somebody"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("user-agent", "somebody/1");
        Ok(())
    }
}
