//! The root of a tree, and the opening of what lies beneath it and nowhere else.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::failure::Failure;
use crate::files::path::{quoted, split};

/// The tree of a guest.
pub const WORKSPACE: &str = "/workspace";
/// Where it lies on the writable disk.
const ON_DISK: &str = "workspace";
/// Directory of the writable disk for trees that are not complete.
pub const STAGING: &str = "staging";
/// Looks at a path that somebody renames meanwhile.
pub const MAX_LOOKS: u32 = 1000;

const NOWHERE_ELSE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);
/// A path that passes through no symlink and no mount point, and does not end on a symlink either.
pub const STRICT: ResolveFlags = NOWHERE_ELSE.union(ResolveFlags::NO_SYMLINKS);
/// A path whose symlinks do not lead out.
pub const FOLLOWING: ResolveFlags = NOWHERE_ELSE;

/// Flags for a directory that is only a place to start from.
pub const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Flags for a directory that is listed.
pub const LISTED: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The top of the writable disk; a machine without one keeps its trees where they are asked for.
pub type Volume = Option<Arc<OwnedFd>>;

/// An open tree.
#[derive(Debug)]
pub struct Root {
    /// Its directory
    pub directory: OwnedFd,
    /// The directory for trees that are not complete, on the same mount
    pub shelter: OwnedFd,
}

impl Root {
    /// Opens the tree at an absolute path.
    pub fn open(volume: &Volume, path: &str) -> Result<Self, Failure> {
        let refused = |errno: Errno| root_refused(path, errno);
        let (parent, name) = split(path.as_bytes());
        if !path.starts_with('/') || name.is_empty() {
            return Err(Failure::bad_request(format!("root {path:?} is not the absolute path of a tree")));
        }
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let seen = openat2(CWD, path, LISTED, Mode::empty(), resolve).map_err(refused)?;
        let Some(top) = volume else {
            let parent = if parent.is_empty() { b"/" } else { parent };
            let shelter = openat2(CWD, parent, LISTED, Mode::empty(), resolve).map_err(refused)?;
            return Ok(Root { directory: seen, shelter });
        };
        // Renames work within one mount only, so both are opened through that of the disk.
        let directory = openat(top, ON_DISK, LISTED | OFlags::NOFOLLOW, Mode::empty()).map_err(refused)?;
        let shelter = openat(top, STAGING, LISTED | OFlags::NOFOLLOW, Mode::empty()).map_err(refused)?;
        if !is_same(&seen, &directory).map_err(refused)? {
            return Err(root_refused(path, Errno::XDEV));
        }
        Ok(Root { directory, shelter })
    }
}

/// Opens a tree that is only read: the workspace, or all of the machine's root that is no other mount.
pub fn open_to_read(volume: &Volume, path: &str) -> Result<OwnedFd, Failure> {
    if path != "/" {
        return Ok(Root::open(volume, path)?.directory);
    }
    openat2(CWD, path, LISTED, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        .map_err(|errno| root_refused(path, errno))
}

fn is_same(one: &OwnedFd, other: &OwnedFd) -> Result<bool, Errno> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

fn root_refused(path: &str, errno: Errno) -> Failure {
    let message = format!("the root {path:?} is not the directory it should be: {errno}");
    Failure::tree("dest_not_directory", message, Some(errno))
}

/// Opens a path beneath a directory; the empty path is the directory itself.
pub fn open_beneath(
    directory: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    create_beneath(directory, path, flags, Mode::empty(), resolve)
}

/// The same for a file that is made.
pub fn create_beneath(
    directory: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let directory = directory.as_fd();
    let flags = flags | OFlags::CLOEXEC;
    let is_empty = path.as_cow_c_str()?.is_empty();
    for _ in 0..MAX_LOOKS {
        let opened = match is_empty {
            true => openat2(directory, c".", flags, mode, resolve),
            false => openat2(directory, path, flags, mode, resolve),
        };
        match opened {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// What an error on a path means.
pub fn refused(path: &[u8], errno: Errno) -> Failure {
    let what = quoted(path);
    let (code, message) = match errno {
        Errno::NOENT => ("path_not_found", format!("there is no {what}")),
        Errno::NOTDIR => ("path_not_directory", format!("{what} is not, or does not lie in, a directory")),
        Errno::LOOP | Errno::XDEV => {
            ("path_escape", format!("{what} leads through a symlink or out of the tree"))
        }
        Errno::ISDIR => ("is_a_directory", format!("{what} is a directory")),
        Errno::EXIST => ("path_exists", format!("{what} exists")),
        Errno::NAMETOOLONG => ("path_too_long", format!("{what} is longer than a path may be")),
        Errno::NOSPC | Errno::DQUOT => ("guest_disk_full", format!("the disk is full at {what}")),
        _ => return Failure::internal(&what, &errno.into()),
    };
    Failure::tree(code, message, Some(errno))
}
