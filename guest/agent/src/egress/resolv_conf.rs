//! `/etc/resolv.conf` while egress is on: ours, and what was there before once it is off, unless somebody has changed it meanwhile.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::egress::addresses::OWN_V4;

/// Where programs look for it.
pub const PATH: &str = "/etc/resolv.conf";

/// What was there before
#[derive(Debug)]
enum Before {
    Nothing,
    File(Vec<u8>),
    Link(PathBuf),
}

/// A file that names the agent's resolver, as long as this is held.
#[derive(Debug)]
pub struct ResolvConf {
    path: PathBuf,
    before: Before,
}

fn ours() -> Vec<u8> {
    format!("# Egress of this machine: names are asked of its host.\nnameserver {OWN_V4}\n").into_bytes()
}

/// Empties a file that a machine left which ended with egress on.
pub fn forget(path: &Path) -> io::Result<()> {
    if is_ours(path) { fs::write(path, "") } else { Ok(()) }
}

impl ResolvConf {
    /// Puts our file in the place of what is there.
    pub fn replace(path: &Path) -> io::Result<Self> {
        forget(path)?;
        let before = match fs::read_link(path) {
            Ok(target) => Before::Link(target),
            Err(_) => match fs::read(path) {
                Ok(content) => Before::File(content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Before::Nothing,
                Err(error) => return Err(error),
            },
        };
        put(path, |new| fs::write(new, ours()))?;
        Ok(ResolvConf { path: path.to_owned(), before })
    }
}

impl Drop for ResolvConf {
    fn drop(&mut self) {
        if !is_ours(&self.path) {
            return;
        }
        // What cannot be restored names a resolver that is gone: nothing resolves, as it should be.
        let _ = match &self.before {
            Before::Nothing => fs::remove_file(&self.path),
            Before::File(content) => put(&self.path, |new| fs::write(new, content)),
            Before::Link(target) => put(&self.path, |new| symlink(target, new)),
        };
    }
}

/// Whether it is a file of its own, with our content.
fn is_ours(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|is| is.is_file() && is.len() == ours().len() as u64);
    is_file && fs::read(path).is_ok_and(|content| content == ours())
}

/// Makes something beside the path, and gives it that name.
fn put(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut beside = OsString::from(path);
    beside.push(".pyro");
    let beside = Path::new(&beside);
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => make(beside)?,
    }
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("pyro-resolv-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    #[test]
    fn what_was_there_comes_back() {
        let directory = place("back");
        let path = directory.join("resolv.conf");
        drop(ResolvConf::replace(&path).unwrap());
        assert!(!path.exists());
        fs::write(&path, "nameserver 10.0.0.1\n").unwrap();
        let held = ResolvConf::replace(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), ours());
        drop(held);
        assert_eq!(fs::read_to_string(&path).unwrap(), "nameserver 10.0.0.1\n");
        fs::remove_file(&path).unwrap();
        symlink("../run/nowhere/stub.conf", &path).unwrap();
        let held = ResolvConf::replace(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), ours());
        drop(held);
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("../run/nowhere/stub.conf"));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_a_user_has_changed_stays() {
        let directory = place("stays");
        let path = directory.join("resolv.conf");
        fs::write(&path, "before").unwrap();
        let held = ResolvConf::replace(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        drop(held);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let held = ResolvConf::replace(&path).unwrap();
        fs::remove_file(&path).unwrap();
        drop(held);
        assert!(!path.exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn ours_from_before_the_machine_ended_is_nothing() {
        let directory = place("ended");
        let path = directory.join("resolv.conf");
        std::mem::forget(ResolvConf::replace(&path).unwrap());
        drop(ResolvConf::replace(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        forget(&directory.join("absent")).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }
}
