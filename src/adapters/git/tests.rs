use std::process::Command;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A directory with these files.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = tree.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    tree
}

fn head_of(tree: &Path) -> Result<Head> {
    let (tree, dot_git) = repository_around(tree).expect("a repository");
    head(&tree, &dot_git)
}

#[test]
fn head_is_followed_to_its_commit() {
    let packed = format!(
        "# pack-refs with: peeled fully-peeled sorted\n{B} refs/heads/main\n{A} refs/tags/v1\n^{B}\n"
    );
    let sha256 = "c".repeat(64);
    for (files, expected) in [
        (vec![(".git/HEAD", format!("{A}\n"))], A),
        (vec![(".git/HEAD", format!("{sha256}\n"))], sha256.as_str()),
        (vec![(".git/HEAD", "ref: refs/heads/main\n".into()), (".git/refs/heads/main", format!("{A}\n"))], A),
        (vec![(".git/HEAD", "ref: refs/heads/main\n".into()), (".git/packed-refs", packed.clone())], B),
        (vec![(".git/HEAD", "ref: refs/tags/v1\n".into()), (".git/packed-refs", packed.clone())], A),
        // A loose ref is newer than a packed one.
        (
            vec![
                (".git/HEAD", "ref: refs/heads/main\n".into()),
                (".git/refs/heads/main", format!("{A}\n")),
                (".git/packed-refs", packed.clone()),
            ],
            A,
        ),
        // What actions/checkout makes of a pull request.
        (
            vec![
                (".git/HEAD", "ref: refs/remotes/pull/7/merge\n".into()),
                (".git/refs/remotes/pull/7/merge", format!("{A}\n")),
            ],
            A,
        ),
        (
            vec![
                (".git/HEAD", "ref: refs/heads/alias\n".into()),
                (".git/refs/heads/alias", "ref: refs/heads/main\n".into()),
                (".git/refs/heads/main", format!("{A}\n")),
            ],
            A,
        ),
        // A worktree: its own HEAD, the repository's branches.
        (
            vec![
                (".git", "gitdir: main/.git/worktrees/w\n".into()),
                ("main/.git/worktrees/w/HEAD", "ref: refs/heads/topic\n".into()),
                ("main/.git/worktrees/w/commondir", "../..\n".into()),
                ("main/.git/refs/heads/topic", format!("{A}\n")),
            ],
            A,
        ),
        // A submodule: a directory of its own.
        (vec![(".git", "gitdir: modules/sub\n".into()), ("modules/sub/HEAD", format!("{A}\n"))], A),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let tree = tree(&files);
        std::fs::create_dir_all(tree.path().join("src/deep")).unwrap();
        for below in ["", "src/deep"] {
            let head = head_of(&tree.path().join(below)).expect("a HEAD");
            assert_eq!(head, Head::Commit(expected.into()), "{files:?}");
        }
    }
}

#[test]
fn what_does_not_say_a_commit_is_no_commit() {
    let unborn = tree(&[(".git/HEAD", "ref: refs/heads/main\n")]);
    assert_eq!(head_of(unborn.path()).unwrap(), Head::Unborn);
    let reftable = tree(&[(".git/HEAD", "ref: refs/heads/.invalid\n"), (".git/reftable/tables.list", "")]);
    assert_eq!(head_of(reftable.path()).unwrap(), Head::Reftable);
    for files in [
        vec![(".git/HEAD", "ref: ../../etc/passwd\n")],
        vec![(".git/HEAD", "ref: refs/heads/../../../secret\n"), (".git/config", "")],
        vec![(".git/HEAD", "ref: refs/heads/a\n"), (".git/refs/heads/a", "ref: refs/heads/a\n")],
        vec![(".git/HEAD", "aaaa\n")],
        vec![(".git/HEAD", "")],
        vec![(".git/config", "")],
        vec![(".git", "gitdir: /nowhere/.git/worktrees/w\n")],
        vec![(".git", "nothing\n")],
    ] {
        let tree = tree(&files);
        assert!(head_of(tree.path()).is_err(), "{files:?}");
    }
}

#[tokio::test]
async fn a_repository_that_does_not_say_its_commit_is_refused_and_no_repository_is_none() {
    let outside = tempfile::tempdir().unwrap();
    assert_eq!(commit(outside.path()).await.unwrap(), None);
    assert_eq!(commit(&outside.path().join("missing")).await.unwrap(), None);
    let gone = tree(&[(".git", "gitdir: /nowhere/.git/worktrees/w\n")]);
    let error = commit(gone.path()).await.unwrap_err();
    let failure = Failure::from_error(&error);
    assert!(failure.message.contains("does not say it"), "{failure}");
    assert_eq!(failure.hint.as_deref(), Some("name the image with --tag"));
}

#[tokio::test]
async fn git_itself_says_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(&directory).args(arguments).output().expect("git");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(&["init", "--quiet", "-b", "main"]);
    run(&["config", "user.email", "a@example.org"]);
    run(&["config", "user.name", "a"]);
    std::fs::write(directory.path().join("version"), "1").unwrap();
    run(&["add", "."]);
    run(&["commit", "--quiet", "-m", "one"]);
    run(&["tag", "-a", "v1", "-m", "one"]);
    let first = run(&["rev-parse", "HEAD"]);
    std::fs::write(directory.path().join("version"), "2").unwrap();
    run(&["commit", "--quiet", "-a", "-m", "two"]);
    let second = run(&["rev-parse", "HEAD"]);
    let seen = async || commit(directory.path()).await.unwrap();
    assert_eq!(seen().await, Some(second.clone()));
    run(&["pack-refs", "--all"]);
    assert_eq!(seen().await, Some(second.clone()));
    run(&["checkout", "--quiet", "v1"]);
    assert_eq!(seen().await, Some(first.clone()));
    let worktree = directory.path().join("elsewhere");
    run(&["worktree", "add", "--quiet", "elsewhere", "main"]);
    assert_eq!(commit(&worktree).await.unwrap(), Some(second));
    assert_eq!(changed_files(directory.path()).await.unwrap(), Vec::<String>::new());
    std::fs::write(directory.path().join("version"), "3").unwrap();
    assert_eq!(changed_files(directory.path()).await.unwrap(), ["M version"]);
}

#[tokio::test]
async fn files_since_a_commit_are_those_that_were_added_or_changed() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let output = Command::new("git").current_dir(&directory).args(identity).args(arguments).output();
        let output = output.expect("git");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    run(&["init", "--quiet", "-b", "main"]);
    std::fs::create_dir(directory.path().join("a")).unwrap();
    for name in ["a/changed", "a/kept", "a/gone", "elsewhere"] {
        write(name, "1");
    }
    run(&["add", "."]);
    run(&["commit", "--quiet", "-m", "one"]);
    let first = run(&["rev-parse", "HEAD"]);
    write("a/changed", "2");
    write("a/new\nline Ü", "2");
    write("elsewhere", "2");
    // A filter of the repository runs for no tree.
    write(".gitattributes", "* filter=own");
    run(&["config", "filter.own.clean", "touch ran; cat"]);
    std::fs::remove_file(directory.path().join("a/gone")).unwrap();
    run(&["add", "."]);
    run(&["commit", "--quiet", "-m", "two"]);
    std::fs::remove_file(directory.path().join("ran")).unwrap();
    write("a/kept", "not committed");
    let since = async |commit: &str| files_since(&directory.path().join("a"), commit).await.unwrap();
    assert_eq!(since(&first).await, Some(vec!["changed".to_owned(), "new\nline Ü".to_owned()]));
    assert_eq!(since(&"0".repeat(40)).await, None);
    assert_eq!(since("--output=ran").await, None);
    assert_eq!(since("main").await, None);
    assert!(!directory.path().join("ran").exists());
}

#[test]
fn a_remote_on_github_is_owner_and_name() {
    for (url, expected) in [
        ("https://github.com/owner/name.git", Some("owner/name")),
        ("git@github.com:owner/name.git", Some("owner/name")),
        ("ssh://git@github.com/owner/name/", Some("owner/name")),
        ("https://example.org/owner/name", None),
        ("https://github.com/owner", None),
        ("ssh://git@ssh.github.com:443/owner/name.git", Some("owner/name")),
        ("https://GitHub.com/owner/name", Some("owner/name")),
        ("https://notgithub.com/owner/name", None),
        ("git@notgithub.com:owner/name.git", None),
        ("https://example.com/github.com/owner/name", None),
        ("git@example.com:github.com/owner/name", None),
        ("/srv/github.com/owner/name", None),
    ] {
        assert_eq!(repository_in(url), expected, "{url}");
    }
}
