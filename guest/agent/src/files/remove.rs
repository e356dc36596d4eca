//! Removal of whole trees, however deep: one open directory at a time.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::files::names::Names;
use crate::files::root::LISTED;

/// Removes `name` from a directory, with all below it. A directory in it that is not empty is moved up beside it first.
pub fn remove_tree(parent: impl AsFd, name: &[u8]) -> Result<(), Errno> {
    let parent = parent.as_fd();
    let mut waiting = vec![name.to_vec()];
    let mut moved = 0_u64;
    while let Some(current) = waiting.pop() {
        if remove_one(parent, current.as_slice())? {
            continue;
        }
        let directory = openat(parent, current.as_slice(), LISTED | OFlags::NOFOLLOW, Mode::empty())?;
        waiting.push(current);
        for (inner, _) in Names::of(&directory, usize::MAX)?.iter() {
            if !remove_one(&directory, inner.to_bytes())? {
                waiting.push(move_beside(&directory, inner, parent, name, &mut moved)?);
            }
        }
    }
    Ok(())
}

/// Moves a directory to a name that nothing has: an earlier removal may have been broken off.
fn move_beside(
    from: &OwnedFd,
    inner: &CStr,
    parent: BorrowedFd<'_>,
    name: &[u8],
    moved: &mut u64,
) -> Result<Vec<u8>, Errno> {
    loop {
        *moved += 1;
        let beside = [name, format!(".{moved}").as_bytes()].concat();
        match renameat_with(from, inner, parent, beside.as_slice(), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            other => return other.map(|()| beside),
        }
    }
}

/// Whether what had that name is gone; only a directory with something in it stays.
fn remove_one(directory: impl AsFd, name: &[u8]) -> Result<bool, Errno> {
    let directory = directory.as_fd();
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(true),
        other => return other.map(|()| true),
    }
    match unlinkat(directory, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        other => other.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_tree_goes_whole_and_its_neighbours_stay() {
        let directory = std::env::temp_dir().join(format!("pyro-remove-{}", std::process::id()));
        fs::create_dir_all(directory.join("tree/a/b")).unwrap();
        fs::write(directory.join("tree/a/b/file"), "x").unwrap();
        fs::write(directory.join("tree/a/file"), "x").unwrap();
        fs::create_dir(directory.join("tree/empty")).unwrap();
        std::os::unix::fs::symlink("/etc", directory.join("tree/link")).unwrap();
        fs::create_dir_all(directory.join("tree.1/inner")).unwrap();
        let top = File::open(&directory).unwrap();
        remove_tree(&top, b"tree").unwrap();
        remove_tree(&top, b"tree").unwrap();
        let left: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["tree.1"]);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_tree_may_be_deeper_than_a_path_is_long() {
        let directory = std::env::temp_dir().join(format!("pyro-remove-deep-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let top = File::open(&directory).unwrap();
        let mut inner = rustix::io::dup(&top).unwrap();
        for _ in 0..1500 {
            rustix::fs::mkdirat(&inner, "deep", Mode::RWXU).unwrap();
            inner = openat(&inner, "deep", LISTED, Mode::empty()).unwrap();
        }
        drop(inner);
        remove_tree(&top, b"deep").unwrap();
        fs::remove_dir(&directory).unwrap();
    }
}
