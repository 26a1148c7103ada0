use std::fmt;

use super::{Digest, ImageKey, RegistryError};

/// An image reference as a task definition carries it, such as `127.0.0.1:5000/shop@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `host` or `host:port`, as written.
    pub registry: String,
    pub repository: String,
    /// The digest when there is one, else the tag, else the tag `latest`.
    pub image: ImageKey,
}

impl Reference {
    /// Splits a full reference; a digest wins over a tag that stands next to it, as everywhere.
    ///
    /// # Errors
    /// A reference without a registry, or with a malformed digest or tag.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let (registry, rest) = text
            .split_once('/')
            .filter(|(registry, _)| registry.contains(['.', ':']) || *registry == "localhost")
            .ok_or_else(|| RegistryError::InvalidRepositoryName { name: text.to_owned() })?;
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::parse(digest)?)),
            None => (rest, None),
        };
        let (repository, tag) = name.split_once(':').unwrap_or((name, "latest"));
        let image = match digest {
            Some(digest) => ImageKey::Digest(digest),
            None => ImageKey::tag(tag)?,
        };
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), image })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if matches!(self.image, ImageKey::Digest(_)) { '@' } else { ':' };
        write!(f, "{}/{}{separator}{}", self.registry, self.repository, self.image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, repository, image) in [
            ("127.0.0.1:5000/shop".to_owned(), "shop", "latest".to_owned()),
            ("127.0.0.1:5000/team/shop:1.0".to_owned(), "team/shop", "1.0".to_owned()),
            (format!("1.dkr.ecr.eu-west-1.amazonaws.com/shop@{digest}"), "shop", digest.clone()),
            (format!("localhost/shop:1.0@{digest}"), "shop", digest.clone()),
        ] {
            let reference = Reference::parse(&text).unwrap();
            assert_eq!(
                (reference.repository.as_str(), reference.image.to_string()),
                (repository, image),
                "{text}"
            );
        }
        for text in ["shop", "library/shop:1", "host:1/shop@sha256:12", "host:1/shop:a b"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
