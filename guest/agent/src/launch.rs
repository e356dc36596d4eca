//! On the host: starts a program that dies with its parent and inherits no file but those meant for it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::sys;

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
