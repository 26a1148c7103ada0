//! What the stories have of the Docker Engine: an image, its names, a network. Each goes with its last holder.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use sandbox::seed;
use tokio::sync::Mutex;

use super::build;
use crate::support::World;
use crate::support::docker::{EngineImages, docker, docker_says, text};

/// The production image of app/Dockerfile, built by the binary once for all stories that hold it at a time.
pub struct AppImage {
    pub name: String,
}

impl AppImage {
    pub async fn get() -> Arc<Self> {
        // Weak: a static is never dropped, and the image has to go when the last story ends.
        static BUILT: Mutex<Weak<AppImage>> = Mutex::const_new(Weak::new());
        let mut built = BUILT.lock().await;
        if let Some(image) = built.upgrade() {
            return image;
        }
        let world = World::new().await;
        let repository = world.sandbox.registry().repository_uri(seed::REPOSITORY);
        let _pushed = EngineImages::of(&repository);
        build(&world, "shared").await.exits(0);
        let image = Arc::new(Self { name: format!("fargate-migrate-stories:{}", std::process::id()) });
        docker_says(&["tag", &format!("{repository}:shared"), &image.name]);
        *built = Arc::downgrade(&image);
        image
    }
}

impl Drop for AppImage {
    fn drop(&mut self) {
        docker(&["image", "rm", &self.name]);
    }
}

/// A user-defined network, whose containers find each other by name in Docker's own DNS server.
pub struct Network {
    name: String,
    label: String,
}

impl Network {
    pub fn create() -> Self {
        let name = format!("fargate-migrate-stories-{}", std::process::id());
        let network = Self { label: format!("{name}=network"), name };
        docker_says(&["network", "create", "--label", &network.label, &network.name]);
        network
    }

    fn run(&self, how: &[&str], environment: &[(&str, &str)], what: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(["run", "--network", &self.name, "--label", &self.label, "--pull=never"]);
        // As bare as Fargate lets a task be.
        command.args(["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]).args(how);
        for (name, value) in environment {
            command.args(["--env", &format!("{name}={value}")]);
        }
        command.args(what).stdin(Stdio::null()).output().expect("run docker")
    }

    /// Starts what the image runs by default, answers the container's id once it is healthy.
    pub fn serve(&self, image: &str, alias: &str) -> String {
        let database = [("DATABASE_NAME", "shop"), ("DATABASE_HOST", "nowhere"), ("DATABASE_USER", "shop")];
        let started = self.run(&["--detach", "--network-alias", alias], &database, &[image]);
        assert!(started.status.success(), "{}", text(&started));
        let container = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !docker(&["exec", &container, "app", "healthcheck"]).status.success() {
            assert!(Instant::now() < deadline, "{}", text(&docker(&["logs", &container])));
        }
        container
    }

    /// What `app migrate` says about a server that it cannot reach.
    pub fn migrate(&self, image: &str, host: &str, port: &str) -> String {
        let database = [
            ("DATABASE_NAME", "shop"),
            ("DATABASE_USER", "shop"),
            ("DATABASE_PASSWORD", "shop"),
            ("DATABASE_HOST", host),
            ("DATABASE_PORT", port),
        ];
        let ended = self.run(&["--rm"], &database, &[image, "app", "migrate"]);
        assert_eq!(ended.status.code(), Some(3), "{}", text(&ended));
        text(&ended)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let listed = docker(&["ps", "--all", "--quiet", "--filter", &format!("label={}", self.label)]);
        for container in String::from_utf8_lossy(&listed.stdout).lines() {
            docker(&["rm", "--force", "--volumes", container]);
        }
        docker(&["network", "rm", &self.name]);
    }
}
