//! What a recorded request has to be allowed: action, resource and condition keys, by AWS's service authorization
//! reference. It shares nothing with `ports.rs`: what is said twice is compared.

use serde_json::Value;

const ACCOUNT: &str = "123456789012";

/// One authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub action: String,
    pub resource: String,
    pub context: Vec<(&'static str, String)>,
}

pub fn asked(line: &Value) -> Vec<Asked> {
    let (service, operation) = (text(&line["service"]), text(&line["operation"]));
    let region = line["region"].as_str().unwrap_or("us-east-1");
    let arn = |service: &str, resource: &str| format!("arn:aws:{service}:{region}:{ACCOUNT}:{resource}");
    let one = |resource: String| {
        vec![Asked { action: format!("{service}:{operation}"), resource, context: vec![] }]
    };
    if service == "registry" {
        return pushed(operation, text(&line["request"]["path"]));
    }
    // STS's calls need no permission, and STS alone speaks no JSON.
    if service == "sts" {
        return Vec::new();
    }
    let input: Value = serde_json::from_str(text(&line["request"]["body"])).unwrap_or_default();
    let cluster = || last(input["cluster"].as_str().unwrap_or("default"));
    let in_cluster = |resource: String| {
        let mut asked = one(resource);
        asked[0].context.push(("ecs:cluster", arn("ecs", &format!("cluster/{}", cluster()))));
        asked
    };
    let registry = input["registryId"].as_str().unwrap_or(ACCOUNT);
    let repository = |name: &str| format!("arn:aws:ecr:{region}:{registry}:repository/{name}");
    match (service, operation) {
        ("ecs", "DescribeTaskDefinition" | "ListTaskDefinitionFamilies" | "ListClusters") => one("*".into()),
        ("ecs", "DescribeClusters") => texts(&input["clusters"])
            .flat_map(|name| one(arn("ecs", &format!("cluster/{}", last(name)))))
            .collect(),
        ("ecs", "DescribeServices") => texts(&input["services"])
            .flat_map(|name| one(arn("ecs", &format!("service/{}/{}", cluster(), last(name)))))
            .collect(),
        ("ecs", "UpdateService") => {
            let mut asked =
                in_cluster(arn("ecs", &format!("service/{}/{}", cluster(), last(text(&input["service"])))));
            let definition = text(&input["taskDefinition"]).to_owned();
            asked[0].context.push(("ecs:task-definition", definition));
            asked
        }
        ("ecs", "ListServiceDeployments") => {
            in_cluster(arn("ecs", &format!("service/{}/{}", cluster(), last(text(&input["service"])))))
        }
        // On the service as well as on what belongs to it.
        (
            "ecs",
            "DescribeServiceDeployments"
            | "DescribeServiceRevisions"
            | "ContinueServiceDeployment"
            | "StopServiceDeployment",
        ) => {
            let kind = if operation == "DescribeServiceRevisions" { "Revision" } else { "Deployment" };
            let one_or_more = [format!("service{kind}Arn"), format!("service{kind}Arns")];
            let named = one_or_more.iter().flat_map(|member| match &input[member] {
                Value::String(arn) => vec![arn.as_str()],
                list => texts(list).collect(),
            });
            named
                .flat_map(|of_service| {
                    let path: Vec<&str> = of_service.split('/').skip(1).take(2).collect();
                    [one(arn("ecs", &format!("service/{}", path.join("/")))), one(of_service.to_owned())]
                        .concat()
                })
                .collect()
        }
        ("ecs", "ListTasks") => in_cluster("*".into()),
        ("ecs", "DescribeTasks") => texts(&input["tasks"])
            .flat_map(|task| one(arn("ecs", &format!("task/{}/{}", cluster(), last(task)))))
            .collect(),
        ("ecs", "StopTask") => one(arn("ecs", &format!("task/{}/{}", cluster(), last(text(&input["task"]))))),
        ("ecs", "RunTask") => {
            let definition = format!("task-definition/{}", last(text(&input["taskDefinition"])));
            let mut asked = in_cluster(arn("ecs", &definition));
            let given = input["tags"].as_array().is_some_and(|tags| !tags.is_empty());
            if given || input["propagateTags"] == "TASK_DEFINITION" || input["enableECSManagedTags"] == true {
                let context = vec![("ecs:CreateAction", operation.to_owned())];
                let resource = arn("ecs", &format!("task/{}/0123456789abcdef0123456789abcdef", cluster()));
                asked.push(Asked { action: "ecs:TagResource".into(), resource, context });
            }
            asked
        }
        ("ecs", "RegisterTaskDefinition") => {
            let family = arn("ecs", &format!("task-definition/{}:7", text(&input["family"])));
            let mut asked = one(family.clone());
            if input["tags"].as_array().is_some_and(|tags| !tags.is_empty()) {
                let context = vec![("ecs:CreateAction", operation.to_owned())];
                asked.push(Asked { action: "ecs:TagResource".into(), resource: family, context });
            }
            for role in ["executionRoleArn", "taskRoleArn"].iter().filter_map(|key| input[key].as_str()) {
                let context = vec![("iam:PassedToService", "ecs-tasks.amazonaws.com".to_owned())];
                asked.push(Asked { action: "iam:PassRole".into(), resource: role.into(), context });
            }
            asked
        }
        ("ecr", "GetAuthorizationToken") => one("*".into()),
        ("ecr", "DescribeRepositories") => match input["repositoryNames"].as_array() {
            None => one(repository("*")),
            Some(_) => texts(&input["repositoryNames"]).flat_map(|name| one(repository(name))).collect(),
        },
        ("ecr", _) => one(repository(text(&input["repositoryName"]))),
        ("tag", "GetResources") => one("*".into()),
        ("logs", "GetLogEvents") => {
            let (group, stream) = (text(&input["logGroupName"]), text(&input["logStreamName"]));
            one(arn("logs", &format!("log-group:{group}:log-stream:{stream}")))
        }
        ("logs", "FilterLogEvents") => {
            one(arn("logs", &format!("log-group:{}", text(&input["logGroupName"]))))
        }
        _ => panic!("which permission {service}:{operation} needs is not written down here"),
    }
}

/// The registry's protocol in ECR's actions (ECR user guide, "IAM permissions for pushing an image", "for pulling one").
fn pushed(method: &str, path: &str) -> Vec<Asked> {
    let Some(rest) = path.strip_prefix("/v2/").filter(|rest| !rest.is_empty()) else { return Vec::new() };
    let at = |part: &str| rest.find(part);
    let (repository, actions): (_, &[&str]) = if let Some(at) = at("/blobs/uploads/") {
        let actions: &[&str] = match method {
            "POST" => &["InitiateLayerUpload"],
            "PATCH" => &["UploadLayerPart"],
            // A monolithic upload carries the layer in the request that completes it.
            "PUT" => &["UploadLayerPart", "CompleteLayerUpload"],
            _ => panic!("{method} {path}"),
        };
        (&rest[..at], actions)
    } else if let Some(at) = at("/blobs/") {
        (
            &rest[..at],
            if method == "GET" { &["GetDownloadUrlForLayer"] } else { &["BatchCheckLayerAvailability"] },
        )
    } else if let Some(at) = at("/manifests/") {
        (&rest[..at], if method == "PUT" { &["PutImage"] } else { &["BatchGetImage"] })
    } else {
        panic!("{method} {path}")
    };
    let resource = format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}");
    let asked = |action: &&str| Asked {
        action: format!("ecr:{action}"),
        resource: resource.clone(),
        context: vec![],
    };
    actions.iter().map(asked).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn last(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}
