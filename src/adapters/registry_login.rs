//! The credentials of one image registry, kept out of every output.

use anyhow::{Context, Result, ensure};
use aws_smithy_types::base64;

use crate::adapters::secret::Secret;
use crate::ecr_registry::EcrRegistry;
use crate::ports::{ImageTag, Repository};
use crate::values::Tag;

/// Name and password for one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLogin {
    /// `host` or `host:port`.
    pub registry: String,
    pub username: String,
    pub password: Secret,
    /// The registry speaks HTTP, as one on loopback does; ECR never does.
    pub plain_http: bool,
}

impl RegistryLogin {
    /// Reads the login from ECR's GetAuthorizationToken: the token is base64 of `AWS:<password>`, the endpoint is
    /// `https://<account>.dkr.ecr.<region>.amazonaws.com`.
    ///
    /// # Errors
    /// When either has another form. The error shows nothing of the token.
    pub fn from_ecr(authorization_token: &str, proxy_endpoint: &str) -> Result<Self> {
        let (scheme, rest) = proxy_endpoint.split_once("://").unwrap_or_default();
        let known = matches!(scheme, "http" | "https");
        ensure!(known, "read ECR's proxy endpoint '{proxy_endpoint}': it is not an http or https address");
        let registry = rest.split('/').next().unwrap_or_default();
        ensure!(!registry.is_empty(), "read ECR's proxy endpoint '{proxy_endpoint}': it has no host");
        let pair = base64::decode(authorization_token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .context("read ECR's authorization token: it is not base64 text")?;
        let (username, password) =
            pair.split_once(':').context("read ECR's authorization token: it is not user:password")?;
        ensure!(!password.is_empty(), "read ECR's authorization token: its password is empty");
        Ok(Self {
            registry: registry.to_owned(),
            username: username.to_owned(),
            password: Secret::new(password),
            plain_http: scheme == "http",
        })
    }

    /// Returns the same login at the registry of `uri`, where both are ECR's and in one Region: its token is good for
    /// every registry there, whatever name and account the registry has (GetAuthorizationToken).
    pub fn at(self, uri: &str) -> Self {
        let host = uri.split('/').next().unwrap_or_default();
        match (EcrRegistry::of_host(&self.registry), EcrRegistry::of_host(host)) {
            (Some(own), Some(other)) if own.region == other.region && !self.plain_http => {
                Self { registry: host.to_owned(), ..self }
            }
            _ => self,
        }
    }

    /// Returns base64 of `username:password`, as HTTP's Basic scheme and docker's `auths` have it.
    pub fn basic(&self) -> Secret {
        Secret::new(base64::encode(format!("{}:{}", self.username, self.password.expose())))
    }

    /// Fails when a repository is on another registry, so that the credentials go nowhere else.
    pub fn ensure_reads(&self, repository: &Repository) -> Result<()> {
        let uri = &repository.uri;
        ensure!(self.is_of(repository), "read {uri}: the registry's credentials are for {}", self.registry);
        Ok(())
    }

    fn is_of(&self, repository: &Repository) -> bool {
        repository.uri.split('/').next() == Some(self.registry.as_str())
    }

    /// Fails when `to` is on another registry, so that the credentials go nowhere else, or has no tag of an image.
    pub fn ensure_serves(&self, to: &ImageTag) -> Result<()> {
        let image = to.reference();
        ensure!(
            self.is_of(&to.repository),
            "push {image}: the registry's credentials are for {}",
            self.registry
        );
        // `a:b@c` would change which image is named.
        to.tag.parse::<Tag>().map(drop).map_err(|wrong| wrong.about("tag").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(pair: &str) -> String {
        base64::encode(pair)
    }

    #[test]
    fn ecr_tokens_become_logins() {
        let login = RegistryLogin::from_ecr(
            &token("AWS:a:b=="),
            "https://123456789012.dkr.ecr.us-east-1.amazonaws.com",
        )
        .unwrap();
        assert_eq!(login.registry, "123456789012.dkr.ecr.us-east-1.amazonaws.com");
        assert_eq!(
            (login.username.as_str(), login.password.expose(), login.plain_http),
            ("AWS", "a:b==", false)
        );

        let local = RegistryLogin::from_ecr(&token("AWS:x"), "http://127.0.0.1:5000/").unwrap();
        assert_eq!((local.registry.as_str(), local.plain_http), ("127.0.0.1:5000", true));
    }

    #[test]
    fn odd_answers_are_errors_that_show_no_token() {
        for (token, endpoint) in [
            (token("AWS:hunter2"), "ftp://host"),
            (token("AWS:hunter2"), "https://"),
            (token("hunter2"), "https://host"),
            (token("AWS:"), "https://host"),
            ("%hunter2%".to_owned(), "https://host"),
        ] {
            let error = RegistryLogin::from_ecr(&token, endpoint).unwrap_err();
            let shown = format!("{error:?}");
            assert!(!shown.contains("hunter2") && !shown.contains(&token), "{shown}");
        }
    }

    #[test]
    fn a_token_is_for_every_registry_of_its_region_and_for_no_other_host() {
        let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        for (uri, registry) in [
            (
                "999999999999.dkr.ecr.us-east-1.amazonaws.com/a",
                "999999999999.dkr.ecr.us-east-1.amazonaws.com",
            ),
            ("123456789012.dkr-ecr.us-east-1.on.aws/a/b", "123456789012.dkr-ecr.us-east-1.on.aws"),
            (
                "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/a",
                "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            ),
            ("999999999999.dkr.ecr.eu-west-1.amazonaws.com/a", own),
            ("999999999999.dkr.ecr.us-east-1.amazonaws.com.example.org/a", own),
            ("ghcr.io/a", own),
            ("127.0.0.1:5000/a", own),
        ] {
            let login = RegistryLogin::from_ecr(&token("AWS:x"), &format!("https://{own}")).unwrap().at(uri);
            assert_eq!(login.registry, registry, "{uri}");
        }
        let local = RegistryLogin::from_ecr(&token("AWS:x"), "http://127.0.0.1:5000/").unwrap();
        assert_eq!(local.at(&format!("{own}/a")).registry, "127.0.0.1:5000");
    }

    #[test]
    fn debug_hides_the_password() {
        let login = RegistryLogin::from_ecr(&token("AWS:hunter2"), "https://host").unwrap();
        assert!(!format!("{login:?} {:?}", login.basic()).contains("hunter2"));
        assert!(!format!("{:?}", login.basic()).contains(login.basic().expose()));
    }

    #[test]
    fn credentials_go_to_their_own_registry_only() {
        let login = RegistryLogin::from_ecr(&token("AWS:x"), "https://a.example").unwrap();
        let to = |uri: &str| ImageTag {
            repository: Repository { name: "app".into(), uri: uri.into(), registry: None },
            tag: "1".into(),
        };
        assert!(login.ensure_serves(&to("a.example/app")).is_ok());
        assert!(login.ensure_serves(&to("a.example.evil/app")).is_err());
    }
}
