//! Completions and man pages.

use std::process::{Command, Stdio};

use crate::support::Run;

#[tokio::test]
async fn every_shell_completes_operations_and_flags() {
    let directory = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = Run::new(directory.path(), &["completions", shell]).finish().await;
        printed.exits(0);
        for word in ["migrate", "rollback", "database", "on-running"] {
            assert!(printed.stdout.contains(word), "{shell} does not complete {word}");
        }
    }
    Run::new(directory.path(), &["completions", "csh"]).finish().await.exits(2).says("invalid value 'csh'");
}

/// By the shell itself: what a person gets for `fargate-migrate migrate --on-ru<Tab>`.
#[tokio::test]
async fn bash_completes_a_flag() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = Run::new(directory.path(), &["completions", "bash"]).finish().await.stdout;
    let asks = r#"
function=$(complete -p fargate-migrate | sed 's/.* -F \([^ ]*\) .*/\1/')
COMP_WORDS=(fargate-migrate migrate --on-ru) COMP_CWORD=2
"$function" fargate-migrate --on-ru migrate
echo "${COMPREPLY[@]}"
"#;
    let bash = Command::new("bash").arg("-c").arg(format!("{script}{asks}")).stdin(Stdio::null()).output();
    let bash = bash.expect("run bash");
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "--on-running", "{bash:?}");
}

#[tokio::test]
async fn each_operation_has_a_man_page() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = directory.path().join("share/man1");
    let made = Run::new(directory.path(), &["man", pages.to_str().expect("a path")]).finish().await;
    made.exits(0).says("the man pages are in");
    let read = |name: &str| std::fs::read_to_string(pages.join(name)).expect(name);
    assert!(read("fargate-migrate.1").contains("deploy"));
    for operation in ["migrate", "deploy", "rollback", "build", "check", "run", "status", "iam", "workflow"] {
        let page = read(&format!("fargate-migrate-{operation}.1"));
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{operation}: {page}");
        assert!(page.contains("config"), "{operation} has flags of its own");
    }
    let refused = Run::new(directory.path(), &["man", "/proc/nothing"]).finish().await;
    refused.exits(2).says("write the man pages to /proc/nothing").says("hint: ");
}
