//! Pure: the parts of an image reference.

use regex_lite::Regex;

use crate::ecr_registry::RegistryHost;

const REGISTRY: &str =
    r"^([A-Za-z0-9]+(-+[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-+[A-Za-z0-9]+)*)*|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$";
const PATH: &str = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$";
/// Characters of a repository's name (ECR, CreateRepository).
const LONGEST_PATH: usize = 256;
/// A tag as registries allow it.
pub(crate) const TAG: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$";
/// Those that OCI's image specification registers.
const DIGEST: &str = "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$";

/// `registry/path:tag@digest`, as a container definition and `docker pull` write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageReference<'a> {
    /// `host[:port]`; absent for an image of Docker Hub.
    pub registry: Option<&'a str>,
    /// The repository's path in the registry, such as `team/app`.
    pub path: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> ImageReference<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon after the last slash begins a tag; one before it, a port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        // Docker's own rule: the first part is a registry when it can be no path of Docker Hub.
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
            _ => (None, name),
        };
        Self { registry, path, tag, digest }
    }

    /// Whose registry it is in; none for Docker Hub.
    pub(crate) fn host(&self) -> Option<RegistryHost> {
        self.registry.map(RegistryHost::of)
    }

    /// Whether every part is as the grammar of references has it (github.com/distribution/reference).
    pub(crate) fn is_well_formed(&self) -> bool {
        let is = |pattern: &str, text: &str| Regex::new(pattern).is_ok_and(|form| form.is_match(text));
        self.registry.is_none_or(|registry| is(REGISTRY, registry))
            && is(PATH, self.path)
            && self.path.len() <= LONGEST_PATH
            && self.tag.is_none_or(|tag| is(TAG, tag))
            && self.digest.is_none_or(|digest| is(DIGEST, digest))
    }

    /// Registry and path, without tag and digest.
    pub(crate) fn repository(&self) -> String {
        self.registry.map_or_else(|| self.path.to_owned(), |registry| format!("{registry}/{}", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_registry_would_take_is_not_well_formed() {
        let (digest, longer) = (format!("sha256:{}", "0".repeat(64)), format!("sha512:{}", "a".repeat(128)));
        let long = "a".repeat(256);
        for text in [
            "nginx",
            "library/nginx:1.27",
            "team/my.app_name__x--y:V1_2.3-rc",
            "localhost/app",
            "registry.example:5000/a/b:c",
            "REGISTRY.example/app",
            "[::1]:5000/app:1",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/flyway/flyway:11",
            &format!("app@{digest}"),
            &format!("registry.example/app:1@{digest}"),
            &format!("app@{longer}"),
            &long,
            &format!("app:{}", "t".repeat(128)),
        ] {
            assert!(ImageReference::parse(text).is_well_formed(), "{text}");
        }
        for text in [
            "",
            ":tag",
            "UPPER/Case:a:b",
            "UPPER/app",
            "App",
            "a@sha256:zz",
            "a@sha256:",
            "a@",
            "a@md5:00000000000000000000000000000000",
            &format!("a@{}", digest.to_uppercase()),
            &format!("a@{digest}0"),
            &format!("a@{digest}@{digest}"),
            "app:",
            "app:.hidden",
            "app:-x",
            "app:a b",
            "app\n",
            "app:1\n",
            "app\r\n:1",
            " app",
            "app ",
            "a//b",
            "/a",
            "a/",
            "a.-b",
            "a___b",
            "-a",
            "a-",
            "registry.example:port/app",
            "registry.example:/app",
            "-registry.example/app",
            "registry..example/app",
            "https://registry.example/app",
            "app:ü",
            &format!("app:{}", "t".repeat(129)),
            &format!("{long}a"),
        ] {
            assert!(!ImageReference::parse(text).is_well_formed(), "{text:?}");
        }
    }

    #[test]
    fn references_come_apart_as_docker_takes_them() {
        let digest = "sha256:0123";
        for (text, registry, path, tag, pinned) in [
            ("nginx", None, "nginx", None, None),
            ("library/nginx:1.27", None, "library/nginx", Some("1.27"), None),
            (
                "1.dkr.ecr.us-east-1.amazonaws.com/a/b:c",
                Some("1.dkr.ecr.us-east-1.amazonaws.com"),
                "a/b",
                Some("c"),
                None,
            ),
            ("127.0.0.1:5000/app", Some("127.0.0.1:5000"), "app", None, None),
            ("127.0.0.1:5000/app:v1@sha256:0123", Some("127.0.0.1:5000"), "app", Some("v1"), Some(digest)),
            ("localhost/app@sha256:0123", Some("localhost"), "app", None, Some(digest)),
        ] {
            let parsed = ImageReference::parse(text);
            assert_eq!(parsed, ImageReference { registry, path, tag, digest: pinned }, "{text}");
        }
    }
}
