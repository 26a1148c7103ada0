//! Image: packaging and pushing an executable with `--binary`, against `docker build` and push of the same one.
//!
//! Each round is a new commit's: one byte more in the executable, a tag that is not there. What docker keeps from the
//! last round is warm, and nothing is compiled.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use sandbox::{Options, RepositorySettings, Sandbox, seed};

use crate::data::{Image, Rounds};
use crate::programs;

const DOCKERFILE: &str =
    "FROM scratch\nCOPY app /usr/local/bin/app\nENV PATH=/usr/local/bin\nCMD [\"app\", \"serve\"]\n";

pub fn measure(quick: bool) -> Result<Image> {
    let docker =
        programs::needs("docker", &["version", "--format", "{{.Server.Version}}"], "a Docker Engine")?;
    let app = programs::app()?;
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let rounds = if quick { 3 } else { 7 };
    let (binary, dockerfile) = runtime.block_on(by_both(&app, rounds))?;
    let app_bytes = fs::metadata(&app).context("read the size of the shop")?.len();
    Ok(Image { docker, app_bytes, binary: Rounds(binary), dockerfile: Rounds(dockerfile) })
}

async fn by_both(app: &Path, rounds: u32) -> Result<(Vec<f64>, Vec<f64>)> {
    let sandbox = Sandbox::start(Options::default()).await?;
    sandbox.create_repository(seed::REPOSITORY, RepositorySettings::default());
    let directory = tempfile::tempdir().context("make a directory")?;
    let context = directory.path().join("context");
    fs::create_dir(&context).context("make a build context")?;
    fs::write(context.join("Dockerfile"), DOCKERFILE).context("write a Dockerfile")?;
    let executable = context.join("app");
    let mut bytes = fs::read(app).context("read the shop")?;
    let (mut binary, mut dockerfile) = (Vec::new(), Vec::new());
    // The first one warms both up, and is not counted.
    for round in 0..=rounds {
        for (by, times) in [("binary", &mut binary), ("dockerfile", &mut dockerfile)] {
            bytes.push(u8::try_from(round).unwrap_or_default());
            fs::write(&executable, &bytes).context("write the shop")?;
            fs::set_permissions(&executable, fs::Permissions::from_mode(0o755))
                .context("make the shop executable")?;
            let mut command = programs::fargate_migrate(directory.path(), sandbox.environment());
            command.args(["build", "--repository", seed::REPOSITORY, "--tag", &format!("{by}-{round}")]);
            match by {
                "binary" => command.arg("--binary").arg(&executable),
                _ => {
                    command.arg("--context").arg(&context).arg("--dockerfile").arg(context.join("Dockerfile"))
                }
            };
            let began = Instant::now();
            let output = command.output().await.context("run fargate-migrate build")?;
            let took = began.elapsed().as_secs_f64();
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "build: {}\n{said}", String::from_utf8_lossy(&output.stdout));
            if round > 0 {
                times.push(took);
            }
        }
    }
    let images = sandbox.registry().repository(seed::REPOSITORY).map(|repository| repository.tags.len());
    ensure!(images.is_ok_and(|tags| tags == 2 * (rounds as usize + 1)), "a tag is missing");
    let uri = sandbox.registry().repository_uri(seed::REPOSITORY);
    sandbox.stop().await;
    forget(&uri, rounds).await;
    Ok((binary, dockerfile))
}

/// The engine's copies; one that it does not have is nobody's loss.
async fn forget(uri: &str, rounds: u32) {
    let names = (0..=rounds).map(|round| format!("{uri}:dockerfile-{round}"));
    let _ = tokio::process::Command::new("docker").arg("rmi").args(names).output().await;
}
