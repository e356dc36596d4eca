//! The commit of an upload: what was staged comes into the tree by renames, all of it or nothing.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, RenameFlags, fchmod, renameat_with};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::files::messages::Expect;
use crate::files::names::{Names, kind_of};
use crate::files::path::{joined, quoted, split};
use crate::files::root::{LISTED, PLACE, STRICT, open_beneath, refused};
use crate::files::staging::Staging;
use crate::files::stat::{Kind, Stat};
use crate::files::undo::{Step, undo};

/// A complete upload.
#[derive(Debug)]
pub struct Changes {
    /// What comes, and the trash for what goes
    pub staging: Staging,
    /// What goes, in order
    pub deletions: Vec<Vec<u8>>,
    /// What the host believes to be there
    pub expectations: HashMap<Vec<u8>, Expect>,
    /// Whether files may take the place of others
    pub replace: bool,
}

/// Makes the changes; where that fails, or `confirm` does afterwards, the tree is as it was.
pub fn commit(
    root: &OwnedFd,
    changes: &Changes,
    is_cancelled: &dyn Fn() -> bool,
    confirm: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut commit = Commit { root, changes, is_cancelled, steps: vec![] };
    let result = commit.run().and_then(|()| confirm());
    result.map_err(|failure| match undo(root, &changes.staging, &commit.steps) {
        0 => failure,
        left => {
            let message = format!("{}; {left} changes could not be taken back", failure.message);
            Failure { message, ..failure }
        }
    })
}

struct Commit<'a> {
    root: &'a OwnedFd,
    changes: &'a Changes,
    is_cancelled: &'a dyn Fn() -> bool,
    steps: Vec<Step>,
}

impl Commit<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let changes = self.changes;
        for (path, expect) in &changes.expectations {
            check(expect, self.look(path)?.as_ref(), path)?;
        }
        for (number, path) in changes.deletions.iter().enumerate() {
            self.delete(path, number)?;
        }
        self.merge(&changes.staging.tree, self.root, b"")
    }

    /// What is at a path of the tree, if anything.
    fn look(&self, path: &[u8]) -> Result<Option<Stat>, Failure> {
        let (directory, name) = split(path);
        let parent = match open_beneath(self.root, directory, PLACE, STRICT) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => other.map_err(|errno| refused(path, errno))?,
        };
        match Stat::of(&parent, name) {
            Err(Errno::NOENT) => Ok(None),
            other => other.map(Some).map_err(|errno| refused(path, errno)),
        }
    }

    fn delete(&mut self, path: &[u8], number: usize) -> Result<(), Failure> {
        let trash = &self.changes.staging.trash;
        let failed = |errno| refused(path, errno);
        let (directory, name) = split(path);
        let parent = open_beneath(self.root, directory, PLACE, STRICT).map_err(failed)?;
        let gone = number.to_string();
        renameat_with(&parent, name, trash, &gone, RenameFlags::NOREPLACE).map_err(failed)?;
        self.steps.push(Step::Deleted(path.to_vec(), number));
        match open_beneath(trash, gone.as_bytes(), LISTED, STRICT) {
            Ok(deleted) if !Names::of(&deleted, 0).map_err(failed)?.is_empty() => {
                Err(Failure::tree("directory_not_empty", format!("{} is not empty", quoted(path)), None))
            }
            _ => Ok(()),
        }
    }

    fn merge(&mut self, from: &OwnedFd, into: &OwnedFd, at: &[u8]) -> Result<(), Failure> {
        let names = Names::of(from, usize::MAX).map_err(|errno| refused(at, errno))?;
        for (name, told) in names.iter() {
            if (self.is_cancelled)() {
                return Err(Failure::bad_request("the upload was cancelled"));
            }
            let path = joined(at, name.to_bytes());
            let failed = |errno| refused(&path, errno);
            let comes = kind_of(from, name, told).map_err(failed)?;
            match Stat::of(into, name) {
                Err(Errno::NOENT) => self.move_in(from, into, name, path)?,
                Err(errno) => return Err(failed(errno)),
                Ok(there) if self.changes.expectations.get(&path) == Some(&Expect::Absent) => {
                    check(&Expect::Absent, Some(&there), &path)?;
                }
                Ok(there) => self.meet((comes, there), from, into, name, path)?,
            }
        }
        Ok(())
    }

    fn move_in(&mut self, from: &OwnedFd, into: &OwnedFd, name: &CStr, path: Vec<u8>) -> Result<(), Failure> {
        match renameat_with(from, name, into, name, RenameFlags::NOREPLACE) {
            Ok(()) => self.steps.push(Step::Moved(path)),
            Err(Errno::EXIST) => return Err(changed(&path)),
            Err(errno) => return Err(refused(&path, errno)),
        }
        Ok(())
    }

    /// Puts what comes in the place of what is there, or into it.
    fn meet(
        &mut self,
        (comes, there): (Kind, Stat),
        from: &OwnedFd,
        into: &OwnedFd,
        name: &CStr,
        path: Vec<u8>,
    ) -> Result<(), Failure> {
        let conflict = |code, what| Err(Failure::tree(code, format!("{} {what}", quoted(&path)), None));
        match (comes == Kind::Directory, there.kind == Kind::Directory) {
            (true, true) => {
                let failed = |errno| refused(&path, errno);
                let inner = open_beneath(from, name, LISTED, STRICT).map_err(failed)?;
                let place = open_beneath(into, name, LISTED, STRICT).map_err(failed)?;
                self.set_mode(&place, &there, &path)?;
                self.merge(&inner, &place, &path)
            }
            (true, false) => conflict("dest_not_directory", "is not a directory"),
            (false, true) => conflict("is_a_directory", "is a directory"),
            (false, false) if self.changes.replace => self.exchange(from, into, name, path),
            (false, false) => conflict("path_exists", "exists"),
        }
    }

    fn exchange(
        &mut self,
        from: &OwnedFd,
        into: &OwnedFd,
        name: &CStr,
        path: Vec<u8>,
    ) -> Result<(), Failure> {
        match renameat_with(from, name, into, name, RenameFlags::EXCHANGE) {
            Err(Errno::NOENT) => return Err(changed(&path)),
            other => other.map_err(|errno| refused(&path, errno))?,
        }
        self.steps.push(Step::Exchanged(path.clone()));
        match self.changes.expectations.get(&path) {
            // The exchange itself has changed the time of its entry.
            Some(Expect::Present { kind, size_bytes, mtime_ns, inode, .. }) => {
                let was = Stat::of(from, name).map_err(|errno| refused(&path, errno))?;
                let is = (was.kind, was.size_bytes, was.mtime_ns, was.inode);
                if is == (*kind, *size_bytes, *mtime_ns, *inode) { Ok(()) } else { Err(changed(&path)) }
            }
            _ => Ok(()),
        }
    }

    fn set_mode(&mut self, place: &OwnedFd, there: &Stat, path: &[u8]) -> Result<(), Failure> {
        let was = Mode::from_raw_mode(there.mode);
        match self.changes.staging.directories.get(path) {
            Some(mode) if *mode != was => {
                fchmod(place, *mode).map_err(|errno| refused(path, errno))?;
                self.steps.push(Step::Mode(path.to_vec(), was));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn check(expect: &Expect, there: Option<&Stat>, path: &[u8]) -> Result<(), Failure> {
    let holds = match (expect, there) {
        (Expect::Absent, there) => there.is_none(),
        (Expect::Present { kind, size_bytes, mtime_ns, ctime_ns, inode }, Some(there)) => {
            (there.kind, there.size_bytes, there.mtime_ns, there.ctime_ns, there.inode)
                == (*kind, *size_bytes, *mtime_ns, *ctime_ns, *inode)
        }
        (Expect::Present { .. }, None) => false,
    };
    if holds { Ok(()) } else { Err(changed(path)) }
}

fn changed(path: &[u8]) -> Failure {
    Failure::tree("path_changed", format!("{} is not what it was", quoted(path)), None)
}
