//! The files that a pull request changes, or that changed since a commit.

use octocrab::Page;
use serde::Deserialize;

use super::Api;
use crate::ports::github::{ChangedFiles, GitHubCall, GitHubFailure};

/// GitHub lists this many at most, and does not say when there are more ("List pull requests files").
const MAX_FILES: usize = 3_000;

/// GitHub lists this many of a comparison, all on its first page ("Compare two commits").
const MAX_COMPARED: usize = 300;

impl ChangedFiles for Api {
    async fn changed_files(&self, pull_request: u64) -> Result<Option<Vec<String>>, GitHubFailure> {
        let mut all = Vec::new();
        let mut next = Some(self.route(&format!("pulls/{pull_request}/files?per_page=100")));
        while let Some(page) = next {
            let doing = "list the files that the pull request changes";
            let got = self.call(GitHubCall::LIST_PULL_REQUEST_FILES, doing, async |_| {
                self.client.get::<Page<RawFile>, _, _>(&page, None::<&()>).await
            });
            let mut got = got.await?;
            all.extend(got.take_items());
            if all.len() >= MAX_FILES {
                return Ok(None);
            }
            next = got.next.map(|uri| uri.to_string());
        }
        Ok(Some(there(all)))
    }

    async fn files_since(&self, base: &str, head: &str) -> Result<Option<Vec<String>>, GitHubFailure> {
        // One commit of the list is enough: the files are those of the whole comparison.
        let route = self.route(&format!("compare/{base}...{head}?per_page=1"));
        let doing = "compare the commit with that of the image";
        let got = self.call(GitHubCall::COMPARE_COMMITS, doing, async |_| {
            self.client.get::<Comparison, _, _>(&route, None::<&()>).await
        });
        let Comparison { status, files } = got.await?;
        // Of two commits that diverged, GitHub compares one with their common ancestor.
        let is_ancestor = ["ahead", "identical"].contains(&status.as_str());
        Ok((is_ancestor && files.len() < MAX_COMPARED).then(|| there(files)))
    }
}

/// Returns the paths of the files that are there afterwards.
fn there(files: Vec<RawFile>) -> Vec<String> {
    let there = files.into_iter().filter(|file| file.status != "removed");
    there.map(|file| file.filename).collect()
}

#[derive(Deserialize)]
struct Comparison {
    status: String,
    #[serde(default)]
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    filename: String,
    status: String,
}
