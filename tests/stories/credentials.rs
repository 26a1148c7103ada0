use std::time::Duration;

use sandbox::sessions::Session;
use sandbox::{Disturbance, Fault, Script};

use crate::support::{Finished, HEALTH, Run, World, database, report};

const ROLE: &str = "arn:aws:iam::123456789012:role/github-actions-startupwebapp";

/// A job in GitHub Actions with `id-token: write`, and no credentials but what the role gives.
pub fn by_role(world: &World, more: &[&str]) -> Run {
    by(world, ROLE, more)
}

fn by(world: &World, role: &str, more: &[&str]) -> Run {
    let mut run =
        world.migrate(&[&["--role-to-assume", role, "--database", HEALTH], more].concat()).in_actions();
    for (name, value) in world.sandbox.github_environment() {
        run = run.variable(&name, &value);
    }
    run.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY")
}

/// A migration that lasts, and talks all the time: workflow commands are off while it does.
fn working(world: &World, seconds: u64) {
    world.program(move |context| {
        let mut script = Script::new();
        for tick in 0..seconds * 5 {
            script = script.line(format!("working {tick}")).sleep(Duration::from_millis(200));
        }
        script.line(report(&database(context)))
    });
}

/// Every secret that was given out for the run: tokens, keys, session tokens.
fn secrets(world: &World) -> Vec<String> {
    let sessions = world.sandbox.sessions().all();
    world.sandbox.issuer().tokens().into_iter().chain(sessions.into_iter().flat_map(of_session)).collect()
}

/// Those that the run held for certain: the answer with the last ones may have been on its way when it ended.
fn used(world: &World) -> Vec<String> {
    let sessions = world.sandbox.sessions().all().into_iter().filter(|session| session.used);
    let assumed = world.inputs("AssumeRoleWithWebIdentity");
    let tokens = assumed.iter().map(|input| input["WebIdentityToken"].as_str().expect("a token").to_owned());
    tokens.chain(sessions.flat_map(of_session)).collect()
}

fn of_session(session: Session) -> [String; 3] {
    [session.access_key, session.secret_key, session.token]
}

/// The lines that GitHub's runner carries out, in the order of the stream.
fn commands(stdout: &str) -> Vec<&str> {
    let mut stopped: Option<&str> = None;
    let mut commands = Vec::new();
    for line in stdout.lines() {
        match stopped {
            Some(token) if line == format!("::{token}::") => stopped = None,
            Some(_) => {}
            None => {
                if let Some(token) = line.strip_prefix("::stop-commands::") {
                    stopped = Some(token);
                } else if line.starts_with("::") {
                    commands.push(line);
                }
            }
        }
    }
    commands
}

#[track_caller]
fn masks_every_secret_and_shows_none(world: &World, run: &Finished) {
    let carried_out = commands(&run.stdout);
    let used = used(world);
    assert!(!used.is_empty());
    for secret in &used {
        let mask = format!("::add-mask::{secret}");
        assert!(carried_out.contains(&mask.as_str()), "{secret} was never masked: {run:#?}");
    }
    for secret in &secrets(world) {
        let mask = format!("::add-mask::{secret}");
        let shown = run.stdout.lines().filter(|line| line.contains(secret.as_str()) && *line != mask);
        assert_eq!(shown.count(), 0, "{secret} is on stdout: {run:#?}");
        let elsewhere = [&run.stderr, &run.summary];
        assert!(!elsewhere.iter().any(|text| text.contains(secret.as_str())), "{secret} is in {run:#?}");
        let files = run.outputs.values().chain(run.state.values());
        assert!(!files.into_iter().any(|value| value.contains(secret.as_str())), "{secret} is in a file");
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_githubs_token_and_its_session_named_after_the_run() {
    let world = World::new().await;
    let run = by_role(&world, &[]).finish().await;
    run.exits(0);
    let assumed = world.inputs("AssumeRoleWithWebIdentity");
    assert_eq!(assumed.len(), 1);
    assert_eq!(assumed[0]["RoleSessionName"], "fargate-migrate-gha-4242-1-migrate");
    assert_eq!(assumed[0]["RoleArn"], ROLE);
    masks_every_secret_and_shows_none(&world, &run);
}

#[tokio::test]
async fn a_run_that_outlasts_its_credentials_goes_on_and_is_migrated() {
    let world = World::new().await;
    world.sandbox.sessions().set_lifetime(Duration::from_secs(8));
    working(&world, 14);
    let run = by_role(&world, &[]).finish().await;
    run.exits(0).never_says("expired").never_says("could not be renewed");
    let sessions = world.sandbox.sessions().all();
    assert!(sessions.len() >= 3, "{sessions:?}");
    let expired = world.sandbox.calls().into_iter().filter(|call| call.error_code.is_some()).count();
    assert_eq!(expired, 0, "no call was made with what had expired");
    masks_every_secret_and_shows_none(&world, &run);
    assert!(run.stdout.contains("::stop-commands::") && run.stdout.contains("working 69"), "{}", run.stdout);
}

#[tokio::test]
async fn a_renewal_that_fails_for_a_while_costs_nothing() {
    let world = World::new().await;
    world.sandbox.sessions().set_lifetime(Duration::from_secs(12));
    let outage = Fault::call("github:GetIdToken", Disturbance::ServerError);
    world.sandbox.faults().push(outage.after(1).times(2));
    world
        .sandbox
        .faults()
        .push(Fault::call("sts:AssumeRoleWithWebIdentity", Disturbance::AccessDenied).after(1));
    working(&world, 14);
    let run = by_role(&world, &[]).finish().await;
    run.exits(0).says("could not be renewed, and work for").says("the AWS credentials are renewed");
    masks_every_secret_and_shows_none(&world, &run);
}

#[tokio::test]
async fn when_renewal_fails_for_good_the_run_says_so_and_nothing_is_green() {
    let world = World::new().await;
    world.sandbox.sessions().set_lifetime(Duration::from_secs(8));
    let denied = Fault::call("sts:AssumeRoleWithWebIdentity", Disturbance::AccessDenied);
    world.sandbox.faults().push(denied.after(1).always());
    working(&world, 30);
    let run = by_role(&world, &[]).finish().await;
    assert_ne!(run.code, 0, "{run:#?}");
    run.says("could not be renewed").says("its task can no longer be described");
    assert!(run.summary.contains("unproved"), "{}", run.summary);
    assert_eq!(run.outputs["migrated"], "");
    masks_every_secret_and_shows_none(&world, &run);
}

#[tokio::test]
async fn a_role_that_does_not_trust_the_job_is_told_with_the_jobs_own_claims() {
    let world = World::new().await;
    let subject = "repo:octo@4242/shop@70107:ref:refs/heads/main";
    world.sandbox.issuer().set_subject(subject);
    let run = by_role(&world, &[]).finish().await;
    run.exits(2).says(&format!("sub {subject}"));
    masks_every_secret_and_shows_none(&world, &run);

    world.sandbox.sessions().trust("github-actions-startupwebapp", &[subject]);
    by_role(&world, &[]).finish().await.exits(0);
    by(&world, "arn:aws:iam::123456789012:role/nobody", &[]).finish().await.exits(2).says("does not exist");
    let partition = "arn:aws-cn:iam::123456789012:role/github-actions-startupwebapp";
    let china = by(&world, partition, &[]).finish().await;
    china.exits(2).says("OpenID Connect provider").says("sts.amazonaws.com.cn");
}

#[tokio::test]
async fn githubs_token_is_asked_for_again_while_github_has_an_outage() {
    let world = World::new().await;
    for fault in [Disturbance::ServerError, Disturbance::Throttle, Disturbance::MalformedBody] {
        world.sandbox.faults().push(Fault::call("github:GetIdToken", fault));
    }
    let told = by_role(&world, &["-v"]).finish().await;
    told.exits(0).says("DEBUG GitHub: OIDC token status=500").says("DEBUG GitHub: OIDC token status=200");

    world.sandbox.faults().push(Fault::call("github:GetIdToken", Disturbance::Hang).always());
    let started = std::time::Instant::now();
    let run = by_role(&world, &["--call-timeout=2s"]).finish().await;
    run.exits(3).says("ask GitHub for an OIDC token: no answer before the deadline");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_permission_of_another_job_and_a_role_that_is_none_are_refused_before_aws_is_asked() {
    let world = World::new().await;
    let run = by_role(&world, &[]).variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "stolen").finish().await;
    run.exits(3).says("401").never_says("stolen");
    let run = by(&world, "role/migrate", &[]).finish().await;
    run.exits(2).says("is not a role's ARN");
    assert!(world.operations().is_empty(), "{:?}", world.operations());
}

#[tokio::test]
async fn a_plan_takes_the_role_too() {
    let world = World::new().await;
    let run = by_role(&world, &["--plan"]).finish().await;
    run.exits(0);
    assert_eq!(world.called("AssumeRoleWithWebIdentity"), 1);
    masks_every_secret_and_shows_none(&world, &run);
}
