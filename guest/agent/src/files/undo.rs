//! The steps of a commit, so that they can be taken back.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, RenameFlags, fchmod, renameat_with};
use rustix::io::Errno;

use crate::files::path::split;
use crate::files::root::{LISTED, PLACE, STRICT, open_beneath};
use crate::files::staging::Staging;

/// One change of the tree.
#[derive(Debug)]
pub enum Step {
    /// A path that led to nothing leads to what was staged
    Moved(Vec<u8>),
    /// A path leads to what was staged, and what was there is staged
    Exchanged(Vec<u8>),
    /// What was at a path is in the trash, under a number
    Deleted(Vec<u8>, usize),
    /// A directory had this mode
    Mode(Vec<u8>, Mode),
}

/// Takes steps back, the last first, and returns how many could not be: somebody else has changed those places since.
pub fn undo(root: &OwnedFd, staging: &Staging, steps: &[Step]) -> usize {
    steps.iter().rev().filter(|step| undo_one(root, staging, step).is_err()).count()
}

fn undo_one(root: &OwnedFd, staging: &Staging, step: &Step) -> Result<(), Errno> {
    match step {
        Step::Moved(path) => back(root, path, staging, RenameFlags::NOREPLACE),
        Step::Exchanged(path) => back(root, path, staging, RenameFlags::EXCHANGE),
        Step::Deleted(path, number) => {
            let (directory, name) = split(path);
            let parent = open_beneath(root, directory, PLACE, STRICT)?;
            renameat_with(&staging.trash, number.to_string(), parent, name, RenameFlags::NOREPLACE)
        }
        Step::Mode(path, mode) => fchmod(open_beneath(root, path.as_slice(), LISTED, STRICT)?, *mode),
    }
}

fn back(root: &OwnedFd, path: &[u8], staging: &Staging, flags: RenameFlags) -> Result<(), Errno> {
    let (directory, name) = split(path);
    let from = open_beneath(root, directory, PLACE, STRICT)?;
    let to = open_beneath(&staging.tree, directory, PLACE, STRICT)?;
    renameat_with(from, name, to, name, flags)
}
