//! The files that a pull request changes.

use octocrab::Page;
use serde::Deserialize;

use super::Api;
use crate::ports::github::{ChangedFiles, GitHubCall, GitHubFailure};

/// GitHub lists this many at most, and does not say when there are more ("List pull requests files").
const MAX_FILES: usize = 3_000;

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
        let there = all.into_iter().filter(|file| file.status != "removed");
        Ok(Some(there.map(|file| file.filename).collect()))
    }
}

#[derive(Deserialize)]
struct RawFile {
    filename: String,
    status: String,
}
