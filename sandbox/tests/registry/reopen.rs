use sandbox::images::Images as _;
use sandbox::registry::{ImageKey, Registry, RegistrySettings, RepositorySettings};

use crate::image::{ACCOUNT, here, push};

#[test]
fn a_registry_with_a_directory_finds_its_images_again() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let mut settings = RegistrySettings::new(ACCOUNT, "us-east-1", "127.0.0.1:5000");
        settings.directory = Some(directory.path().join("registry"));
        Registry::new(settings).unwrap()
    };
    let digest = {
        let registry = open();
        registry
            .create_repository("shop", RepositorySettings { immutable: true, ..Default::default() })
            .unwrap();
        registry.begin_upload("shop").unwrap();
        push(&registry, "v1", here(), &[])
    };
    let registry = open();
    assert!(registry.repository("shop").unwrap().settings.immutable);
    assert_eq!(registry.manifest("shop", &ImageKey::Tag("v1".into())).unwrap().digest, digest);
    assert_eq!(registry.resolve(&format!("127.0.0.1:5000/shop@{digest}")).unwrap(), digest.to_string());
}

#[test]
fn without_a_directory_nothing_stays() {
    let registry = crate::image::registry();
    push(&registry, "v1", here(), &[]);
    let clone = registry.clone();
    drop(registry);
    clone.resolve("127.0.0.1:5000/shop:v1").unwrap();
}
