use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::images::Image;
use super::{Digest, Registry, RegistryError, RepositorySettings};

pub(super) type Repositories = BTreeMap<String, Repository>;

/// One repository: what it holds by digest, and which tag is on which image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repository {
    pub created_at: Timestamp,
    pub settings: RepositorySettings,
    /// Size in bytes of every layer and image configuration.
    pub layers: BTreeMap<Digest, u64>,
    pub images: BTreeMap<Digest, Image>,
    pub tags: BTreeMap<String, Digest>,
}

impl Repository {
    /// Lists the tags on one image, sorted.
    pub fn tags_of<'a>(&'a self, digest: &'a Digest) -> impl Iterator<Item = &'a str> {
        self.tags.iter().filter(move |(_, on)| *on == digest).map(|(tag, _)| tag.as_str())
    }
}

impl Registry {
    /// Creates an empty repository.
    ///
    /// # Errors
    /// The name is taken or not a repository name (2 to 256 characters).
    pub fn create_repository(
        &self,
        name: &str,
        settings: RepositorySettings,
    ) -> Result<Repository, RegistryError> {
        if !is_repository_name(name) {
            return Err(RegistryError::InvalidRepositoryName { name: name.to_owned() });
        }
        let repository = Repository {
            created_at: self.now(),
            settings,
            layers: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.change(|repositories| {
            if repositories.contains_key(name) {
                return Err(RegistryError::RepositoryExists { name: name.to_owned() });
            }
            repositories.insert(name.to_owned(), repository.clone());
            Ok(repository)
        })
    }

    /// Removes a repository; `force` removes its images with it.
    ///
    /// # Errors
    /// It does not exist, or holds images and `force` is not set.
    pub fn delete_repository(&self, name: &str, force: bool) -> Result<Repository, RegistryError> {
        let removed = self.change(|repositories| match repositories.get(name) {
            Some(repository) if !repository.images.is_empty() && !force => {
                Err(RegistryError::RepositoryNotEmpty { name: name.to_owned() })
            }
            _ => repositories.remove(name).ok_or_else(|| not_found(name)),
        })?;
        self.remove_unreferenced(removed.layers.keys().chain(removed.images.keys()))?;
        Ok(removed)
    }

    /// Returns one repository as it is now.
    ///
    /// # Errors
    /// It does not exist.
    pub fn repository(&self, name: &str) -> Result<Repository, RegistryError> {
        self.read(name, |repository| Ok(repository.clone()))
    }

    /// Returns every repository as it is now, by name.
    pub fn repositories(&self) -> BTreeMap<String, Repository> {
        self.repositories_mut().clone()
    }

    pub(super) fn read<T>(
        &self,
        name: &str,
        look: impl FnOnce(&Repository) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        look(self.repositories_mut().get(name).ok_or_else(|| not_found(name))?)
    }

    pub(super) fn change_one<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Repository) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.change(|repositories| change(repositories.get_mut(name).ok_or_else(|| not_found(name))?))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Repositories) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut repositories = self.repositories_mut();
        let changed = change(&mut repositories)?;
        self.0.content.write_index(&repositories)?;
        Ok(changed)
    }

    /// Removes the blobs that no repository has any more. Blobs are shared between repositories, as ECR bills them
    /// but does not say.
    fn remove_unreferenced<'a>(&self, digests: impl Iterator<Item = &'a Digest>) -> io::Result<()> {
        let repositories = self.repositories_mut();
        for digest in digests {
            let used =
                repositories.values().any(|r| r.layers.contains_key(digest) || r.images.contains_key(digest));
            if !used {
                self.0.content.remove_blob(digest)?;
            }
        }
        Ok(())
    }
}

fn not_found(name: &str) -> RegistryError {
    RegistryError::RepositoryNotFound { name: name.to_owned() }
}

/// Returns whether ECR takes a name: `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`, 2 to 256
/// characters.
fn is_repository_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (2..=256).contains(&name.len())
        && name.split(['/', '.', '_', '-']).all(|word| !word.is_empty() && word.bytes().all(alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::is_repository_name;

    #[test]
    fn names_are_those_that_ecr_takes() {
        for name in ["startupwebapp-backend", "team/shop", "a1", "a.b_c-d/e"] {
            assert!(is_repository_name(name), "{name}");
        }
        let long = "a".repeat(257);
        for name in ["", "a", "Shop", "shop/", "/shop", "a//b", "a-", "a--b", "a..b", "ä1", "../x", &long] {
            assert!(!is_repository_name(name), "{name}");
        }
    }
}
