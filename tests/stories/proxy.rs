use sandbox::{GitHub, Options};

use crate::support::program::static_program;
use crate::support::{HEALTH, Run, World};

pub mod server;

use server::Proxy;

const ROLE: &str = "arn:aws:iam::123456789012:role/github-actions-startupwebapp";
const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";
/// Names that no DNS has.
const AWS: &str = "aws.example";
const OIDC: &str = "oidc.example";
const GITHUB: &str = "github.example";
const REGISTRY: &str = "registry.example";

/// The runs' policies are recorded for the sandbox's own address, which these runs do not know.
pub fn unrecorded() -> Options {
    Options { record: None, ..Options::default() }
}

/// A build, a push, a migration and a deployment with a role: every client that there is.
fn everything(world: &World) -> Run {
    let program = static_program().display().to_string();
    let run = world
        .migrate(&[
            "--binary",
            &program,
            "--tag=v1",
            "--database",
            HEALTH,
            "--deployments",
            "--role-to-assume",
            ROLE,
        ])
        .in_actions()
        .variable("GITHUB_TOKEN", TOKEN)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY");
    world.sandbox.github_environment().into_iter().fold(run, |run, (name, value)| run.variable(&name, &value))
}

async fn github() -> GitHub {
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, &["deployments: write"]);
    github
}

/// The same address by another name.
fn renamed(url: &str, base: &str) -> String {
    let (_, rest) = url.trim_start_matches("http://").split_once('/').unwrap_or_default();
    format!("{base}/{rest}").trim_end_matches('/').to_owned()
}

#[tokio::test]
async fn a_whole_run_goes_by_the_proxy_and_nobody_sees_its_password() {
    let world = World::with(Options { registry_host: Some(REGISTRY.into()), ..unrecorded() }).await;
    let github = github().await;
    let (aws, api) = (world.sandbox.endpoint(), github.api_url());
    let proxy = Proxy::start(&[(AWS, &aws), (OIDC, &aws), (REGISTRY, &aws), (GITHUB, &api)], true).await;
    let address = format!("http://ci:hunter2%21@{}", proxy.address);
    let [(_, oidc), _] = world.sandbox.github_environment();
    let run = everything(&world)
        .variable("SSL_CERT_FILE", &proxy.authority())
        .variable("https_proxy", &address)
        .variable("HTTP_PROXY", &address)
        .variable("AWS_ENDPOINT_URL", &format!("https://{AWS}"))
        .variable("ACTIONS_ID_TOKEN_REQUEST_URL", &renamed(&oidc, &format!("https://{OIDC}")))
        .variable("GITHUB_API_URL", &renamed(&api, &format!("https://{GITHUB}")))
        .finish()
        .await;
    run.exits(0);
    let seen = proxy.seen();
    for way in ["CONNECT aws.example:443", "CONNECT oidc.example:443", "CONNECT github.example:443"] {
        assert!(seen.iter().any(|seen| seen == way), "{way} is not in {seen:?}");
    }
    assert!(seen.iter().any(|seen| seen == "http://registry.example"), "{seen:?}");
    assert_eq!(github.deployments().len(), 1, "{run:#?}");
    let masked = ["::add-mask::hunter2%2521\n", "::add-mask::hunter2!\n", "::add-mask::ci:hunter2%2521\n"];
    let rest = masked.iter().fold(run.stdout.clone(), |rest, mask| {
        assert!(rest.contains(mask), "{mask} is not in {run:#?}");
        rest.replace(mask, "")
    });
    assert!(![&rest, &run.stderr, &run.summary].iter().any(|text| text.contains("hunter2")), "{run:#?}");
}

#[tokio::test]
async fn this_machine_is_reached_without_the_proxy() {
    let world = World::with(unrecorded()).await;
    let github = github().await;
    let proxy = Proxy::start(&[], false).await;
    let run = everything(&world)
        .variable("ALL_PROXY", &proxy.address)
        .variable("GITHUB_API_URL", &github.api_url())
        .finish()
        .await;
    run.exits(0);
    assert_eq!(github.deployments().len(), 1, "{run:#?}");
    assert_eq!(proxy.seen(), [""; 0]);
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_without_the_proxy() {
    let world = World::with(unrecorded()).await;
    let proxy = Proxy::start(&[], false).await;
    // This machine by an address that is none of those that are never proxied.
    let endpoint = world.sandbox.endpoint().replace("127.0.0.1", "0.0.0.0");
    let run = |no_proxy: &str| {
        world
            .migrate(&["--database", HEALTH])
            .variable("AWS_ENDPOINT_URL", &endpoint)
            .variable("http_proxy", &proxy.address)
            .variable("NO_PROXY", no_proxy)
            .finish()
    };
    run("192.0.2.1, 0.0.0.0/8").await.exits(0);
    assert_eq!(proxy.seen(), [""; 0]);
    run("192.0.2.1").await.exits(3);
    assert!(proxy.seen().contains(&endpoint), "{:?}", proxy.seen());
}

/// A role is assumed before anything else is asked: one call, with its attempts.
pub fn assuming(world: &World, proxy: &str) -> Run {
    everything(world)
        .variable("AWS_ENDPOINT_URL", &format!("https://{AWS}"))
        .variable("HTTPS_PROXY", proxy)
        .variable("GITHUB_TOKEN", "")
}

fn by(world: &World, proxy: &str) -> Run {
    world
        .migrate(&["--database", HEALTH])
        .variable("AWS_ENDPOINT_URL", &format!("https://{AWS}"))
        .variable("HTTPS_PROXY", proxy)
}

#[tokio::test]
async fn a_proxy_that_wants_another_password_is_asked_once_and_named_without_it() {
    let world = World::with(unrecorded()).await;
    let proxy = Proxy::start(&[(AWS, &world.sandbox.endpoint())], true).await;
    let run = assuming(&world, &format!("http://ci:swordfish@{}", proxy.address)).finish().await;
    run.exits(2)
        .says("assume role")
        .says(&format!(
            "aws.example cannot be reached: the proxy {} requires valid credentials",
            proxy.address
        ))
        .says("USER:PASSWORD");
    let masked = ["::add-mask::ci:swordfish\n", "::add-mask::swordfish\n"];
    let rest = masked.iter().fold(run.stdout.clone(), |rest, mask| rest.replace(mask, ""));
    assert!(!format!("{rest}{}{}", run.stderr, run.summary).contains("swordfish"), "{run:#?}");
    assert_eq!(proxy.seen(), ["CONNECT aws.example:443"]);
    assert_eq!(world.operations(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let world = World::with(unrecorded()).await;
    let address = Proxy::start(&[], false).await.address.clone();
    let run = by(&world, &address).finish().await;
    run.exits(3).says(&format!("the proxy {address} does not answer: ")).says("check HTTPS_PROXY");
}

#[tokio::test]
async fn a_proxy_that_opens_tls_needs_its_ca_and_the_hint_says_where() {
    let world = World::with(unrecorded()).await;
    let proxy = Proxy::start(&[(AWS, &world.sandbox.endpoint())], false).await;
    let stranger = Proxy::start(&[], false).await;
    let run = by(&world, &proxy.address).variable("SSL_CERT_FILE", &stranger.authority()).finish().await;
    run.exits(3)
        .says(&format!("aws.example cannot be reached by the proxy {}: ", proxy.address))
        .says("SSL_CERT_FILE");
}

#[tokio::test]
async fn the_oidc_endpoint_and_githubs_api_say_as_much_of_a_proxy_that_refuses() {
    let world = World::with(unrecorded()).await;
    let proxy = Proxy::start(&[], true).await;
    let run = everything(&world)
        .variable("HTTPS_PROXY", &proxy.address)
        .variable("GITHUB_API_URL", &format!("https://{GITHUB}"))
        .variable("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("https://{OIDC}/token?a=b"))
        .finish()
        .await;
    run.exits(2).says(&format!(
        "ask GitHub for an OIDC token: oidc.example cannot be reached: the proxy {} requires valid credentials",
        proxy.address
    ));
    let run = world
        .migrate(&["--database", HEALTH, "--deployments"])
        .in_actions()
        .variable("GITHUB_TOKEN", TOKEN)
        .variable("HTTPS_PROXY", &proxy.address)
        .variable("GITHUB_API_URL", &format!("https://{GITHUB}"))
        .finish()
        .await;
    run.exits(0).says(&format!(
        "github.example cannot be reached: the proxy {} requires valid credentials",
        proxy.address
    ));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_runs() {
    let world = World::with(unrecorded()).await;
    for (name, address) in
        [("HTTPS_PROXY", "http://ci:swordfish@proxy:port"), ("all_proxy", "socks5://proxy:1080")]
    {
        let run = world.migrate(&["--database", HEALTH]).variable(name, address).finish().await;
        run.exits(2)
            .says(&format!("{name} is not the address of an HTTP proxy"))
            .says(&format!("{name}=http://HOST:PORT"))
            .never_says("swordfish");
    }
    let run =
        world.migrate(&["--plan", "--database", HEALTH]).variable("http_proxy", "http://").finish().await;
    run.exits(2).says("http_proxy is not the address");
    assert_eq!(world.operations(), [""; 0]);
}
