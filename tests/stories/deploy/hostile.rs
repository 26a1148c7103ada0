//! Texts from tasks, events and flags that try to be more.

use sandbox::{Fault, Script, TaskFault};

use super::shop::{BROKEN, FAMILY, NEW, Shop, row};
use crate::hostile::{forms, harmless, visible};

#[tokio::test]
async fn the_log_of_a_task_that_failed_is_text() {
    let shop = Shop::new().await;
    shop.world.sandbox.set_program(FAMILY, |context| match context.image.as_str() {
        BROKEN => Script::new().lines(forms::all()).exit(1),
        _ => Script::new().until_stopped(),
    });
    for format in ["--format=text", "--format=json", "--format=markdown"] {
        let run = shop.alone(BROKEN, &[format]).in_actions().finish().await;
        run.exits(1);
        let seen = harmless(&run);
        assert!(seen.contains("rolled back"), "{seen}");
        assert_eq!(run.outputs["rolled-back-to"], "web=shop:1");
        shop.steady("web").await;
    }
}

#[tokio::test]
async fn a_reason_that_ecs_quotes_is_text() {
    for form in [
        "::error file=x,line=1::pwned",
        "</details><img src=x onerror=alert(1)> pwned",
        "pwned\n::set-output name=deployed::web",
    ] {
        let shop = Shop::new().await;
        let fault = TaskFault::FailToStart(format!("CannotPullContainerError: {form}"));
        shop.world.sandbox.faults().push(Fault::task(fault).for_image("sha256:1111").always());
        let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
        run.exits(1);
        let seen = harmless(&run);
        visible(&seen, "CannotPullContainerError");
        assert_eq!(run.outputs["deployed"], "");
        let cause = row(&run, "web")["cause"]["stopped_reason"].clone();
        assert_eq!(cause, format!("CannotPullContainerError: {form}"), "programs get it as it is");
    }
}

#[tokio::test]
async fn names_and_texts_of_flags_are_text() {
    let shop = Shop::new().await;
    for flag in [
        "--service=::error::pwned",
        "--service=<b>pwned</b>",
        "--service-container=::set-output name=deployed::pwned",
        "--service=web\n::warning::pwned",
    ] {
        let run = shop.alone(NEW, &[flag, "--service=web"]).in_actions().finish().await;
        run.exits(2);
        harmless(&run);
    }
    shop.changed(0, 0, 0);
}
