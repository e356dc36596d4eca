//! On the host: starts a program that dies with its parent and inherits no file but those meant for it, and a program in a cage.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::sys;

/// Time in which the threads of a process that was killed let go of its files.
const CLOSING: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// Becomes `command`, with the descriptors up to `last_fd`; returns only what kept it from that.
///
/// A parent that ended before the death signal was asked for has another parent in its place.
pub fn run(parent: i32, last_fd: i32, command: &[&str]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is no program to launch");
    };
    let prepared = die_with(parent).and_then(|()| keep_up_to(last_fd));
    match prepared {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
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

fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match getppid().map(Pid::as_raw_pid) {
        Some(pid) if pid == parent => Ok(()),
        _ => Err(io::Error::other("the parent has ended")),
    }
}

fn keep_up_to(last_fd: i32) -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name());
    let open: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    open.into_iter().filter(|fd| *fd > last_fd).for_each(sys::close_on_exec);
    Ok(())
}
