//! On the host: supervises a program that inherits no file but those meant for it, and begins a program in a cage.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process, pidfd_open, set_child_subreaper,
    wait,
};

use crate::sys;

/// Time in which the threads of a process that was killed let go of its files.
const CLOSING: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// The descriptor whose other end nobody has but who started this: when it hangs up, nobody wants the program.
const LIFE_LINE: i32 = 0;

/// Runs `command` with the descriptors from 1 to `last_fd`, and tells how it ended. Nothing of what it started outlives it, or the
/// other end of the life line.
pub fn run(last_fd: i32, command: &[&str]) -> io::Result<WaitStatus> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no program to launch"));
    };
    // What loses its parent in the moment in which it is made comes to us.
    set_child_subreaper(Some(getpid()))?;
    open_files()?.into_iter().filter(|fd| *fd > last_fd).for_each(sys::close_on_exec);
    let mut command = Command::new(program);
    sys::bind_to_us(command.args(arguments).stdin(Stdio::null()));
    let main = Pid::from_child(&command.spawn()?);
    let watched = pidfd_open(main, PidfdFlags::empty()).and_then(|pidfd| until_end(&pidfd));
    let status = end_all(main);
    watched?;
    status
}

/// Becomes `command`, unless nobody is at the other end of the socket `fd`; returns only what kept it from that.
///
/// In a cage the parent is not to be seen. Its death signal is asked for by now, so that a parent which ended before is one whose
/// sockets are closed, or will be at once.
pub fn attend(fd: i32, command: &[&str]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is no program to begin");
    };
    match is_hung_up(fd) {
        Ok(false) => Command::new(program).args(arguments).exec(),
        Ok(true) => io::Error::other("nobody waits for it"),
        Err(error) => error.into(),
    }
}

fn is_hung_up(fd: i32) -> rustix::io::Result<bool> {
    let socket = sys::inherited(fd);
    let mut watched = [PollFd::new(&socket, PollFlags::empty())];
    poll(&mut watched, Some(&CLOSING))?;
    Ok(watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

/// Waits until the program has ended, or nobody is at the other end of the life line.
fn until_end(main: &OwnedFd) -> rustix::io::Result<()> {
    let_go(main);
    sys::forget_code();
    let line = sys::inherited(LIFE_LINE);
    let mut watched = [PollFd::new(&line, PollFlags::RDHUP), PollFd::new(main, PollFlags::IN)];
    loop {
        match poll(&mut watched, None) {
            Err(Errno::INTR) => {}
            result => return result.map(|_| ()),
        }
    }
}

/// Closes what belongs to the program: as long as it is open here, nobody sees the end of it.
fn let_go(main: &OwnedFd) {
    let kept = [LIFE_LINE, main.as_raw_fd()];
    let open = open_files().unwrap_or_default();
    open.into_iter().filter(|fd| !kept.contains(fd)).for_each(sys::close);
}

/// Kills every child, those that come to us by that as well, until there is none; tells how `main` ended.
fn end_all(main: Pid) -> io::Result<WaitStatus> {
    let mut ended = Err(io::Error::from(Errno::CHILD));
    loop {
        for child in children().unwrap_or_else(|_| vec![main]) {
            // One that may not be killed, or has ended, is waited for.
            let _ = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => ended = Ok(status),
            Err(Errno::CHILD) => return ended,
            _ => {}
        }
    }
}

fn children() -> io::Result<Vec<Pid>> {
    let list = fs::read_to_string("/proc/thread-self/children")?;
    Ok(list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect())
}

/// Descriptors that are open, besides the one that the list is read by.
fn open_files() -> io::Result<Vec<i32>> {
    let names = fs::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
}
