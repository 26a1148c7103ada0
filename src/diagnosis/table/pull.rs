//! What fails while the image is pulled.

use super::{ANY, NETWORK, PLATFORM, Row, START, rows};

const PULL: &[&str] = &["cannotpullcontainererror"];
const PULL_ROUTE: &str = "give the task a route to the registry: check the S3 gateway endpoint and its route table \
    first (ECR keeps layers in S3), then ecr.dkr and ecr.api or a NAT gateway, and in a public subnet \
    --assign-public-ip; the security group must allow 443 outwards";
const FORBIDDEN: &[&str] = &[
    "403 forbidden",
    "pull access denied",
    "insufficient_scope",
    "requested access to the resource is denied",
];

pub(super) const ROWS: &[Row] = rows! {
    "platform" START, [&["does not contain descriptor matching platform", "no matching manifest for",
        "no match for platform in manifest", "image operating system", "cannot be used on this platform"]],
        "the image is not made for the task's processor architecture", PLATFORM;
    "disk-full" ANY, [&["no space left on device"]],
        "the task's disk is full",
        "raise ephemeralStorage.sizeInGiB in the task definition (Fargate gives 20 GiB), or make the image smaller";
    "rate-limit" START, [&["toomanyrequests: ", "pull rate limit", "429 too many requests", "too many requests - server"]],
        "the registry's pull rate limit is reached",
        "pull through an ECR pull-through cache, or give the registry's credentials in repositoryCredentials";
    "registry-certificate" START, [PULL, &["x509:", "failed to verify certificate", "certificate signed by unknown authority",
        "certificate has expired", "certificate is not valid"]],
        "the registry's TLS certificate is not one that Fargate trusts",
        "give the registry a certificate of a public authority for the name in the image's reference; Fargate takes no \
         certificate of your own";
    "registry-plain" START, [PULL, &["server gave http response to https client"]],
        "the registry speaks plain HTTP, and Fargate pulls by HTTPS alone",
        "serve the registry by HTTPS, or push the image to ECR";
    "image-name" START, [PULL, &["invalid reference format", "could not parse reference", "invalid image reference"]],
        "the image's name is not one",
        "correct the image's name: registry/repository:tag or registry/repository@sha256:…";
    "image-format" START, [PULL, &["unsupported manifest media type", "schema1 is no longer supported",
        "media type \"application/vnd.docker.distribution.manifest.v1", "unsupported media type", "unknown media type",
        "docker schema 1"]],
        "the image is stored in a format that Fargate does not pull",
        "build and push the image again with a current builder (Docker image manifest v2 or OCI)";
    "pull-permission" START, [PULL, &["check that the role has the permissions", "not authorized to perform: ecr:"]],
        "the execution role may not pull the image",
        "attach AmazonECSTaskExecutionRolePolicy to the executionRoleArn; in another account the repository's policy \
         must allow it too";
    "layer-policy" START, [PULL, &["starport-layer-bucket"], &["403 forbidden", "accessdenied", "access denied"]],
        "S3 refuses the image's layers, which ECR keeps there: most often by the policy of the S3 endpoint",
        "let the S3 gateway endpoint's policy allow s3:GetObject on arn:aws:s3:::prod-REGION-starport-layer-bucket/*";
    "pull-route" START, [PULL, NETWORK],
        "the task cannot reach the image's registry, its login service, or the S3 buckets where ECR keeps layers",
        PULL_ROUTE;
    "registry-credentials" START, [PULL, &["401 unauthorized", "failed to fetch anonymous token", "no basic auth credentials",
        "failed to fetch oauth token", "authentication required", "incorrect username or password", "unauthorized:",
        "failed to authorize", "invalid username"]],
        "the registry wants credentials: the task definition gives none, or the registry does not accept them",
        "name a secret with the registry's username and password in the container's repositoryCredentials; of an image \
         in ECR, check the account and the executionRoleArn; some registries answer so for an image that does not exist";
    "image-asked" START, [PULL, &["check whether the image exists"]],
        "the image's tag, digest or repository does not exist, or the registry does not show it to the task",
        "check the repository, the tag and the region and account in the image's name; a lifecycle policy may have \
         expired it; pin images by digest";
    "ecr-refused" START, [PULL, &[".dkr.ecr", ".dkr-ecr"], FORBIDDEN],
        "ECR refuses the pull: the execution role may not be allowed to, the repository's policy may not admit it, or \
         the repository may not exist",
        "check in this order: the image's name, AmazonECSTaskExecutionRolePolicy on the executionRoleArn, the \
         repository's policy where it is in another account";
    "registry-refused" START, [PULL, FORBIDDEN],
        "the registry refuses the pull: the image may be private or may not exist",
        "check the image's name; give the registry's credentials in the container's repositoryCredentials where it is \
         private";
    "image-missing" START, [PULL, &["manifest unknown", "name unknown", "repository does not exist", "requested image not found",
        ": not found", "404 not found", "tag does not exist", "repositorynotfound", "does not exist in the registry"]],
        "the image's tag, digest or repository does not exist",
        "check the repository, the tag and the region and account in the image's name; a lifecycle policy may have \
         expired it; pin images by digest";
    "registry-failed" START, [PULL, &["500 internal server error", "502 bad gateway", "503 service unavailable",
        "504 gateway timeout"]],
        "the registry failed",
        "try again; see whether the registry has an outage";
    "pull-broken" START, [PULL, &["context canceled", "nil pointer dereference", "unexpected eof"]],
        "the pull broke off: the task may have no working route to the registry or to ECR's layers in S3, or the registry \
         ended it",
        "try again; where it stays so, check the S3 gateway endpoint and its route table, then ecr.dkr and ecr.api or \
         the NAT gateway";
    "pull-unknown" START, [PULL],
        "the image could not be pulled",
        "check in this order: the image exists, the execution role may pull it (AmazonECSTaskExecutionRolePolicy) or the \
         registry's credentials are given, the task has a route to the registry and, for ECR, to S3";
};
