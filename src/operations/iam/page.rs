//! Both policies for a person, with the commands that put them in place.

use serde_json::json;

use super::policy::{MAX_POLICY, permissions, statements};
use super::trust::{ISSUER, trust};
use super::{Placeholder, Scope};
use crate::adapters::identity::role::audience;
use crate::document::{Content, Document, Lines, Section};

/// Shows both policies, with what has to be filled in, and with what AWS could have said and did not.
pub(super) fn document(scope: &Scope, notes: &[String]) -> Document {
    let (permissions, trust) = (permissions(scope), trust(scope));
    let text = format!("{permissions}{trust}");
    // A plan, for instance, needs no roles.
    let is_there = |placeholder: &&Placeholder| text.contains(placeholder.name);
    let blanks: Vec<&Placeholder> = scope.placeholders.iter().filter(is_there).collect();
    let role = scope.operation.name();
    let what = if scope.plan_only { format!("{role} --plan") } else { role.to_owned() };
    let reasons: Vec<String> =
        statements(scope).map(|statement| format!("{:<20} {}", statement.sid, statement.reason)).collect();
    let reasons = Lines { language: "text", text: reasons.join("\n"), ..Lines::default() };
    let mut reasons = vec![Content::Lines(reasons)];
    let size = permissions.to_string().len();
    if size > MAX_POLICY {
        let most =
            format!("a managed policy holds {MAX_POLICY} characters, and this has {size}: split it in two");
        reasons.push(Content::Warning(most.into()));
    }
    let placeholders = blanks.iter().map(|one| (one.name, one.how.clone().into())).collect();
    let commands = format!(
        "aws iam create-open-id-connect-provider --url https://{ISSUER} --client-id-list {}\n\
             aws iam create-role --role-name {role} --assume-role-policy-document file://trust.json\n\
             aws iam put-role-policy --role-name {role} --policy-name {role} --policy-document file://permissions.json",
        audience(&scope.partition)
    );
    let commands = Lines { language: "sh", text: commands, ..Lines::default() };
    Document {
        sections: vec![
            Section::of([Content::File(format!("{permissions:#}"))])
                .titled(format!("permissions.json: all that fargate-migrate {what} does with these flags")),
            Section::of(reasons),
            Section::of([Content::File(format!("{trust:#}"))])
                .titled("trust.json: whom the role trusts, by both forms of GitHub's sub claim"),
            Section::of([Content::Facts(placeholders)]).titled("To be filled in"),
            Section::of([Content::Notes(notes.to_vec())]),
            Section::of([Content::Lines(commands)]).titled("In place, once per account and once per role:"),
        ],
        data: json!({
            "permissions": permissions,
            "trust": trust,
            "placeholders": blanks,
            "notes": notes,
        }),
        ..Document::default()
    }
}
