//! Which tables a file creates itself, and which one a statement is about.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{AstNode as _, Stmt};

/// The tables that a file creates, as it writes them.
pub(super) struct Created(Vec<String>);

/// Lists the tables that these statements create. One that is created `IF NOT EXISTS` may be there, and have rows.
pub(super) fn created(statements: &[Stmt]) -> Created {
    let name = |statement: &Stmt| match statement {
        Stmt::CreateTable(one) if one.if_not_exists().is_none() => {
            one.table_name().map(|name| text(name.syntax()))
        }
        Stmt::CreateTableAs(one) if one.if_not_exists().is_none() => {
            one.table_name().map(|name| text(name.syntax()))
        }
        _ => None,
    };
    Created(statements.iter().filter_map(name).collect())
}

impl Created {
    /// Tells whether this is one of them. A name without a schema is the same table in any.
    pub(super) fn has(&self, table: &str) -> bool {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let is_same = |created: &String| match created.contains('.') && table.contains('.') {
            true => created == table,
            false => last(created) == last(table),
        };
        self.0.iter().any(is_same)
    }
}

/// Returns the table that a statement changes, as it writes it.
pub(super) fn touched(statement: &Stmt) -> Option<String> {
    let node = match statement {
        Stmt::AlterTable(one) => one.table_relation_name()?.table_name_ref()?.syntax().clone(),
        Stmt::CreateIndex(one) => one.table_relation_name()?.table_name_ref()?.syntax().clone(),
        Stmt::Update(one) => one.relation_name()?.syntax().clone(),
        Stmt::Delete(one) => one.relation_name()?.syntax().clone(),
        _ => return None,
    };
    Some(text(&node))
}

/// Tells whether a statement locks each row of a table.
pub(super) fn changes_every_row(statement: &Stmt) -> bool {
    match statement {
        Stmt::Update(one) => one.where_clause_or_current_of().is_none(),
        Stmt::Delete(one) => one.where_clause_or_current_of().is_none(),
        _ => false,
    }
}

/// Returns a name as PostgreSQL compares it: without quotation marks, and in lower case where it has none.
fn text(node: &SyntaxNode) -> String {
    let text = node.text().to_string();
    let name = |part: &str| match part.trim().strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => part.trim().to_lowercase(),
    };
    text.split('.').map(name).collect::<Vec<_>>().join(".")
}
