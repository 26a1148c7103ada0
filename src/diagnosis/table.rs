//! The phrases by which ECS's reasons are known.
use super::Diagnosis;
pub(super) struct Row {
    pub id: &'static str,
    pub stop_codes: &'static [&'static str],
    pub phrases: &'static [&'static [&'static str]],
    pub unless: &'static [&'static str],
    pub diagnosis: Diagnosis,
}
pub(super) struct End {
    pub exit_codes: std::ops::RangeInclusive<i32>,
    pub diagnosis: Diagnosis,
}
pub(super) const ROWS: &[Row] = &[];
pub(super) const ENDS: &[End] = &[];
