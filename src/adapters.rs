//! The only place that names an SDK's types.

pub mod docker;
pub mod oci;
