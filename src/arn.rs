//! Pure: the parts of an ARN.

/// Returns the name or id at the end of an ARN; a name alone is its own.
pub(crate) fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns the family of a task definition: of its ARN, `family:revision` or `family`.
pub(crate) fn family(name_or_arn: &str) -> &str {
    let name = name(name_or_arn);
    name.split(':').next().unwrap_or(name)
}

/// Returns `aws`, `aws-cn`, …; an empty text for what is not an ARN.
pub(crate) fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or_default()
}
