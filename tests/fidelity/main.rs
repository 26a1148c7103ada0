//! Checked by others: nothing that we say about AWS rests on our word alone.
//!
//! The judges are programs that we did not write: botocore's models and parsers, the AWS CLI, boto3, a Docker Engine,
//! MiniStack and moto. docs/fidelity.md says in one table what was checked by whom.

/// A virtual environment with pinned versions, made once, and Python programs run in it.
mod python;
