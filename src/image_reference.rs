//! Pure: the parts of an image reference.

use regex_lite::Regex;

use crate::ecr_registry::RegistryHost;
use crate::hex::is_commit;

const REGISTRY: &str =
    r"^([A-Za-z0-9]+(-+[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-+[A-Za-z0-9]+)*)*|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$";
const PATH: &str = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$";
/// Characters of a repository's name (ECR, CreateRepository).
const LONGEST_PATH: usize = 256;
/// A tag as registries allow it.
pub(crate) const TAG: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$";
/// Returns whether an image may have this tag.
pub(crate) fn is_tag(text: &str) -> bool {
    Regex::new(TAG).is_ok_and(|form| form.is_match(text))
}

/// Returns the tag that says most to a person: the first that is a commit, else the first.
pub(crate) fn commit_or_first(tags: &[String]) -> Option<&str> {
    tags.iter().find(|tag| is_commit(tag)).or(tags.first()).map(String::as_str)
}

/// Digests that OCI's image specification registers.
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
        // Docker's own rule: the first part is a registry when it cannot be a path of Docker Hub.
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
            _ => (None, name),
        };
        Self { registry, path, tag, digest }
    }

    /// Returns the kind of its registry; none for Docker Hub.
    pub(crate) fn host(&self) -> Option<RegistryHost> {
        self.registry.map(RegistryHost::of)
    }

    /// Returns whether every part is as the grammar of references has it (github.com/distribution/reference).
    pub(crate) fn is_well_formed(&self) -> bool {
        let is = |pattern: &str, text: &str| Regex::new(pattern).is_ok_and(|form| form.is_match(text));
        self.registry.is_none_or(|registry| is(REGISTRY, registry))
            && is(PATH, self.path)
            && self.path.len() <= LONGEST_PATH
            && self.tag.is_none_or(|tag| is(TAG, tag))
            && self.digest.is_none_or(|digest| is(DIGEST, digest))
    }

    /// Returns whether both are images of one repository, whatever tag or digest they have. A registry may have
    /// several names.
    pub(crate) fn is_in_repository_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.host(), other.host());
        let is_same_registry = match (&ours, &theirs) {
            (Some(RegistryHost::Ecr(one)), Some(RegistryHost::Ecr(other))) => one == other,
            // A sandbox or an emulator has the registries of an account on this machine.
            (Some(RegistryHost::Ecr(_)), Some(RegistryHost::ThisMachine))
            | (Some(RegistryHost::ThisMachine), Some(RegistryHost::Ecr(_))) => true,
            _ => {
                self.is_on_docker_hub() == other.is_on_docker_hub()
                    && (self.is_on_docker_hub() || self.registry == other.registry)
            }
        };
        let path = |of: &Self| match of.is_on_docker_hub() {
            true => of.path.strip_prefix("library/").unwrap_or(of.path).to_owned(),
            false => of.path.to_owned(),
        };
        is_same_registry && path(self) == path(other)
    }

    fn is_on_docker_hub(&self) -> bool {
        self.registry
            .is_none_or(|host| ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(&host))
    }

    /// Returns registry and path, without tag and digest.
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
    fn a_repository_is_one_whatever_its_registry_is_called() {
        let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop";
        for (one, other, expected) in [
            (format!("{ecr}:1"), format!("{ecr}@sha256:0123"), true),
            (ecr.into(), "123456789012.dkr-ecr.us-east-1.on.aws/shop:2".into(), true),
            (ecr.into(), "127.0.0.1:5000/shop:2".into(), true),
            (ecr.into(), format!("{ecr}-web"), false),
            (ecr.into(), "123456789012.dkr.ecr.us-east-2.amazonaws.com/shop".into(), false),
            (ecr.into(), "210987654321.dkr.ecr.us-east-1.amazonaws.com/shop".into(), false),
            (ecr.into(), "registry.example/shop".into(), false),
            (ecr.into(), "shop".into(), false),
            ("nginx:1".into(), "docker.io/library/nginx".into(), true),
            ("team/nginx".into(), "nginx".into(), false),
            ("127.0.0.1:5000/app".into(), "127.0.0.1:5001/app".into(), false),
            ("registry.example/app:1".into(), "registry.example/app:2".into(), true),
        ] {
            for (one, other) in [(&one, &other), (&other, &one)] {
                let [one, other] = [one, other].map(|text| ImageReference::parse(text));
                assert_eq!(one.is_in_repository_of(&other), expected, "{one:?} {other:?}");
            }
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
