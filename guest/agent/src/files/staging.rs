//! A tree that is not complete, in a place of its own that no method shows, on the mount of the tree that it will become a part of.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, chmodat, fchmod, mkdirat, openat, symlinkat};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::files::names::Names;
use crate::files::path::{quoted, split};
use crate::files::remove::remove_tree;
use crate::files::root::{LISTED, PLACE, STAGING, STRICT, create_beneath, open_beneath, refused};

/// The agent's mask for the modes of what it makes.
pub const UMASK: Mode = Mode::WGRP.union(Mode::WOTH);
/// Bits of a mode that are taken from the host.
const MODE: u32 = 0o777;
/// Mode of a directory that no entry names.
const IMPLIED: Mode = Mode::from_raw_mode(0o755);

/// A tree that is not complete; gone when it is dropped.
#[derive(Debug)]
pub struct Staging {
    shelter: OwnedFd,
    name: String,
    /// What is to come into the tree, at the paths it will have there
    pub tree: OwnedFd,
    /// What is to go
    pub trash: OwnedFd,
    /// Directories that entries name, with their modes
    pub directories: HashMap<Vec<u8>, Mode>,
}

impl Staging {
    /// An empty tree in the shelter.
    pub fn new(shelter: OwnedFd) -> Result<Self, Errno> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".pyro-staging-{}-{count}", std::process::id());
        mkdirat(&shelter, &name, Mode::RWXU)?;
        let top = openat(&shelter, &name, PLACE | OFlags::NOFOLLOW, Mode::empty())?;
        let make = |inner: &str| {
            mkdirat(&top, inner, Mode::RWXU)?;
            openat(&top, inner, LISTED | OFlags::NOFOLLOW, Mode::empty())
        };
        let (tree, trash) = (make("tree")?, make("trash")?);
        Ok(Staging { shelter, name, tree, trash, directories: HashMap::new() })
    }

    /// Makes a directory that no entry names, and those it lies in.
    pub fn imply(&self, path: &[u8]) -> Result<(), Failure> {
        match path {
            b"" => Ok(()),
            path => self.make_all(path).map(drop).map_err(|errno| refused(path, errno)),
        }
    }

    /// Makes a directory; one that was only implied so far gets its mode.
    pub fn directory(&mut self, path: &[u8], mode: u32) -> Result<(), Failure> {
        let mode = Mode::from_raw_mode(mode & MODE);
        let failed = |errno| refused(path, errno);
        let (parent, name) = self.parent(path).map_err(failed)?;
        // Whoever is not root must be able to fill it; the commit gives it its mode.
        match mkdirat(&parent, name, Mode::RWXU) {
            Err(Errno::EXIST) if self.directories.contains_key(path) || !is_directory(&parent, name) => {
                return Err(duplicate(path));
            }
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        self.directories.insert(path.to_vec(), mode);
        Ok(())
    }

    /// Makes a file, to be filled.
    pub fn file(&self, path: &[u8], mode: u32) -> Result<OwnedFd, Failure> {
        let mode = Mode::from_raw_mode(mode & MODE);
        let create =
            || create_beneath(&self.tree, path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode, STRICT);
        let created = match create() {
            Err(Errno::NOENT) => self.parent(path).and_then(|_| create()),
            other => other,
        };
        let file = created.map_err(|errno| match errno {
            Errno::EXIST => duplicate(path),
            errno => refused(path, errno),
        })?;
        if mode.intersects(UMASK) {
            fchmod(&file, mode).map_err(|errno| refused(path, errno))?;
        }
        Ok(file)
    }

    /// Makes a symlink.
    pub fn symlink(&self, path: &[u8], target: &[u8]) -> Result<(), Failure> {
        let made = self.parent(path).and_then(|(parent, name)| symlinkat(target, parent, name));
        made.map_err(|errno| match errno {
            Errno::EXIST => duplicate(path),
            errno => refused(path, errno),
        })
    }

    /// Gives the directories their modes, inner ones first.
    pub fn finish(&self) -> Result<(), Failure> {
        let mut paths: Vec<_> = self.directories.iter().collect();
        paths.sort_unstable_by(|one, other| other.0.cmp(one.0));
        for (path, mode) in paths {
            let (parent, name) = self.parent(path).map_err(|errno| refused(path, errno))?;
            chmodat(&parent, name, *mode, AtFlags::empty()).map_err(|errno| refused(path, errno))?;
        }
        Ok(())
    }

    /// The directory of a path, made where it is missing.
    fn parent<'a>(&self, path: &'a [u8]) -> Result<(OwnedFd, &'a [u8]), Errno> {
        let (directory, name) = split(path);
        match open_beneath(&self.tree, directory, PLACE, STRICT) {
            Err(Errno::NOENT) => Ok((self.make_all(directory)?, name)),
            other => Ok((other?, name)),
        }
    }

    fn make_all(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let mut at = open_beneath(&self.tree, c"", PLACE, STRICT)?;
        for name in path.split(|byte| *byte == b'/') {
            match mkdirat(&at, name, IMPLIED) {
                Ok(()) | Err(Errno::EXIST) => at = open_beneath(&at, name, PLACE, STRICT)?,
                Err(errno) => return Err(errno),
            }
        }
        Ok(at)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now goes when the disk is mounted the next time.
        let _ = remove_tree(&self.shelter, self.name.as_bytes());
    }
}

fn is_directory(parent: impl AsFd, name: &[u8]) -> bool {
    open_beneath(parent, name, PLACE, STRICT).is_ok()
}

fn duplicate(path: &[u8]) -> Failure {
    Failure::tree("duplicate_entry", format!("{} comes twice", quoted(path)), None)
}

/// Removes what a machine that ended early left on its disk.
pub fn remove_leftovers(top: &OwnedFd) {
    let leftovers = || -> Result<(), Errno> {
        let staging = openat(top, STAGING, LISTED | OFlags::NOFOLLOW, Mode::empty())?;
        for (name, _) in Names::of(&staging, usize::MAX)?.iter() {
            remove_tree(&staging, name.to_bytes())?;
        }
        Ok(())
    };
    // They are in nobody's way: no later upload has their names.
    let _ = leftovers();
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn what_an_ended_machine_left_is_removed_and_nothing_else() {
        let top = std::env::temp_dir().join(format!("pyro-leftovers-{}", std::process::id()));
        fs::create_dir_all(top.join("staging/.pyro-staging-1-0/tree/a/b")).unwrap();
        fs::create_dir_all(top.join("staging/.pyro-staging-1-0.1/half/gone")).unwrap();
        fs::create_dir_all(top.join("workspace/staging")).unwrap();
        remove_leftovers(&File::open(&top).unwrap().into());
        assert_eq!(fs::read_dir(top.join("staging")).unwrap().count(), 0);
        assert!(top.join("workspace/staging").exists());
        fs::remove_dir_all(&top).unwrap();
    }
}
