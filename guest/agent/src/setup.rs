//! The setup of a machine: its randomness, time, names and root.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chroot;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{Mode, mkdirat, open};
use rustix::io::Errno;
use rustix::mount::mount_move;
use rustix::system::sethostname;
use rustix::time::{ClockId, Timespec, clock_settime};

use crate::boot::{make_directory, mount_all, resized_block_device};
use crate::egress::resolv_conf;
use crate::failure::Failure;
use crate::files::root::{LISTED, STAGING, Volume};
use crate::files::staging::remove_leftovers;
use crate::messages::{Disk, SetupRequest};
use crate::mount_table::{self, DISK, NEW_ROOT};
use crate::root_places::{make_expected, make_file, make_mount_point, put, text};
use crate::sys;

const MIN_ENTROPY: usize = 64;
/// Linux takes no longer host name.
const MAX_HOSTNAME: usize = 64;

/// A setup whose values have been checked
#[derive(Debug)]
pub struct Setup {
    hostname: String,
    machine_id: String,
    entropy: Vec<u8>,
    wall_time: Timespec,
    has_root: bool,
    disk: Option<Disk>,
}

impl Setup {
    /// Checks every value before anything is done.
    pub fn check(request: SetupRequest) -> Result<Self, Failure> {
        let bad = |message: &str| Err(Failure::bad_request(message));
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if !(1..=MAX_HOSTNAME).contains(&request.hostname.len()) || !request.hostname.bytes().all(is_label) {
            return bad("hostname must be 1 to 64 letters, digits, hyphens and dots");
        }
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if request.machine_id.len() != 32 || !request.machine_id.bytes().all(is_digit) {
            return bad("machine_id must be 32 hexadecimal digits");
        }
        let entropy = STANDARD.decode(&request.entropy).unwrap_or_default();
        if !(MIN_ENTROPY..=sys::MAX_ENTROPY).contains(&entropy.len()) {
            return bad("entropy must be 64 to 512 bytes in base64");
        }
        let wall_time = wall_time(request.wall_time_unix_ms)?;
        if request.root.is_none() && request.disk.is_some() {
            return bad("a disk needs a root");
        }
        Ok(Setup {
            hostname: request.hostname,
            machine_id: request.machine_id,
            entropy,
            wall_time,
            has_root: request.root.is_some(),
            disk: request.disk,
        })
    }

    /// Makes this machine itself, and returns its boot id and its writable disk.
    pub fn apply(&self) -> Result<(String, Volume), Failure> {
        let step = |stage: &'static str| move |error: io::Error| Failure::internal(stage, &error);
        self.seed().map_err(step("entropy"))?;
        set_wall_clock(self.wall_time)?;
        sethostname(self.hostname.as_bytes()).map_err(|errno| step("hostname")(errno.into()))?;
        let mut volume = None;
        if self.has_root {
            volume = Some(Arc::new(self.mount_disk().map_err(step("disk"))?));
            enter_new_root().map_err(step("root"))?;
        }
        self.write_names().map_err(step("names"))?;
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(step("boot_id"))?;
        Ok((boot_id.trim_end().to_string(), volume))
    }

    fn seed(&self) -> io::Result<()> {
        Ok(sys::reseed(File::options().write(true).open("/dev/urandom")?, &self.entropy)?)
    }

    /// The disk stays open: its top is not seen from the new root.
    fn mount_disk(&self) -> io::Result<OwnedFd> {
        let find = |disk: &Disk| resized_block_device(&disk.serial, disk.size_bytes);
        let device = self.disk.as_ref().map(find).transpose()?;
        mount_all(&[mount_table::writable(device.as_deref())])?;
        let top = open(DISK, LISTED, Mode::empty())?;
        // A disk that is new has nothing to be removed from it.
        match mkdirat(&top, STAGING, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) => remove_leftovers(&top),
            Err(errno) => return Err(errno.into()),
        }
        ["upper", "work", "workspace"]
            .iter()
            .try_for_each(|name| make_directory(&format!("{DISK}/{name}"), 0o755))?;
        Ok(top)
    }

    fn write_names(&self) -> io::Result<()> {
        make_directory("/workspace", 0o755)?;
        make_expected(Path::new("/"))?;
        put(Path::new("/etc/hostname"), &format!("{}\n", self.hostname), 0o644)?;
        put(Path::new("/etc/machine-id"), &format!("{}\n", self.machine_id), 0o444)?;
        let known = text(Path::new("/etc/hosts"));
        put(Path::new("/etc/hosts"), &hosts(&known, &self.hostname), 0o644)?;
        resolv_conf::forget(Path::new(resolv_conf::PATH))?;
        make_file(Path::new(resolv_conf::PATH))
    }
}

/// A time of the host's, as the kernel takes it.
pub fn wall_time(unix_ms: u64) -> Result<Timespec, Failure> {
    let milliseconds =
        i64::try_from(unix_ms).map_err(|_| Failure::bad_request("wall_time_unix_ms is out of range"))?;
    Ok(Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 })
}

/// Sets the wall clock.
pub fn set_wall_clock(time: Timespec) -> Result<(), Failure> {
    clock_settime(ClockId::Realtime, time).map_err(|errno| Failure::internal("wall_time", &errno.into()))
}

/// Puts the root together and makes it the root of PID 1 and of everything it starts.
fn enter_new_root() -> io::Result<()> {
    let mounts = mount_table::new_root();
    let (root, inside) = mounts.split_at(1);
    mount_all(root)?;
    inside.iter().try_for_each(|mount| make_mount_point(Path::new(&mount.target)))?;
    mount_all(inside)?;
    std::env::set_current_dir(NEW_ROOT)?;
    mount_move(".", "/")?;
    chroot(".")?;
    std::env::set_current_dir("/")
}

/// The hosts file with this machine's names for its loopback; other lines stay.
fn hosts(known: &str, hostname: &str) -> String {
    let is_ours = |line: &&str| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("127.0.0.1" | "::1")) && words.any(|word| word == "localhost")
    };
    let others: String =
        known.lines().filter(|line| !is_ours(line)).map(|line| format!("{line}\n")).collect();
    format!("127.0.0.1 localhost {hostname}\n::1 localhost ip6-localhost ip6-loopback\n{others}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SetupRequest {
        SetupRequest {
            hostname: "pyro-1".to_string(),
            machine_id: "0123456789abcdef".repeat(2),
            entropy: STANDARD.encode([7; 64]),
            wall_time_unix_ms: 1_790_000_000_123,
            root: None,
            disk: None,
        }
    }

    fn is_refused(change: impl FnOnce(&mut SetupRequest)) -> bool {
        let mut changed = request();
        change(&mut changed);
        Setup::check(changed).is_err_and(|failure| failure.code == "bad_request")
    }

    #[test]
    fn values_are_checked() {
        let setup = Setup::check(request()).unwrap();
        assert_eq!((setup.wall_time.tv_sec, setup.wall_time.tv_nsec), (1_790_000_000, 123_000_000));
        assert!(is_refused(|request| request.hostname.clear()));
        assert!(is_refused(|request| request.hostname = "a b".to_string()));
        assert!(is_refused(|request| request.hostname = "a".repeat(65)));
        assert!(is_refused(|request| request.machine_id = "A".repeat(32)));
        assert!(is_refused(|request| request.entropy = STANDARD.encode([7; 63])));
        assert!(is_refused(|request| request.entropy = STANDARD.encode([7; 513])));
        assert!(is_refused(|request| request.entropy = "!".repeat(100)));
        assert!(is_refused(|request| request.wall_time_unix_ms = u64::MAX));
        assert!(is_refused(|request| request.disk = Some(Disk { serial: "rw".to_string(), size_bytes: 1 })));
    }

    #[test]
    fn the_hosts_file_keeps_other_lines_and_settles() {
        let first = hosts("127.0.0.1 localhost old\n10.0.0.1 db\n::1 localhost\n", "new");
        assert!(first.starts_with("127.0.0.1 localhost new\n::1 localhost"));
        assert!(first.ends_with("10.0.0.1 db\n"));
        assert!(!first.contains("old"));
        assert_eq!(hosts(&first, "new"), first);
    }
}
