//! The files that a pull request changes.

use octocrab::Page;
use serde::Deserialize;

use super::Api;
use crate::ports::github::{ChangedFiles, GitHubCall, GitHubFailure};

/// GitHub answers with 3,000 files at most ("List pull requests files"), 100 a page.
const MAX_PAGES: usize = 30;

impl ChangedFiles for Api {
    async fn changed_files(&self, pull_request: u64) -> Result<Vec<String>, GitHubFailure> {
        let mut all = Vec::new();
        let mut next = Some(self.route(&format!("pulls/{pull_request}/files?per_page=100")));
        for _ in 0..MAX_PAGES {
            let Some(page) = next else { break };
            let doing = "list the files that the pull request changes";
            let got = self.call(GitHubCall::LIST_PULL_REQUEST_FILES, doing, async |_| {
                self.client.get::<Page<RawFile>, _, _>(&page, None::<&()>).await
            });
            let mut got = got.await?;
            let there = got.take_items().into_iter().filter(|file| file.status != "removed");
            all.extend(there.map(|file| file.filename));
            next = got.next.map(|uri| uri.to_string());
        }
        Ok(all)
    }
}

#[derive(Deserialize)]
struct RawFile {
    filename: String,
    status: String,
}
