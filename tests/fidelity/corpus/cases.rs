//! What each document is there for, and every difference that a run may make to it.

/// A document `corpus/FILE.json` and what `fargate-migrate migrate` does with it.
pub struct Case {
    pub file: &'static str,
    /// What this one has that no other has.
    pub why: &'static str,
    /// The migration container's place in `containerDefinitions`.
    pub container: usize,
    /// Given with `--container`.
    pub named: Option<&'static str>,
    pub route: Route,
    pub outcome: Outcome,
    /// Beside the image and the read-only members: each difference, as `+ /pointer`, `~ /pointer` or `- /pointer`.
    pub changes: &'static [&'static str],
}

/// How the binary comes to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// DescribeTaskDefinition answers it.
    Ecs,
    /// `--task-definition FILE.json`: what ECS would never answer in this form.
    File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Migrates,
    /// The newest revision is already what is wanted: nothing is registered.
    Reuses,
    /// Exit code 2 with these words, and nothing is changed. The patch keeps all the rest of it even so.
    NotForFargate(&'static str),
    /// Exit code 2 with these words; there is no patch.
    Refused(&'static str),
}

use Outcome::{NotForFargate, Refused, Reuses};

/// Read from ECS, migrated by its first container.
const fn case(file: &'static str, why: &'static str, changes: &'static [&'static str]) -> Case {
    Case { file, why, container: 0, named: None, route: Route::Ecs, outcome: Outcome::Migrates, changes }
}

impl Case {
    const fn container(self, container: usize) -> Self {
        Self { container, ..self }
    }

    const fn named(self, name: &'static str) -> Self {
        Self { named: Some(name), ..self }
    }

    const fn in_file(self) -> Self {
        Self { route: Route::File, ..self }
    }

    const fn ends(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

const EC2_ONLY: Outcome = NotForFargate("is not made for Fargate");

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    // Programs.
    case("django", "secrets by JSON key, and no DATABASE_NAME at all", &["+ /containerDefinitions/0/environment/3"]),
    case("rails", "entry point, working directory, user, SSM parameters", &["+ /containerDefinitions/0/environment/3"]),
    case("flyway", "a private Docker Hub image; values with ?, & and =", &["+ /containerDefinitions/0/environment/4"]),
    case("node-prisma", "an image by digest; DATABASE_NAME stands first already", &["~ /containerDefinitions/0/environment/0/value"]),
    case("laravel", "DATABASE_NAME in the middle; a web server beside that mounts its volumes", &["~ /containerDefinitions/0/environment/2/value"]),
    case("liquibase", "words of a command that begin with dashes and hold !", &["+ /containerDefinitions/0/environment/2"]),

    // The variable.
    case("database-name-twice", "ECS keeps a variable that is there twice: one is left, where the first one was", &[
        "~ /containerDefinitions/0/environment/1/value",
        "~ /containerDefinitions/0/environment/3/name",
        "~ /containerDefinitions/0/environment/3/value",
        "- /containerDefinitions/0/environment/4",
    ]),
    case("database-name-empty", "it is set, to nothing", &["~ /containerDefinitions/0/environment/0/value"]),
    case("database-name-lookalikes", "other cases, prefixes, suffixes and spaces are other variables", &["+ /containerDefinitions/0/environment/5"]),
    case("database-name-in-sidecar", "a sidecar's own DATABASE_NAME is none of our business", &["+ /containerDefinitions/0/environment/0"]),
    case("database-name-is-a-secret", "ECS refuses a variable that is also a secret", &[]).ends(Refused("takes DATABASE_NAME from a secret")),
    case("already-wanted", "a second run changes nothing", &[]).ends(Reuses),
    case("environment-empty", "[] is how ECS answers that there are no variables", &["+ /containerDefinitions/0/environment/0"]),
    case("environment-null", "null is absent in AWS's JSON", &["~ /containerDefinitions/0/environment"]).in_file(),
    case("environment-absent", "as a person writes it by hand", &["+ /containerDefinitions/0/environment"]).in_file(),

    // Values.
    case("empty-strings", "\"\", 0 and false are values, which some tools drop", &["+ /containerDefinitions/0/environment/5"]),
    case("awkward-values", "=, quotes, backslashes, newlines, control characters, JSON, shell and workflow syntax", &["+ /containerDefinitions/0/environment/17"]),
    case("unicode", "four-byte, combining, invisible and right-to-left characters; names of tags and labels too", &["+ /containerDefinitions/0/environment/8"]),

    // Sidecars.
    case("firelens", "a log router first; the migration's log is not in CloudWatch Logs", &["+ /containerDefinitions/1/environment/1"]).container(1),
    case("datadog-agent", "labels that hold JSON, UDP ports, a shared process namespace", &["+ /containerDefinitions/0/environment/3"]),
    case("opentelemetry", "a collector that must be healthy before; its configuration from SSM", &["+ /containerDefinitions/1/environment/2"]).container(1),
    case("depends-on-every-condition", "START, COMPLETE and SUCCESS; the migration stands last", &["+ /containerDefinitions/3/environment/0"]).container(3).named("migration"),
    case("app-mesh", "proxyConfiguration with empty properties; the fourth condition, HEALTHY", &["+ /containerDefinitions/0/environment/1"]),
    case("ten-containers", "as many as ECS takes, one of them essential", &["+ /containerDefinitions/5/environment/1"]).container(5),
    case("two-essential-containers", "--container chooses; the other one keeps its DATABASE_NAME", &["+ /containerDefinitions/1/environment/1"]).container(1).named("jobs"),
    case("same-image-twice", "a sidecar keeps its image, also when it is the same", &["+ /containerDefinitions/0/environment/1"]).named("migrate"),
    case("copilot", "as AWS Copilot writes it: an own log router, environmentFiles []", &["+ /containerDefinitions/0/environment/4"]),

    // Storage.
    case("efs", "access point, transit encryption, IAM; a volume with few members", &["+ /containerDefinitions/0/environment/0"]),
    case("ebs-configured-at-launch", "a volume that RunTask configures", &["+ /containerDefinitions/0/environment/1"]).ends(NotForFargate("which is configured at launch")),
    case("ephemeral-and-bind-volumes", "host {} is not the same as no host; volumesFrom; 100 GiB", &["+ /containerDefinitions/0/environment/0"]),
    case("s3-files", "a kind of volume that is new", &["+ /containerDefinitions/0/environment/0"]),

    // Secrets and registries.
    case("environment-files", "files in S3, which may set DATABASE_NAME too: environment wins", &["+ /containerDefinitions/0/environment/1"]),
    case("ssm-secrets", "parameters by path, by ARN and by plain name", &["+ /containerDefinitions/0/environment/0"]),
    case("secrets-manager-forms", "whole, by key, by stage, by ARN without suffix", &["+ /containerDefinitions/0/environment/0"]),
    case("repository-credentials", "two private registries", &["+ /containerDefinitions/0/environment/0"]),
    case("splunk-secret-options", "a secret of the log driver", &["+ /containerDefinitions/0/environment/0"]),
    case("blocking-logs", "more options of awslogs than we read", &["+ /containerDefinitions/0/environment/0"]),
    case("no-logs", "no logConfiguration", &["+ /containerDefinitions/0/environment/1"]),

    // Tags.
    case("fifty-tags", "as many as ECS takes, with every character it takes", &["+ /containerDefinitions/0/environment/0"]),
    case("cloudformation-tags", "AWS's own tags cannot be given back; one that begins almost alike can", &[
        "+ /containerDefinitions/0/environment/1", "- /tags/2", "- /tags/3", "- /tags/4",
    ]),
    case("tags-absent", "the answer has no member tags", &["+ /containerDefinitions/0/environment/0"]),
    case("cdk", "names as the CDK makes them; an image by the hash of its assets", &["+ /containerDefinitions/0/environment/1"]),

    // Kernel, platform, life.
    case("linux-parameters", "capabilities, tmpfs, ulimits with -1, sysctls, zeros", &["+ /containerDefinitions/0/environment/0"]),
    case("timeouts-and-restarts", "health check, start and stop timeouts, restartPolicy, versionConsistency", &["+ /containerDefinitions/0/environment/0"]),
    case("restart-policy", "a restart policy that is on: ECS would start the migration again", &["+ /containerDefinitions/0/environment/0"]).ends(NotForFargate("restartPolicy for container migration")),
    case("service-connect", "named ports, their protocols, a range of ports", &["+ /containerDefinitions/1/environment/0"]).container(1),
    case("arm64", "runtimePlatform, and sizes of the container beside the task's", &["+ /containerDefinitions/0/environment/1"]),
    case("largest-size", "16 vCPU, 120 GB, 200 GiB; enableFaultInjection, which MiniStack and moto lose", &["+ /containerDefinitions/0/environment/0"]),
    case("active-directory", "credentialSpecs, DNS, extraHosts, an empty hostname", &["+ /containerDefinitions/0/environment/0"]).ends(NotForFargate("has networkMode bridge")),
    case("newer-than-the-sdk", "members that no SDK knows, at every level, with every kind of JSON in them", &["+ /containerDefinitions/0/environment/1"]),
    case("windows-on-fargate", "an image of Windows, built elsewhere", &["+ /containerDefinitions/0/environment/0"]),

    // Not for Fargate.
    case("ec2-bridge", "links, host ports, privileged, Docker volumes, placement", &["+ /containerDefinitions/0/environment/1"]).ends(NotForFargate("has networkMode bridge")),
    case("gpu", "a shared GPU, devices", &["+ /containerDefinitions/0/environment/0"]).ends(EC2_ONLY),
    case("inference-accelerators", "inferenceAccelerators, which AWS has retired and still answers", &["+ /containerDefinitions/0/environment/0"]).ends(EC2_ONLY),
    case("windows-on-ec2", "no networkMode, FSx, a gMSA, backslashes, entryPoint []", &["+ /containerDefinitions/0/environment/0"]).ends(NotForFargate("has networkMode unset")),
    case("external", "ECS Anywhere", &["+ /containerDefinitions/0/environment/0"]).ends(NotForFargate("has networkMode host")),
    case("managed-instances", "trustedExecutionConfiguration, which aws-sdk-ecs 1.157 lacks", &["+ /containerDefinitions/0/environment/0"]).ends(EC2_ONLY),

    // Other forms of document.
    case("bare-definition", "`taskDefinition` alone, read-only members and all", &["+ /containerDefinitions/0/environment/1"]).in_file(),
    case("register-input", "as a person writes it: 1 vCPU, 2GB, tags inside, few members", &["+ /containerDefinitions/0/environment"]).in_file(),
    case("nulls", "as tools print it that write null for what is absent", &["+ /containerDefinitions/0/environment/0"]).in_file(),
    case("deregistered", "INACTIVE, with the two dates that only such a one has", &["+ /containerDefinitions/0/environment/0"]).in_file(),
];
