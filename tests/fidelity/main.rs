//! Checked by others: nothing that we say about AWS rests on our word alone.
//!
//! The judges are programs that we did not write: botocore's models and parsers, the AWS CLI, boto3, a Docker Engine,
//! MiniStack and moto. docs/fidelity.md says in one table what was checked by whom.

/// A virtual environment with pinned versions, made once, and Python programs run in it.
mod python;
/// The binary, its environment, and what it left behind, as the stories have it.
#[path = "../stories/support.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;
/// The Rust SDK as a client of the sandbox.
mod sdk;
/// docs/aws-limits.md: the table, the constants, and the sandbox at each limit.
mod limits;
/// Task definitions of the wild through describe, patch and register: only our change may be seen.
mod corpus;
/// docs/fidelity.md names tests that exist.
mod table;
