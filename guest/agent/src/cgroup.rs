//! Control groups (version 2): one leaf per command.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::process::{Pid, Signal, kill_process};

/// Where the hierarchy is mounted.
pub const ROOT: &str = "/sys/fs/cgroup";
/// Processes and threads of one command: more than a build has, and few enough to be killed in time.
const MAX_PROCESSES: &str = "2048";
const CONTROLLERS: [&str; 2] = ["+memory", "+pids"];

/// The leaves of all commands.
#[derive(Debug, Default)]
pub struct Cgroups {
    count: Cell<u64>,
    leftovers: Rc<RefCell<Vec<PathBuf>>>,
}

impl Cgroups {
    /// Turns the controllers on for the leaves, those that the kernel has.
    pub fn enable_controllers() {
        for controller in CONTROLLERS {
            // Without a controller the leaves still kill, they only count less.
            let _ = fs::write(Path::new(ROOT).join("cgroup.subtree_control"), controller);
        }
    }

    /// Makes a leaf without members, and removes the leaves whose last process has ended.
    pub fn create(&self) -> io::Result<Leaf> {
        self.leftovers.borrow_mut().retain(|path| fs::remove_dir(path).is_err());
        self.count.set(self.count.get() + 1);
        let path = Path::new(ROOT).join(format!("exec-{}", self.count.get()));
        fs::create_dir(&path)?;
        // Without the controller there is no such file, and no limit.
        let _ = fs::write(path.join("pids.max"), MAX_PROCESSES);
        Ok(Leaf { path, number: OnceCell::new(), leftovers: Rc::clone(&self.leftovers) })
    }
}

/// The control group of one command.
#[derive(Debug)]
pub struct Leaf {
    path: PathBuf,
    number: OnceCell<Option<u32>>,
    leftovers: Rc<RefCell<Vec<PathBuf>>>,
}

impl Leaf {
    /// The file to which a process writes to become a member.
    pub fn open(&self) -> io::Result<OwnedFd> {
        Ok(OpenOptions::new().write(true).open(self.path.join("cgroup.procs"))?.into())
    }

    /// The kernel's number for it, its lower half.
    pub fn number(&self) -> Option<u32> {
        let look = || fs::metadata(&self.path).ok().map(|leaf| (leaf.ino() & u64::from(u32::MAX)) as u32);
        *self.number.get_or_init(look)
    }

    /// Kills every member; true when there is none.
    pub fn kill(&self) -> bool {
        if self.is_empty() {
            return true;
        }
        // The next look at the members shows whether it worked.
        let _ = File::options()
            .write(true)
            .open(self.path.join("cgroup.kill"))
            .and_then(|mut file| io::Write::write_all(&mut file, b"1"));
        self.is_empty()
    }

    /// Signals every member that there is at this moment.
    pub fn signal(&self, signal: Signal) {
        let members = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
            // An error means that it has ended meanwhile.
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether the kernel killed a member for memory.
    pub fn is_oom_killed(&self) -> bool {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        events.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count != "0")
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        let events = fs::read_to_string(self.path.join("cgroup.events")).unwrap_or_default();
        !events.lines().any(|line| line == "populated 1")
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        // A process that outlives its command keeps the leaf busy.
        if fs::remove_dir(&self.path).is_err() {
            self.leftovers.borrow_mut().push(std::mem::take(&mut self.path));
        }
    }
}
