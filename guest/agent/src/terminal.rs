//! Pseudo terminals of commands: opened, resized, and who gets a signal that is sent to one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::io::Errno;
use rustix::process::{Signal, kill_process_group};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};

use crate::failure::Failure;
use crate::messages::{ResizeRequest, TerminalSize};

/// Most columns and most lines of a terminal.
pub const MAX_SIZE: u16 = 1000;

/// Opens a terminal: our end of it, and the one for a command.
pub fn open(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    tcsetwinsize(&ours, winsize(size.cols, size.rows))?;
    Ok((ours, theirs))
}

/// Refuses a size that no terminal has.
pub fn check(cols: u16, rows: u16) -> Result<(), Failure> {
    let may = 1..=MAX_SIZE;
    if may.contains(&cols) && may.contains(&rows) {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "a terminal of {cols} columns and {rows} lines is not from 1 to {MAX_SIZE}"
    )))
}

fn winsize(cols: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The terminals of running commands, by process id.
#[derive(Debug, Default)]
pub struct Terminals(Rc<RefCell<BTreeMap<u32, OwnedFd>>>);

/// Keeps a terminal known; it is forgotten when this is dropped.
#[derive(Debug)]
pub struct Seat {
    pid: u32,
    terminals: Rc<RefCell<BTreeMap<u32, OwnedFd>>>,
}

impl Terminals {
    /// Makes the terminal of a command known.
    pub fn seat(&self, pid: u32, ours: OwnedFd) -> Seat {
        self.0.borrow_mut().insert(pid, ours);
        Seat { pid, terminals: Rc::clone(&self.0) }
    }

    /// Whether the command has one.
    pub fn has(&self, pid: u32) -> bool {
        self.0.borrow().contains_key(&pid)
    }

    /// Gives a terminal another size; the kernel tells whoever is in its foreground.
    pub fn resize(&self, request: &ResizeRequest) -> Result<(), Failure> {
        check(request.cols, request.rows)?;
        let terminals = self.0.borrow();
        let terminal = terminals.get(&request.pid).ok_or_else(|| Failure::no_such_process(request.pid))?;
        tcsetwinsize(terminal, winsize(request.cols, request.rows))
            .map_err(|errno| Failure::internal("resize", &errno.into()))
    }

    /// Sends a signal to the foreground of a terminal; none where the command has no terminal.
    pub fn signal(&self, pid: u32, signal: Signal) -> Option<Result<(), Failure>> {
        let terminals = self.0.borrow();
        let terminal = terminals.get(&pid)?;
        let sent = tcgetpgrp(terminal).and_then(|group| kill_process_group(group, signal));
        Some(match sent {
            // A foreground that has just ended, and one that nobody has taken, are left alone as by the kernel.
            Ok(()) | Err(Errno::SRCH | Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(Failure::internal("kill", &errno.into())),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.terminals.borrow_mut().remove(&self.pid);
    }
}
