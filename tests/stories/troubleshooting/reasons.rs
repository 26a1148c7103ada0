use sandbox::{Fault, TaskFault};

use super::told::Told;
use crate::support::{HEALTH, World};

/// A task that ECS could not start, for this reason.
async fn never_started(reason: &str) -> Told {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::task(TaskFault::FailToStart(reason.into())));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 3)
}

const SECRETS: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                       retrieval failed: unable to retrieve secret from asm: service call has been retried";

const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds/startupwebapp/multi-tenant/master-AbCdEf";

/// A secret that is not there, one that the execution role may not read, one with such a key, and a subnet without a
/// way to Secrets Manager.
pub async fn secrets() -> Told {
    let missing = format!(
        "{SECRETS} 1 time(s): failed to fetch secret {SECRET} from secrets manager: ResourceNotFoundException: Secrets \
         Manager can't find the specified secret."
    );
    let role = "arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole-startupwebapp/4f1";
    let denied = format!(
        "{SECRETS} 1 time(s): failed to fetch secret {SECRET} from secrets manager: AccessDeniedException: User: {role} is \
         not authorized to perform: secretsmanager:GetSecretValue on resource: {SECRET} because no identity-based policy \
         allows the secretsmanager:GetSecretValue action"
    );
    let key = format!(
        "{SECRETS} 1 time(s): failed to fetch secret {SECRET} from secrets manager: AccessDeniedException: Access to KMS \
         is not allowed"
    );
    let network = format!(
        "{SECRETS} 5 time(s): failed to fetch secret {SECRET} from secrets manager: RequestCanceled: request context \
         canceled caused by: context deadline exceeded"
    );
    let told = never_started(&missing).await.and(never_started(&denied).await);
    told.and(never_started(&key).await).and(never_started(&network).await)
}

pub async fn no_permission_to_pull() -> Told {
    never_started(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
         123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend:v42: pulling from host \
         123456789012.dkr.ecr.us-east-1.amazonaws.com failed with status code [manifests v42]: 403 Forbidden: User: \
         arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole-startupwebapp/4f1 is not authorized to perform: \
         ecr:BatchGetImage",
    )
    .await
}

pub async fn no_key_in_the_secret() -> Told {
    never_started(&format!(
        "{SECRETS} 1 time(s): retrieved secret from Secrets Manager did not contain json key username"
    ))
    .await
}
