use std::cell::{Cell, RefCell};

use super::*;
use crate::ports::{
    BinaryImage, DockerBuild, ImagePlatform, ImageProgress, Repository, RepositoryName, StoredImage,
};
use crate::witness::image::{StoredContent, WithWitness};

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// A registry that refuses every push, and what another run has put there.
struct Registry {
    recourse: Recourse,
    /// The look that finds the tag, counted from 1.
    there_at: Option<u32>,
    looks: Cell<u32>,
}

impl Registry {
    fn refused(&self) -> Result<String> {
        Err(Failure::service("push: refused").recourse(self.recourse).into())
    }
}

impl ImageReads for Registry {
    async fn repository(&self, _: &RepositoryName) -> Result<Lookup<Repository>> {
        anyhow::bail!("nobody asks for the repository again")
    }

    async fn repositories_beside(&self, _: &RepositoryName) -> Result<Vec<String>> {
        anyhow::bail!("nobody asks for other repositories")
    }

    async fn pull_through_prefixes(&self, _: &RepositoryName) -> Result<Lookup<Vec<String>>> {
        anyhow::bail!("nobody asks for rules")
    }

    async fn image_content(&self, _: &Repository, _: &str, _: &ImagePlatform) -> Result<StoredContent> {
        anyhow::bail!("nobody asks for content")
    }

    async fn image_tags(&self, _: &RepositoryName, _: &str) -> Result<Vec<String>> {
        panic!("no migration asks for tags")
    }

    async fn stored_image(
        &self,
        repository: &RepositoryName,
        tag: &str,
    ) -> Result<Lookup<Option<StoredImage>>> {
        assert_eq!((repository.name.as_str(), tag), ("shop", "abc"));
        self.looks.set(self.looks.get() + 1);
        let is_there = self.there_at.is_some_and(|at| self.looks.get() >= at);
        let image =
            is_there.then(|| StoredImage { digest: DIGEST.to_owned(), index: None, tags: Vec::new() });
        Ok(Lookup::Found(image))
    }
}

impl ImageWrites for Registry {
    async fn build_and_push(&self, _: &DockerBuild, _: &ImageTag, _: &dyn ImageProgress) -> Result<String> {
        self.refused()
    }

    async fn push_with_witness(
        &self,
        _: &WithWitness,
        _: &ImageTag,
        _: &dyn ImageProgress,
    ) -> Result<String> {
        self.refused()
    }

    async fn package_and_push(&self, _: &BinaryImage, _: &ImageTag, _: &dyn ImageProgress) -> Result<String> {
        self.refused()
    }
}

fn plans() -> [ImagePlan; 2] {
    let to = ImageTag {
        repository: Repository { name: "shop".into(), uri: "registry.example/shop".into(), registry: None },
        tag: "abc".into(),
    };
    let platform = "linux/amd64".to_owned();
    let build = DockerBuild {
        context: ".".into(),
        dockerfile: "Dockerfile".into(),
        target: None,
        build_args: vec![],
        mounts: Default::default(),
        platform: platform.clone(),
    };
    let binary = BinaryImage { path: "app".into(), platform };
    [ImagePlan::Build { build, to: to.clone() }, ImagePlan::Package { binary, to }]
}

async fn made(plan: &ImagePlan, registry: &Registry) -> (Result<Image>, Vec<String>) {
    let notes = RefCell::new(Vec::new());
    let note = |text: String| notes.borrow_mut().push(text);
    let image = image(plan, None, registry, &Progress::silent(), &note).await;
    (image, notes.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_another_run_has_pushed_is_used_and_that_is_said() {
    for there_at in [1, LOOKS] {
        for plan in plans() {
            let registry =
                Registry { recourse: Recourse::UseTag, there_at: Some(there_at), looks: Cell::default() };
            let (image, notes) = made(&plan, &registry).await;
            let used = image.expect("an image").used();
            assert_eq!(used.reference, format!("registry.example/shop@{DIGEST}"));
            assert_eq!(used.source, ImageSource::Reused);
            assert!(
                notes[0].contains("registry.example/shop:abc") && notes[0].contains("sha256:111111111111"),
                "{notes:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_not_there_leaves_the_refusal_as_it_is() {
    for plan in plans() {
        let registry = Registry { recourse: Recourse::UseTag, there_at: None, looks: Cell::default() };
        let (image, notes) = made(&plan, &registry).await;
        assert_eq!(image.unwrap_err().to_string(), "push: refused");
        assert_eq!((registry.looks.get(), notes), (LOOKS, Vec::new()));
    }
}

/// An image that happens to be there does not make a denied push good.
#[tokio::test(start_paused = true)]
async fn another_refusal_is_not_looked_into() {
    for recourse in [Recourse::None, Recourse::TryAgain] {
        for plan in plans() {
            let registry = Registry { recourse, there_at: Some(1), looks: Cell::default() };
            assert!(made(&plan, &registry).await.0.is_err());
            assert_eq!(registry.looks.get(), 0);
        }
    }
}
