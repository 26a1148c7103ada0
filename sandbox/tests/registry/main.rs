//! The sandbox's image registry, through the interfaces that its users have.

#![expect(clippy::unwrap_used, reason = "in a test, an absent value is a failure with its place")]

/// Docker Engine pushes and pulls.
mod docker;
/// The OCI distribution API, request by request.
mod distribution;
/// The ECR API.
mod ecr;
/// Images that the tests make.
mod image;
/// What is left after the registry was closed.
mod reopen;
/// From an image to a directory, hostile ones included.
mod unpack;
