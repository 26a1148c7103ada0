use super::*;

#[test]
fn strikes_after_and_as_often_as_told() {
    let faults = Faults::seeded(1);
    faults.push(Fault::call("ecs:*", Disturbance::Throttle).after(1).times(2));
    let hits: Vec<bool> = (0..5).map(|_| faults.on_call("ecs:RunTask").is_some()).collect();
    assert_eq!(hits, [false, true, true, false, false]);
    assert_eq!(faults.on_call("logs:GetLogEvents"), None);
}

#[test]
fn selects_a_task_by_its_environment() {
    let faults = Faults::seeded(1);
    faults.push(Fault::task(TaskFault::NoExitCode).for_environment("DATABASE_NAME", "b"));
    let environment = |name: &str| vec![("DATABASE_NAME".to_owned(), name.to_owned())];
    assert_eq!(faults.on_task(&environment("a"), &[]), []);
    assert_eq!(faults.on_task(&environment("b"), &[]), [TaskFault::NoExitCode]);
    assert_eq!(faults.on_task(&environment("b"), &[]), []);
}

#[test]
fn the_same_seed_gives_the_same_weather() {
    let sample = || {
        let faults = Faults::seeded(7);
        faults.set_weather(Weather { throttle: 0.2, server_error: 0.2 });
        (0..50).map(|_| faults.on_call("ecs:DescribeTasks")).collect::<Vec<_>>()
    };
    assert_eq!(sample(), sample());
    assert!(sample().iter().any(Option::is_some) && sample().iter().any(Option::is_none));
}

#[test]
fn selects_a_task_by_its_image() {
    let faults = Faults::seeded(1);
    faults.push(Fault::task(TaskFault::NoExitCode).for_image("web@sha256:0"));
    assert_eq!(faults.on_task(&[], &["1.example/other@sha256:0", "1.example/web@sha256:1"]), []);
    assert_eq!(faults.on_task(&[], &["1.example/side", "1.example/web@sha256:01"]), [TaskFault::NoExitCode]);
}
