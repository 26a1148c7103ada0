//! Pure: both documents for a person, with the commands that put them in place.

use std::fmt::Write as _;

use serde_json::Value;

use super::Documents;
use super::policy::{MAX_POLICY, reason};
use super::trust::ISSUER;
use crate::adapters::identity::role::audience;
use crate::untrusted::one_line;

pub fn text(documents: &Documents) -> String {
    let Documents { permissions, trust, scope, notes } = documents;
    let mut out = String::new();
    let what = if scope.plan_only { "migrate --plan" } else { "migrate" };
    let _ = writeln!(out, "permissions.json: all that fargate-migrate {what} does with these flags\n");
    let _ = writeln!(out, "{}\n", indented(permissions));
    let statements = permissions["Statement"].as_array().into_iter().flatten();
    for sid in statements.filter_map(|statement| statement["Sid"].as_str()) {
        let _ = writeln!(out, "  {sid:<20} {}", reason(sid));
    }
    let size = permissions.to_string().len();
    if size > MAX_POLICY {
        let _ = writeln!(
            out,
            "\n  {size} characters are more than a managed policy holds ({MAX_POLICY}): split it in two"
        );
    }
    let _ = writeln!(out, "\ntrust.json: whom the role trusts, by both forms of GitHub's sub claim\n");
    let _ = writeln!(out, "{}\n", indented(trust));
    if !scope.placeholders.is_empty() {
        let _ = writeln!(out, "To be filled in");
        for placeholder in &scope.placeholders {
            let _ = writeln!(out, "  {:<15} {}", placeholder.name, placeholder.how);
        }
        out.push('\n');
    }
    for note in notes {
        let _ = writeln!(out, "note: {}", one_line(note));
    }
    let _ = write!(
        out,
        "In place, once per account and once per role:\n  \
         aws iam create-open-id-connect-provider --url https://{ISSUER} --client-id-list {}\n  \
         aws iam create-role --role-name migrate --assume-role-policy-document file://trust.json\n  \
         aws iam put-role-policy --role-name migrate --policy-name migrate --policy-document file://permissions.json\n",
        audience(&scope.partition)
    );
    out
}

/// Names in it come from outside.
fn indented(document: &Value) -> String {
    let text = format!("{document:#}");
    text.lines().map(one_line).collect::<Vec<_>>().join("\n")
}
