//! What a tag says of the commit that its image is made from, and what it does not.

use super::observed::TagSource;

/// Digits of a commit that people write, at least.
const SHORTEST: usize = 7;

/// Returns what a person should know of the tag. With `is_there`, the repository has it and nothing is built.
pub(super) fn tag_note(tag: &str, named_by: &TagSource, is_there: bool) -> Option<String> {
    match named_by {
        TagSource::CheckedOut { github: None } => None,
        TagSource::CheckedOut { github: Some(github) } => Some(format!(
            "commit {tag} is checked out, and GITHUB_SHA is {github}: the image is named by what is checked out"
        )),
        TagSource::GitHub => Some(
            "no repository is checked out here: the image is named by GITHUB_SHA, which says what the run is about, \
             and not what it was built from"
                .to_owned(),
        ),
        TagSource::Flag { checked_out: Some(commit) } if names(tag, commit) => None,
        TagSource::Flag { checked_out } => {
            let checked_out = checked_out.as_ref().filter(|_| looks_like_a_commit(tag));
            match (checked_out, is_there) {
                (Some(commit), true) => Some(format!(
                    "tag {tag} looks like a commit, and {commit} is checked out: the image that has the tag is used \
                     as it is, and nothing is built"
                )),
                (Some(commit), false) => Some(format!(
                    "tag {tag} looks like a commit, and {commit} is checked out: that is what the image will hold"
                )),
                (None, true) => Some(format!(
                    "the repository has tag {tag} already: its image is used as it is, and the tag does not say of \
                     which commit it is"
                )),
                (None, false) => None,
            }
        }
    }
}

/// Returns whether a tag names this commit: as it is, shortened, or with words around it.
fn names(tag: &str, commit: &str) -> bool {
    tag.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
        let part = part.to_ascii_lowercase();
        let digits = part.strip_prefix('g').unwrap_or(&part);
        digits.len() >= SHORTEST && commit.starts_with(digits)
    })
}

/// Returns whether a tag may be a commit. A number alone is rather a date or a build's number, and a word such as
/// `facade` is too short.
fn looks_like_a_commit(tag: &str) -> bool {
    let is_hex = (SHORTEST..=64).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && tag.bytes().any(|byte| byte.is_ascii_digit()) && tag.bytes().any(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_tag_says_its_commit_or_it_is_said_that_it_does_not() {
        let flag = |commit: Option<&str>| TagSource::Flag { checked_out: commit.map(str::to_owned) };
        for (tag, named_by, is_there, said) in [
            (COMMIT, TagSource::CheckedOut { github: None }, true, None),
            (COMMIT, TagSource::CheckedOut { github: None }, false, None),
            (
                COMMIT,
                TagSource::CheckedOut { github: Some(OTHER.into()) },
                true,
                Some("and GITHUB_SHA is 89abcdef"),
            ),
            (
                COMMIT,
                TagSource::CheckedOut { github: Some(OTHER.into()) },
                false,
                Some("and GITHUB_SHA is 89abcdef"),
            ),
            (COMMIT, TagSource::GitHub, true, Some("no repository is checked out here")),
            (COMMIT, flag(Some(COMMIT)), true, None),
            ("0123456", flag(Some(COMMIT)), true, None),
            ("v1.2-3-g0123456", flag(Some(COMMIT)), true, None),
            ("main-0123456789ab", flag(Some(COMMIT)), true, None),
            ("012345", flag(Some(COMMIT)), true, Some("does not say of which commit")),
            (OTHER, flag(Some(COMMIT)), true, Some("looks like a commit, and 0123456789")),
            (OTHER, flag(Some(COMMIT)), false, Some("that is what the image will hold")),
            ("89abcde", flag(Some(COMMIT)), false, Some("that is what the image will hold")),
            (OTHER, flag(None), true, Some("does not say of which commit")),
            (OTHER, flag(None), false, None),
            ("v2", flag(Some(COMMIT)), true, Some("does not say of which commit")),
            ("v2", flag(Some(COMMIT)), false, None),
            ("v2", flag(None), true, Some("does not say of which commit")),
            ("20261128", flag(Some(COMMIT)), true, Some("does not say of which commit")),
            ("20261128", flag(Some(COMMIT)), false, None),
            ("latest", flag(Some(COMMIT)), true, Some("does not say of which commit")),
        ] {
            let note = tag_note(tag, &named_by, is_there);
            match said {
                None => assert_eq!(note, None, "{tag} {named_by:?} {is_there}"),
                Some(said) => {
                    let note = note.unwrap_or_default();
                    assert!(note.contains(said), "{tag} {named_by:?} {is_there}: {note}");
                }
            }
        }
    }
}
