//! What a machine needs of its root, made where the image has nothing, or something else, in its place.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Directories that programs expect, and their modes. A link that leads to a directory is as good as one.
const EXPECTED: [(&str, u32); 3] = [("etc", 0o755), ("root", 0o700), ("tmp", 0o1777)];

/// Makes a directory to mount something on. A link in its place is replaced: it could lead out of the root.
pub fn make_mount_point(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(is) if is.is_dir() => Ok(()),
        Ok(_) => {
            fs::remove_file(path)?;
            DirBuilder::new().mode(0o755).create(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new().mode(0o755).create(path),
        Err(error) => Err(error),
    }
}

/// Makes the directories that programs expect beneath `root`, which is the root by now.
pub fn make_expected(root: &Path) -> io::Result<()> {
    EXPECTED.iter().try_for_each(|(name, mode)| {
        let path = root.join(name);
        if path.is_dir() {
            return Ok(());
        }
        make_mount_point(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(*mode))
    })
}

/// Writes a file of ours; whatever else the image has there, such as a link to nowhere, is replaced.
pub fn put(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    clear(path)?;
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// What can be read of a text file, and nothing where there is no such file.
pub fn text(path: &Path) -> String {
    let content = if path.is_file() { fs::read(path).unwrap_or_default() } else { vec![] };
    String::from_utf8_lossy(&content).into_owned()
}

/// Makes an empty file where there is none that can be read.
pub fn make_file(path: &Path) -> io::Result<()> {
    if path.is_file() { Ok(()) } else { put(path, "", 0o644) }
}

/// Removes what is no regular file of its own.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(is) if is.is_file() => Ok(()),
        Ok(is) if is.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("pyro-places-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_empty_root_gets_what_programs_expect() {
        let root = place("empty");
        make_expected(&root).unwrap();
        assert_eq!(EXPECTED.map(|(name, _)| mode(&root.join(name))), [0o755, 0o700, 0o1777]);
        make_expected(&root).unwrap();
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn links_and_files_in_the_place_of_directories_go() {
        let root = place("odd");
        fs::create_dir(root.join("private")).unwrap();
        symlink("private", root.join("tmp")).unwrap();
        symlink("/nowhere/at/all", root.join("root")).unwrap();
        fs::write(root.join("etc"), "a file").unwrap();
        make_expected(&root).unwrap();
        assert!(fs::symlink_metadata(root.join("tmp")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(root.join("root")).unwrap().is_dir());
        assert!(fs::symlink_metadata(root.join("etc")).unwrap().is_dir());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn nothing_is_mounted_through_a_link() {
        let root = place("mount");
        fs::create_dir(root.join("outside")).unwrap();
        symlink(root.join("outside"), root.join("dev")).unwrap();
        make_mount_point(&root.join("dev")).unwrap();
        make_mount_point(&root.join("proc")).unwrap();
        assert!(fs::symlink_metadata(root.join("dev")).unwrap().is_dir());
        assert!(fs::symlink_metadata(root.join("proc")).unwrap().is_dir());
        assert!(root.join("outside").is_dir());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_file_of_ours_is_written_to_no_other_place() {
        let root = place("put");
        fs::write(root.join("other"), "theirs").unwrap();
        symlink(root.join("other"), root.join("hosts")).unwrap();
        symlink("../run/nowhere", root.join("resolv.conf")).unwrap();
        fs::create_dir_all(root.join("machine-id/deep")).unwrap();
        put(&root.join("hosts"), "ours", 0o644).unwrap();
        put(&root.join("machine-id"), "0", 0o444).unwrap();
        make_file(&root.join("resolv.conf")).unwrap();
        assert_eq!(text(&root.join("other")), "theirs");
        assert_eq!(text(&root.join("hosts")), "ours");
        assert_eq!(mode(&root.join("machine-id")), 0o444);
        assert_eq!(text(&root.join("resolv.conf")), "");
        assert_eq!(text(&root.join("absent")), "");
        fs::write(root.join("resolv.conf"), "nameserver 10.0.0.1\n").unwrap();
        make_file(&root.join("resolv.conf")).unwrap();
        assert_eq!(text(&root.join("resolv.conf")), "nameserver 10.0.0.1\n");
        fs::remove_dir_all(root).unwrap();
    }
}
