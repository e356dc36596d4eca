//! What is mounted where: at boot, and when the machine gets its root.

use rustix::mount::MountFlags;

/// Where the read-only root image is mounted at boot.
pub const LOWER: &str = "/lower";
/// Where the writable disk is mounted.
pub const DISK: &str = "/disk";
/// Where secrets are, in memory alone.
pub const SECRETS: &str = "/run/pyro-secrets";
/// Where the root is put together.
pub const NEW_ROOT: &str = "/newroot";

/// One mount
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What to mount
    pub how: How,
    /// Directory, made when it is missing
    pub target: String,
}

/// What to mount
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A file system
    New {
        /// Device, or any name where there is none
        source: String,
        /// Kind of the file system
        file_system: String,
        /// Flags of the mount
        flags: MountFlags,
        /// Options of the file system
        options: String,
    },
    /// A directory that is mounted elsewhere as well
    Bind(String),
    /// A mount, with all below it, that leaves its old place
    Move(String),
}

const NO_PROGRAMS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
/// The kernel's own mounts, which follow the machine into its root.
const KERNEL_MOUNTS: [&str; 4] = ["proc", "sys", "dev", "run"];

fn mount(source: &str, target: &str, file_system: &str, flags: MountFlags, options: &str) -> Mount {
    let how = How::New {
        source: source.to_string(),
        file_system: file_system.to_string(),
        flags,
        options: options.to_string(),
    };
    Mount { how, target: target.to_string() }
}

/// The mounts without which the agent sees nothing.
pub fn kernel() -> Vec<Mount> {
    vec![
        mount("proc", "/proc", "proc", NO_PROGRAMS, ""),
        mount("sysfs", "/sys", "sysfs", NO_PROGRAMS, ""),
        mount("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, "mode=755"),
    ]
}

/// The mounts that commands expect.
pub fn commands() -> Vec<Mount> {
    let pts = MountFlags::NOSUID | MountFlags::NOEXEC;
    vec![
        mount("devpts", "/dev/pts", "devpts", pts, "newinstance,ptmxmode=666,mode=620,gid=5"),
        mount("tmpfs", "/dev/shm", "tmpfs", NO_DEVICES, "mode=1777"),
        mount("tmpfs", "/run", "tmpfs", NO_DEVICES, "mode=755"),
        // favordynmods: a process joins a group faster, which every command does, and forks and ends slower.
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", NO_PROGRAMS, "favordynmods"),
    ]
}

/// The memory for secrets, root's alone.
pub fn secrets() -> Mount {
    mount("tmpfs", SECRETS, "tmpfs", NO_PROGRAMS, "mode=700,size=2m,nr_inodes=128")
}

/// The read-only root image.
pub fn root_image(device: &str, file_system: &str) -> Mount {
    mount(device, LOWER, file_system, MountFlags::RDONLY, "")
}

/// The file system for everything that is written: a disk, or memory.
pub fn writable(device: Option<&str>) -> Mount {
    match device {
        Some(device) => {
            mount(device, DISK, "ext4", MountFlags::NOATIME, "noinit_itable,no_prefetch_block_bitmaps")
        }
        None => mount("tmpfs", DISK, "tmpfs", MountFlags::empty(), "mode=755"),
    }
}

/// The new root, once the directories on the writable file system exist.
pub fn new_root() -> Vec<Mount> {
    let layers = format!("lowerdir={LOWER},upperdir={DISK}/upper,workdir={DISK}/work");
    let workspace =
        Mount { how: How::Bind(format!("{DISK}/workspace")), target: format!("{NEW_ROOT}/workspace") };
    let moved = KERNEL_MOUNTS
        .iter()
        .map(|name| Mount { how: How::Move(format!("/{name}")), target: format!("{NEW_ROOT}/{name}") });
    [mount("overlay", NEW_ROOT, "overlay", MountFlags::NOATIME, &layers), workspace]
        .into_iter()
        .chain(moved)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(mounts: &[Mount]) -> Vec<&str> {
        mounts.iter().map(|mount| mount.target.as_str()).collect()
    }

    #[test]
    fn a_mount_comes_after_the_one_it_lies_in() {
        let all = [kernel(), commands()].concat();
        for (index, inner) in targets(&all).iter().enumerate() {
            let outer = targets(&all).iter().rposition(|outer| inner.starts_with(&format!("{outer}/")));
            assert!(outer.is_none_or(|outer| outer < index), "{inner}");
        }
    }

    #[test]
    fn the_new_root_takes_every_kernel_mount_along() {
        let expected = [
            "/newroot",
            "/newroot/workspace",
            "/newroot/proc",
            "/newroot/sys",
            "/newroot/dev",
            "/newroot/run",
        ];
        assert_eq!(targets(&new_root()), expected);
        assert!(
            kernel()
                .iter()
                .all(|mount| { new_root().iter().any(|moved| moved.how == How::Move(mount.target.clone())) })
        );
    }

    #[test]
    fn secrets_lie_in_memory_below_memory() {
        let memory =
            |entry: &Mount| matches!(&entry.how, How::New { file_system, .. } if file_system == "tmpfs");
        let run = commands().into_iter().find(|entry| SECRETS.starts_with(&format!("{}/", entry.target)));
        assert!(memory(&secrets()) && run.is_some_and(|run| memory(&run)));
    }

    #[test]
    fn without_a_disk_memory_is_written() {
        let kind = |device| match writable(device).how {
            How::New { file_system, .. } => file_system,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(kind(None), "tmpfs");
        assert_eq!(kind(Some("/dev/vdb")), "ext4");
    }
}
