//! On the host: passes an open file to whoever is at the other end of a Unix socket.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::sys;

/// Descriptor of the socket; none of the first three, which whoever starts a program makes blocking.
const SOCKET: i32 = 3;
const FILE: i32 = 4;

/// Sends `text` over the socket, and the file with it.
pub fn run(text: &str) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [sys::inherited(FILE)];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    let parts = [IoSlice::new(text.as_bytes())];
    let sent = sendmsg(sys::inherited(SOCKET), &parts, &mut ancillary, SendFlags::empty())?;
    if sent == text.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
