//! Checked by others: nothing that we say about AWS rests on our word alone.
//!
//! The judges are programs that we did not write: botocore's models and parsers, the AWS CLI, boto3, a Docker Engine,
//! MiniStack and moto. docs/fidelity.md says in one table what was checked by whom.

/// A virtual environment with pinned versions, made once.
#[path = "../support/python.rs"]
mod environment;
/// The judges' environments, and scripts that run in them.
mod python;
/// What sandboxes recorded while the other tests ran, and botocore's judgement of it.
mod record;
/// Every request that the binary sent, judged by botocore's models.
mod requests;
/// Every answer of the sandbox, judged by botocore's models and parsers.
mod answers;
/// The policies of `fargate-migrate iam` allow every call of the stories, and nothing else.
mod policy;
/// The binary, its environment, and what it left behind, as the stories have it.
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;
/// boto3, the AWS CLI and a Docker Engine drive the sandbox.
mod clients;
/// A program of somebody else that plays AWS, with the seed's account in it.
mod elsewhere;
/// The main job against MiniStack: a real registry, real containers, and the list of where it is not AWS.
mod ministack;
/// moto: what a plan reads, and a log of several pages.
mod moto;
/// docs/by-hand.md and docs/everyday.md: from an empty account to a plan, and the everyday commands.
mod guide;
/// The Rust SDK as a client of the sandbox.
mod sdk;
/// docs/aws-limits.md: the table, the constants, and the sandbox at each limit.
mod limits;
/// Task definitions of the wild through describe, patch and register: only our change may be seen.
mod corpus;
/// docs/fidelity.md names tests that exist.
mod table;
