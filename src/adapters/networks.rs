//! Where tasks run: the network of a service, and subnets and security groups by tag (Resource Groups Tagging API).

use anyhow::Result;
use aws_sdk_ecs::types::{
    AssignPublicIp, Deployment, DeploymentControllerType, NetworkConfiguration, Service, TaskSet,
};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use wildmatch::WildMatch;

use super::Aws;
use crate::arn;
use crate::failure::{Failure, listed};
use crate::ports::{Call, Network, NetworkReads, NetworkResource, ServiceSeen};

impl NetworkReads for Aws {
    async fn service(&self, cluster: &str, name: &str) -> Result<ServiceSeen> {
        let doing = format!("describe service {name} of cluster {cluster}");
        let described = async || self.ecs.describe_services().cluster(cluster).services(name).send().await;
        let answer = self.call(Call::DESCRIBE_SERVICES, &doing, described).await?;
        let Some(found) = answer.services().first() else {
            return Err(Failure::input(format!("service {name} does not exist in cluster {cluster}"))
                .hint("check --network-from-service, or pass --subnets and --security-groups")
                .into());
        };
        Ok(seen(found, arn::name(name))?)
    }

    /// Finds the ids of resources by a tag, sorted. GetResources itself compares whole values only.
    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>> {
        let (resource_type, name) = match kind {
            NetworkResource::Subnet => ("ec2:subnet", "subnet"),
            NetworkResource::SecurityGroup => ("ec2:security-group", "security group"),
        };
        let doing = format!("look up {name}s by tag {key}");
        let pattern_matcher = WildMatch::new(pattern);
        let (mut ids, mut values, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = async || {
                let request = self.tagging.get_resources().resource_type_filters(resource_type);
                let request = request.tag_filters(TagFilter::builder().key(key).build());
                request.set_pagination_token(token.clone()).send().await
            };
            let page = self.call(Call::GET_RESOURCES, &doing, page).await?;
            for resource in page.resource_tag_mapping_list() {
                let value = resource.tags().iter().find(|tag| tag.key() == key).map_or("", |tag| tag.value());
                match resource.resource_arn() {
                    Some(arn) if pattern_matcher.matches(value) => ids.push(arn::name(arn).to_owned()),
                    _ => values.push(value.to_owned()),
                }
            }
            // The last page has an empty one.
            token = page.pagination_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        if ids.is_empty() {
            values.dedup();
            let there = format!("there are: {}", listed(&values));
            let there = if values.is_empty() { "none has that tag" } else { &there };
            return Err(Failure::input(format!("no {name} has a tag {key} that matches {pattern}"))
                .hint(format!("{there}. The pattern knows * and ?; the region may be another one"))
                .into());
        }
        ids.sort();
        Ok(ids)
    }
}

/// Reads what a service runs, and in which network.
fn seen(service: &Service, name: &str) -> Result<ServiceSeen, Failure> {
    let refused = |what: String| {
        Err(Failure::input(format!("service {name} {what}")).hint("pass --subnets and --security-groups"))
    };
    // A deleted service is described for some time, with the network that it had.
    if let Some(status @ ("INACTIVE" | "DRAINING")) = service.status() {
        return refused(format!("is {status}: it was deleted, and its network may be, too"));
    }
    // The network of a service with the controller EXTERNAL, and what CodeDeploy has changed, is in its task sets.
    let sets = service.task_sets();
    let primary = sets.iter().find(|set| set.status() == Some("PRIMARY"));
    let of_set = primary.and_then(TaskSet::network_configuration);
    let network = of_set.or(service.network_configuration());
    let Some(vpc) = network.and_then(NetworkConfiguration::awsvpc_configuration) else {
        let controller = service.deployment_controller().map(|controller| controller.r#type());
        return match controller {
            Some(DeploymentControllerType::External) => refused(
                "has the deployment controller EXTERNAL and no primary task set that says its network"
                    .to_owned(),
            ),
            _ => refused("does not run in awsvpc mode: it has no subnets".to_owned()),
        };
    };
    let own = service.task_definition().or_else(|| primary.and_then(TaskSet::task_definition));
    let deployments = service.deployments().iter().filter_map(Deployment::task_definition);
    let definitions = service.task_definition().into_iter().chain(deployments);
    let definitions = definitions.chain(sets.iter().filter_map(TaskSet::task_definition));
    Ok(ServiceSeen {
        name: name.to_owned(),
        task_definition: own.map(str::to_owned),
        families: definitions.map(|definition| arn::family(definition).to_owned()).collect(),
        network: Network {
            subnets: vpc.subnets().to_vec(),
            security_groups: vpc.security_groups().to_vec(),
            assign_public_ip: vpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
        },
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{AwsVpcConfiguration, DeploymentController};

    use super::*;

    fn network(subnet: &str) -> NetworkConfiguration {
        let vpc = AwsVpcConfiguration::builder().subnets(subnet).build().unwrap();
        NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
    }

    fn controller(kind: DeploymentControllerType) -> DeploymentController {
        DeploymentController::builder().r#type(kind).build().unwrap()
    }

    fn set(status: &str, family: &str, subnet: Option<&str>) -> TaskSet {
        let set = TaskSet::builder().status(status).set_network_configuration(subnet.map(network));
        set.task_definition(format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:7")).build()
    }

    #[test]
    fn the_network_of_a_service_is_where_its_controller_keeps_it() {
        use DeploymentControllerType::{CodeDeploy, Ecs, External};
        let service = || Service::builder().status("ACTIVE");
        for (service, subnet) in [
            (service().network_configuration(network("own")), "own"),
            (service().deployment_controller(controller(Ecs)).network_configuration(network("own")), "own"),
            (
                service().deployment_controller(controller(External)).task_sets(set(
                    "PRIMARY",
                    "a",
                    Some("set"),
                )),
                "set",
            ),
            (
                service()
                    .deployment_controller(controller(External))
                    .task_sets(set("ACTIVE", "b", Some("next")))
                    .task_sets(set("PRIMARY", "a", Some("set"))),
                "set",
            ),
            (
                service()
                    .deployment_controller(controller(CodeDeploy))
                    .network_configuration(network("own"))
                    .task_sets(set("PRIMARY", "a", Some("moved"))),
                "moved",
            ),
            (
                service()
                    .deployment_controller(controller(CodeDeploy))
                    .network_configuration(network("own"))
                    .task_sets(set("PRIMARY", "a", None)),
                "own",
            ),
        ] {
            let seen = seen(&service.build(), "web").expect("a network");
            assert_eq!((seen.name.as_str(), seen.network.subnets), ("web", vec![subnet.to_owned()]));
        }
    }

    #[test]
    fn a_service_that_says_no_network_is_refused_with_the_reason() {
        use DeploymentControllerType::{Ecs, External};
        let service = |status: &str| Service::builder().status(status);
        for (service, said) in [
            (service("INACTIVE").network_configuration(network("own")), "is INACTIVE"),
            (service("DRAINING").network_configuration(network("own")), "is DRAINING"),
            (service("ACTIVE"), "does not run in awsvpc mode"),
            (service("ACTIVE").deployment_controller(controller(Ecs)), "does not run in awsvpc mode"),
            (
                service("ACTIVE").deployment_controller(controller(External)),
                "EXTERNAL and no primary task set",
            ),
            (
                service("ACTIVE").deployment_controller(controller(External)).task_sets(set(
                    "ACTIVE",
                    "a",
                    Some("next"),
                )),
                "EXTERNAL and no primary task set",
            ),
        ] {
            let failure = seen(&service.build(), "web").expect_err(said);
            assert!(failure.message.contains(said), "{failure}");
            assert_eq!(failure.hint.as_deref(), Some("pass --subnets and --security-groups"));
        }
    }

    #[test]
    fn every_family_that_a_service_runs_is_seen() {
        let deployment = |family: &str| Deployment::builder().task_definition(format!("{family}:1")).build();
        let service = Service::builder()
            .network_configuration(network("own"))
            .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/new:3")
            .deployments(deployment("new"))
            .deployments(deployment("old"))
            .task_sets(set("ACTIVE", "set", None))
            .build();
        assert_eq!(seen(&service, "web").expect("a network").families, ["new", "new", "old", "set"]);
    }
}
