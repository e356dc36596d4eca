//! How full the file systems are that a command could write to.

use std::time::Duration;

use rustix::fs::{StatVfs, StatVfsMountFlags, stat, statvfs};
use rustix::io::Errno;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::messages::{FreeSpace, Place};

/// A file system that does not answer by then, such as one of a dead server, is left out.
const DEADLINE: Duration = Duration::from_secs(1);
const TMP: &str = "/tmp";
/// What JSON numbers hold exactly on the host.
const LARGEST: u64 = (1 << 53) - 1;

/// Looks at the file system of `cwd`, and at that of `/tmp` if it is another.
pub async fn look(cwd: String) -> Vec<FreeSpace> {
    match timeout(DEADLINE, spawn_blocking(move || places(&cwd))).await {
        Ok(Ok(found)) => found,
        _ => vec![],
    }
}

fn places(cwd: &str) -> Vec<FreeSpace> {
    let mut found: Vec<FreeSpace> = at(Place::Cwd, cwd).into_iter().collect();
    if let (Ok(cwd), Ok(tmp)) = (device(cwd), device(TMP))
        && cwd != tmp
    {
        found.extend(at(Place::Tmp, TMP));
    }
    found
}

fn device(path: &str) -> Result<u64, Errno> {
    Ok(stat(path)?.st_dev)
}

fn at(place: Place, path: &str) -> Option<FreeSpace> {
    let found = statvfs(path).ok()?;
    // Nothing was ever written to one that is read-only, nor to one without blocks, such as /proc.
    let is_writable = found.f_blocks > 0 && !found.f_flag.contains(StatVfsMountFlags::RDONLY);
    is_writable.then(|| free(place, &found))
}

fn free(place: Place, found: &StatVfs) -> FreeSpace {
    let bytes = found.f_bavail.saturating_mul(found.f_frsize).min(LARGEST);
    // A file system without a table of inodes says that it has none at all.
    let inodes = (found.f_files > 0).then_some(found.f_favail.min(LARGEST));
    FreeSpace { place, bytes, inodes }
}
