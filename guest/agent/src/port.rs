//! The virtio port: the one byte stream to the host, on which connections follow one another.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{read, write};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::boot::Booted;
use crate::cgroup::Cgroups;
use crate::connection;
use crate::frames::FrameWalk;
use crate::messages::Mode;
use crate::sys;

/// What the kernel driver gives to one read.
const READ_SIZE: usize = 4096;
/// What the kernel driver takes from one write.
const WRITE_SIZE: usize = 32 << 10;
/// A machine that nobody talks to for this long after boot is nobody's.
const HOST_DEADLINE: Duration = Duration::from_secs(120);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Serves one connection after another until the host is gone.
pub async fn serve(booted: Booted) -> io::Result<()> {
    wait_for_host(&booted.port).await?;
    let agent = Rc::new(Agent::new(Mode::Guest, Some(Cgroups::default()), booted.root));
    let reaper = Rc::clone(&agent);
    spawn_local(async move { reaper.reaper.run().await });
    let mut port = Port::new(booted.port)?;
    while port.begin().await? {
        connection::serve(&agent, &mut port).await;
    }
    Ok(())
}

async fn wait_for_host(port: &File) -> io::Result<()> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !is_connected(port)? {
        if started.elapsed() > HOST_DEADLINE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no host has connected"));
        }
        sleep(pause).await;
        pause = (pause + Duration::from_millis(1)).min(LONGEST_PAUSE);
    }
    Ok(())
}

fn is_connected(port: &File) -> io::Result<bool> {
    let mut ports = [PollFd::new(port, PollFlags::IN)];
    poll(&mut ports, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(!ports[0].revents().contains(PollFlags::HUP))
}

/// The stream of one connection at a time: it ends where the next connection begins.
#[derive(Debug)]
struct Port {
    file: AsyncFd<OwnedFd>,
    walk: FrameWalk,
    /// Read from the port, but not yet by a connection
    early: BytesMut,
    is_at_next: bool,
    is_gone: bool,
    gathered: Vec<u8>,
}

impl Port {
    fn new(file: File) -> io::Result<Self> {
        Ok(Port {
            file: sys::watch(file.into(), Interest::READABLE | Interest::WRITABLE)?,
            walk: FrameWalk::default(),
            early: BytesMut::new(),
            is_at_next: false,
            is_gone: false,
            gathered: Vec::with_capacity(WRITE_SIZE),
        })
    }

    /// Drops what is left of the last connection; false when the host is gone.
    async fn begin(&mut self) -> io::Result<bool> {
        let mut rest = [0; READ_SIZE];
        while !self.is_at_next && !self.is_gone {
            let _dropped = self.read(&mut rest).await?;
        }
        self.is_at_next = false;
        self.walk = FrameWalk::at_preface();
        Ok(!self.is_gone)
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, room: usize) -> Poll<io::Result<BytesMut>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(room);
            return Poll::Ready(Ok(self.early.split_to(length)));
        }
        let mut bytes = [0; READ_SIZE];
        let room = room.min(READ_SIZE);
        loop {
            let mut ready = ready!(self.file.poll_read_ready(context))?;
            if let Ok(length) = ready.try_io(|file| Ok(read(file, &mut bytes[..room])?)) {
                return Poll::Ready(Ok(bytes[..length?].into()));
            }
        }
    }

    fn poll_write_bytes(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.file.poll_write_ready(context))?;
            if let Ok(written) = ready.try_io(|file| Ok(write(file, bytes)?)) {
                return Poll::Ready(written);
            }
        }
    }
}

impl AsyncRead for Port {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let port = self.get_mut();
        if port.is_at_next || port.is_gone {
            return Poll::Ready(Ok(()));
        }
        let mut bytes = ready!(port.poll_bytes(context, buffer.remaining()))?;
        port.is_gone = bytes.is_empty();
        if let Some(at) = port.walk.find_preface(&bytes) {
            let mut next = bytes.split_off(at);
            next.unsplit(port.early.split());
            port.early = next;
            port.is_at_next = true;
        }
        buffer.put_slice(bytes.chunk());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_bytes(context, bytes)
    }

    /// Gathers, because the driver makes a message to the host of every slice.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let port = self.get_mut();
        port.gathered.clear();
        for slice in slices {
            let room = WRITE_SIZE - port.gathered.len();
            port.gathered.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        port.poll_write_bytes(context, &port.gathered)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
