//! The root of one container: the image's files below a layer for what the container writes, and this machine's
//! `/proc`, `/dev` and `/sys`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid, pivot_root};

/// What a container runtime brings into each container, so that names resolve as on this machine.
const OF_THIS_MACHINE: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// Moves this process into a root of its own. The mounts are in a namespace of the process, and end with it.
///
/// # Errors
/// The step that failed, and why.
pub(super) fn enter(tree: &Path, layer: &Path) -> Result<(), String> {
    let files = OF_THIS_MACHINE.map(|file| (file, fs::read(file)));
    let has_user_namespace = unshare_mounts()?;
    // Otherwise this machine would see what is mounted here.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(because("make the mounts private"))?;
    let root = mount_layer(tree, layer, has_user_namespace)?;
    for directory in ["proc", "dev", "sys"] {
        let place = root.join(directory);
        fs::create_dir_all(&place).map_err(because("make a directory to mount on"))?;
        bind(&Path::new("/").join(directory), &place).map_err(because("mount /proc, /dev and /sys"))?;
    }
    std::env::set_current_dir(&root).map_err(because("enter the root"))?;
    // With the same directory for both, the old root lies upon the new one until it is unmounted: pivot_root(2).
    pivot_root(".", ".").map_err(because("change the root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(because("unmount the old root"))?;
    std::env::set_current_dir("/").map_err(because("enter the root"))?;
    // Only now: a link of the image leads nowhere else any more.
    for (file, content) in files.into_iter().filter_map(|(file, content)| Some((file, content.ok()?))) {
        if fs::read(file).ok().as_ref() != Some(&content) {
            replace(Path::new(file), &content).map_err(because(&format!("write {file}")))?;
        }
    }
    Ok(())
}

/// Moves this process into a mount namespace, and where it may not, into a user namespace with one. Returns whether it
/// is a user namespace.
fn unshare_mounts() -> Result<bool, String> {
    match unshare(CloneFlags::CLONE_NEWNS) {
        Err(Errno::EPERM) => {}
        result => return result.map(|()| false).map_err(because("make a mount namespace")),
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(because("make a user namespace"))?;
    let maps = [
        // Without it, the kernel takes no map of groups from a user: user_namespaces(7).
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ];
    for (file, map) in maps {
        fs::write(Path::new("/proc/self").join(file), map)
            .map_err(because("map this user to root in a user namespace"))?;
    }
    Ok(true)
}

/// Mounts the image with a layer that takes what the container writes. Where the layer's file system cannot be one of
/// an overlay, such as another overlay, the containers of an image share its files.
fn mount_layer(tree: &Path, layer: &Path, has_user_namespace: bool) -> Result<std::path::PathBuf, String> {
    let [image, upper, work, root] = ["image", "upper", "work", "root"].map(|name| layer.join(name));
    for directory in [&image, &upper, &work, &root] {
        fs::create_dir(directory).map_err(because("make the container's layer"))?;
    }
    // A program that gives up its rights enters its root all the same, whatever the mask of this process.
    fs::set_permissions(&upper, Permissions::from_mode(0o755))
        .map_err(because("make the container's layer"))?;
    bind(tree, &image).map_err(because("mount the image"))?;
    // Relative names: a path may contain what separates the options.
    std::env::set_current_dir(layer).map_err(because("enter the container's layer"))?;
    // Other attributes are not a user's to set: overlayfs, "User xattr".
    let attributes = if has_user_namespace { ",userxattr" } else { "" };
    let options = format!("lowerdir=image,upperdir=upper,workdir=work{attributes}");
    let mounted = mount(Some("overlay"), "root", Some("overlay"), MsFlags::empty(), Some(options.as_str()));
    Ok(if mounted.is_ok() { root } else { image })
}

fn bind(from: &Path, to: &Path) -> nix::Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
}

/// Writes a file in the place of whatever is there: it may be a link to what only a running system has.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::write(file, content),
    }
}

fn because<E: Into<io::Error>>(step: &str) -> impl Fn(E) -> String {
    move |error| format!("{step}: {}", words(&error.into()))
}

/// Returns an error in the kernel's words alone, as container runtimes print it.
pub(super) fn words(error: &io::Error) -> String {
    let words = error.raw_os_error().map(|number| Errno::from_raw(number).desc().to_lowercase());
    words.unwrap_or_else(|| error.to_string())
}
