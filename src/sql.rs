//! What pending SQL will do: which statement makes others wait for a lock, and which one breaks the code that runs until
//! the deploy is through. The parser and most of the rules are squawk's; everything here is pure.

use squawk_linter::{Linter, Rule as Squawk, Violation};
use squawk_syntax::ast::{AstNode as _, SourceFile, Stmt};
use squawk_syntax::{Parse, SyntaxNode};

use crate::failure::ExitCode;
use crate::untrusted::{one_line, shortened};

mod bounds;
mod rules;
mod shown;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use rules::{Question, Rule};

/// Bytes of a file that is read: a dump of a large schema fits.
pub(crate) const LARGEST_FILE: u64 = 4 << 20;
/// Findings that are kept of one run; a page has no room for more, and the rest is counted.
const MOST: usize = 500;
/// Characters of a statement that a finding shows.
const STATEMENT: usize = 120;
/// Bytes of stack for the parser, which recurses. They are reserved, and used only as deep as a file goes.
const STACK: usize = 256 << 20;

/// Which rules count, and for which PostgreSQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub include: Vec<&'static Rule>,
    pub exclude: Vec<&'static Rule>,
    /// The only question that is asked; both where there is none.
    pub only: Option<Question>,
    /// The major version; absent where none was named.
    pub postgres: Option<u32>,
}

/// A statement that others wait for, or that code which runs may not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// As it was named.
    pub file: String,
    /// From 1 on.
    pub line: u64,
    /// In one line of at most [`STATEMENT`] characters, without comments.
    pub statement: String,
    pub rule: &'static Rule,
}

/// What could not be looked at, and why. It is not a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub file: String,
    pub line: Option<u64>,
    pub why: String,
}

/// What was found in some files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many files were looked at.
    pub files: usize,
    pub findings: Vec<Finding>,
    /// Findings that were left out.
    pub more: usize,
    pub unread: Vec<Unread>,
}

/// What a plan says about SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSql {
    pub(crate) found: Found,
    /// Which files these are, such as *those that the pull request changes*.
    pub(crate) of: String,
    /// The only question that was asked.
    pub(crate) only: Option<Question>,
    /// Whether a finding makes the plan fail.
    pub(crate) fails: bool,
}

impl SeenSql {
    /// Returns the exit code of the run that has looked, if nothing else is wrong.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.fails && !self.found.findings.is_empty() { ExitCode::MigrationFailed } else { ExitCode::Done }
    }
}

impl Found {
    /// Adds what is found in a file; its text, or why it cannot be read.
    pub(crate) fn look_at(&mut self, file: &str, text: Result<String, String>, asked: &Asked) {
        self.files += 1;
        let looked = text.map_err(|why| (None, why)).and_then(|text| look(file, text, asked));
        match looked {
            Err((line, why)) => self.unread.push(Unread { file: file.to_owned(), line, why }),
            Ok((findings, unread)) => {
                let room = MOST.saturating_sub(self.findings.len());
                self.more += findings.len().saturating_sub(room);
                self.findings.extend(findings.into_iter().take(room));
                self.unread.extend(unread);
            }
        }
    }
}

type Looked = Result<(Vec<Finding>, Vec<Unread>), (Option<u64>, String)>;

/// Looks at a file in a thread of its own, whose stack is as deep as the bounded text needs.
fn look(file: &str, text: String, asked: &Asked) -> Looked {
    let bounded = bounds::bounded(&text).map_err(|(at, why)| (Some(line_of(&text, at)), why.to_owned()))?;
    let failed = |_| (None, "no memory is left to parse it".to_owned());
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().stack_size(STACK);
        let looking = parser.spawn_scoped(scope, || parsed(file, &text, &bounded, asked));
        looking.map_err(failed)?.join().unwrap_or_else(|_| Err((None, "the parser gave it up".to_owned())))
    })
}

/// Parses a text whose bodies are blank, and judges it.
fn parsed(file: &str, text: &str, bounded: &bounds::Bounded, asked: &Asked) -> Looked {
    let tree = SourceFile::parse(&bounded.text);
    let in_body = |at: usize| bounded.bodies.iter().any(|body| body.contains(&at));
    let errors = tree.errors();
    let error = errors.iter().find(|error| !in_body(usize::from(error.range().start())));
    if let Some(error) = error {
        let line = line_of(text, usize::from(error.range().start()));
        return Err((Some(line), format!("not parsed: {}", shortened(error.message(), STATEMENT))));
    }
    let statements: Vec<Stmt> = tree.tree().stmts().collect();
    let created = tables::created(&statements);
    let mut found: Vec<(usize, &'static Rule, String)> = Vec::new();
    for (at, rule) in reported(&tree, &bounded.text, asked) {
        let Some(statement) = statements.iter().find(|one| holds(one.syntax(), at)) else { continue };
        if tables::touched(statement).is_some_and(|table| created.has(&table)) {
            continue;
        }
        found.push((at, rule, words(statement.syntax())));
    }
    specific_first(&mut found);
    let finding =
        |(at, rule, statement)| Finding { file: file.to_owned(), line: line_of(text, at), statement, rule };
    let blocks = statements.iter().filter(|one| matches!(one, Stmt::Do(_)));
    let unread = blocks.map(|block| Unread {
        file: file.to_owned(),
        line: Some(line_of(text, begin(block.syntax()))),
        why: "a DO block: the statements in it are not looked at".to_owned(),
    });
    let unread = unread.collect();
    Ok((found.into_iter().map(finding).collect(), unread))
}

/// Lists where the rules that are asked for find something, in the order of the text.
fn reported(tree: &Parse<SourceFile>, text: &str, asked: &Asked) -> Vec<(usize, &'static Rule)> {
    let is_asked = |rule: &&&'static Rule| {
        let is_of_question = asked.only.is_none_or(|only| only == rule.question);
        is_of_question && (rule.by_default || asked.include.contains(rule)) && !asked.exclude.contains(rule)
    };
    let rules: Vec<&'static Rule> = rules::all().iter().filter(|rule| is_asked(&rule)).collect();
    let own = |name: &str| rules.iter().copied().find(|rule| rule.name == name);
    let mut linter = Linter::from(rules.iter().filter_map(|rule| Squawk::try_from(rule.name).ok()));
    linter.settings.assume_in_transaction = true;
    if let Some(version) = asked.postgres.and_then(|major| major.to_string().parse().ok()) {
        linter.settings.pg_version = version;
    }
    let of_squawk = |violation: Violation| {
        let at = usize::from(violation.text_range.start());
        own(&violation.code.to_string()).map(|rule| (at, rule))
    };
    let mut all: Vec<_> = linter.lint(tree, text).into_iter().filter_map(of_squawk).collect();
    if let Some(rule) = own(rules::EVERY_ROW) {
        let rows = tree.tree().stmts().filter(tables::changes_every_row);
        let rows = rows.map(|statement| begin(statement.syntax()));
        all.extend(rows.filter(|at| !is_ignored(text, *at)).map(|at| (at, rule)));
    }
    all.sort_by_key(|(at, rule)| (*at, rule.name));
    all.dedup();
    all
}

/// Tells whether the line before a place, or one for the whole file, ignores the rule that squawk does not know.
fn is_ignored(text: &str, at: usize) -> bool {
    let ignores = |line: &str, word: &str| {
        let said = line.trim().strip_prefix("--").map(str::trim).and_then(|line| line.strip_prefix(word));
        said.is_some_and(|names| names.split([',', ' ']).any(|name| name.trim() == rules::EVERY_ROW))
    };
    let before = text[..at].lines().next_back().unwrap_or_default();
    ignores(before, "squawk-ignore ") || text.lines().any(|line| ignores(line, "squawk-ignore-file "))
}

/// Drops the general finding on a constraint where a special one says the same of the same statement.
fn specific_first(found: &mut Vec<(usize, &'static Rule, String)>) {
    let special: Vec<String> = found
        .iter()
        .filter(|(_, rule, _)| rules::SAY_MORE.contains(&rule.name))
        .map(|(.., statement)| statement.clone())
        .collect();
    found.retain(|(_, rule, statement)| rule.name != rules::SAYS_LESS || !special.contains(statement));
}

fn holds(node: &SyntaxNode, at: usize) -> bool {
    let range = node.text_range();
    (usize::from(range.start())..usize::from(range.end()).max(1)).contains(&at)
}

/// Returns where the first word of a node is: comments before it belong to it.
fn begin(node: &SyntaxNode) -> usize {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let first =
        tokens.filter(|token| !is_trivia(token.kind())).map(|token| token.text_range().start()).next();
    usize::from(first.unwrap_or_else(|| node.text_range().start()))
}

fn is_trivia(kind: squawk_syntax::SyntaxKind) -> bool {
    matches!(kind, squawk_syntax::SyntaxKind::WHITESPACE | squawk_syntax::SyntaxKind::COMMENT)
}

/// Returns a statement in one line, without comments.
fn words(node: &SyntaxNode) -> String {
    let mut line = String::new();
    for token in node.descendants_with_tokens().filter_map(|element| element.into_token()) {
        match is_trivia(token.kind()) {
            true if !line.is_empty() && !line.ends_with(' ') => line.push(' '),
            true => {}
            false => line.push_str(token.text()),
        }
        if line.len() > STATEMENT * 8 {
            break;
        }
    }
    let line = one_line(line.trim_end()).split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&line, STATEMENT).into_owned()
}

fn line_of(text: &str, at: usize) -> u64 {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}
