//! Pure: the parts of an image reference.

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

    /// Whether it is in this account's ECR. An ECR on loopback is a sandbox or an emulator, and belongs to whatever
    /// account it plays.
    pub(crate) fn is_in_ecr_of(&self, account: &str, region: &str) -> bool {
        let own = format!("{account}.dkr.ecr.{region}.");
        self.registry.is_some_and(|registry| registry.starts_with(&own) || registry.starts_with("127.0.0.1:"))
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
