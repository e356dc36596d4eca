//! The output of a command: its two pipes or its terminal, and how much of them is owed to the host.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::records::{self, HEADER};
use crate::sys;

/// Largest payload of an output record. With both headers a record fills the 32 KiB that one write to the
/// virtio port takes.
const MAX_CHUNK: usize = 32 * 1024 - HEADER - 9;

/// One output pipe of a command.
#[derive(Debug)]
pub struct Output {
    kind: u8,
    pipe: Option<AsyncFd<OwnedFd>>,
    owed: usize,
}

impl Output {
    /// The read end of a pipe, as records of `kind`.
    pub fn new(kind: u8, pipe: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        Ok(Output { kind, pipe: Some(sys::watch(pipe, Interest::READABLE)?), owed: 0 })
    }

    /// The next output as a record; none at the end. Never resolves after the end.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(pipe) = &self.pipe else { return pending().await };
        let mut buffer = vec![];
        let length = loop {
            let mut ready = pipe.readable().await?;
            match ready.try_io(|pipe| fill(pipe.get_ref(), &mut buffer)) {
                Ok(length) => break length?,
                Err(_) => continue,
            }
        };
        self.owed = self.owed.saturating_sub(length);
        if length == 0 {
            self.pipe = None;
            return Ok(None);
        }
        buffer[..HEADER].copy_from_slice(&records::header(self.kind, length));
        Ok(Some(buffer.into()))
    }

    /// Output that never comes: a terminal has one for both kinds.
    pub fn none(kind: u8) -> Self {
        Output { kind, pipe: None, owed: 0 }
    }

    /// Notes that everything in the pipe at this moment must reach the host.
    pub fn owe_rest(&mut self) {
        let unread = self.pipe.as_ref().and_then(|pipe| ioctl_fionread(pipe).ok());
        self.owed = unread.and_then(|unread| usize::try_from(unread).ok()).unwrap_or(0);
    }

    /// Whether the host has all that it must get.
    pub fn is_paid(&self) -> bool {
        self.owed == 0 || self.is_over()
    }

    /// Whether every writer has closed the pipe.
    pub fn is_over(&self) -> bool {
        self.pipe.is_none()
    }
}

/// Reads behind room for the header of a record.
pub fn fill(pipe: impl AsFd, buffer: &mut Vec<u8>) -> io::Result<usize> {
    if buffer.is_empty() {
        buffer.reserve_exact(HEADER + MAX_CHUNK);
        buffer.resize(HEADER, 0);
    }
    loop {
        match read(&pipe, spare_capacity(buffer)) {
            Err(Errno::INTR) => {}
            // A terminal that nobody has open any more.
            Err(Errno::IO) => return Ok(0),
            other => return Ok(other?),
        }
    }
}
