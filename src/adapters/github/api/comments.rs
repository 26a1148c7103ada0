//! The comments of a pull request.

use octocrab::Page;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Api, Id, explain};
use crate::ports::github::{Author, Comment, Comments, GitHubCall, GitHubFailure, Identity};

/// GitHub's largest page.
const PER_PAGE: u8 = 100;
/// GitHub's own limit of a pull request's comments is 2,500; what pages on after that is not a list of comments.
const MAX_PAGES: usize = 100;

impl Comments for Api {
    async fn identity(&self) -> Result<Identity, GitHubFailure> {
        let asked = self
            .call(GitHubCall::GET_USER, "ask who the token stands for", async |_| {
                self.client.get::<User, _, _>("/user", None::<&()>).await
            })
            .await;
        match asked {
            Ok(user) => Ok(Identity::User(user.login)),
            Err(failed) if explain::is_forbidden(&failed) => Ok(Identity::App),
            Err(failed) => Err(failed),
        }
    }

    async fn comments(&self, pull_request: u64) -> Result<Vec<Comment>, GitHubFailure> {
        let mut all = Vec::new();
        let mut next = Some(self.route(&format!("issues/{pull_request}/comments?per_page={PER_PAGE}")));
        for _ in 0..MAX_PAGES {
            let Some(page) = next else { break };
            let got = self.call(GitHubCall::LIST_COMMENTS, "list the pull request's comments", async |_| {
                self.client.get::<Page<RawComment>, _, _>(&page, None::<&()>).await
            });
            let mut got = got.await?;
            all.extend(got.take_items().into_iter().map(Comment::from));
            next = got.next.map(|uri| uri.to_string());
        }
        all.sort_by_key(|comment| comment.id);
        Ok(all)
    }

    async fn create_comment(&self, pull_request: u64, body: &str) -> Result<u64, GitHubFailure> {
        let route = self.route(&format!("issues/{pull_request}/comments"));
        self.call(GitHubCall::CREATE_COMMENT, "comment on the pull request", async |attempts| {
            // A comment that was made although its answer was lost is the newest that reads the same.
            if attempts > 0 {
                let query = [("per_page", "100"), ("sort", "created"), ("direction", "desc")];
                let newest: Vec<RawComment> = self.client.get(&route, Some(&query)).await?;
                let same = |comment: &&RawComment| comment.body.as_deref() == Some(body);
                if let Some(made) = newest.iter().rev().find(same) {
                    return Ok(made.id);
                }
            }
            let made: Id = self.client.post(&route, Some(&json!({"body": body}))).await?;
            Ok(made.id)
        })
        .await
    }

    async fn update_comment(&self, id: u64, body: &str) -> Result<(), GitHubFailure> {
        let route = self.route(&format!("issues/comments/{id}"));
        self.call(GitHubCall::UPDATE_COMMENT, "update the run's comment", async |_| {
            self.client.patch::<Id, _, _>(&route, Some(&json!({"body": body}))).await.map(drop)
        })
        .await
    }

    async fn delete_comment(&self, id: u64) -> Result<(), GitHubFailure> {
        let route = self.route(&format!("issues/comments/{id}"));
        self.call(GitHubCall::DELETE_COMMENT, "delete the run's duplicate comment", async |_| {
            // The answer is 204 without a body.
            let answer = self.client._delete(&route, None::<&()>).await?;
            if answer.status() == 404 { Ok(()) } else { octocrab::map_github_error(answer).await.map(drop) }
        })
        .await
    }
}

#[derive(Deserialize, Serialize)]
struct User {
    login: String,
    r#type: String,
}

#[derive(Deserialize, Serialize)]
struct RawComment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

impl From<RawComment> for Comment {
    fn from(raw: RawComment) -> Self {
        Self {
            id: raw.id,
            body: raw.body.unwrap_or_default(),
            author: raw.user.map(|user| Author { is_bot: user.r#type == "Bot", login: user.login }),
        }
    }
}
