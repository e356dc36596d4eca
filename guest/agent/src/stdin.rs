//! What the host sends in a stream: parameters first, then, for a command, the standard input into its pipe.

use std::future::{pending, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use h2::RecvStream;
use rustix::io::{ioctl_fionbio, write};
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::failure::Failure;
use crate::messages::decode;
use crate::records::{self, Decoder, Malformed, Piece};
use crate::sys;

/// Why the host's side of a stream ended early.
#[derive(Debug)]
pub enum Broken {
    /// The stream was reset or the connection lost
    Lost,
    /// The body is not a sequence of records
    Malformed,
}

impl From<h2::Error> for Broken {
    fn from(_: h2::Error) -> Self {
        Broken::Lost
    }
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Broken::Malformed
    }
}

/// The body of a request that is a stream.
#[derive(Debug)]
pub struct Body {
    stream: RecvStream,
    decoder: Decoder,
    unread: Bytes,
}

impl Body {
    /// A body of which nothing has been read.
    pub fn new(stream: RecvStream) -> Self {
        Body { stream, decoder: Decoder::default(), unread: Bytes::new() }
    }

    /// Reads the record with the parameters.
    pub async fn params<Params: DeserializeOwned>(&mut self) -> Result<Params, Failure> {
        let absent = || Failure::bad_request("the body does not begin with a whole record of kind 0");
        self.message().await?.ok_or_else(absent)
    }

    /// Reads a record that is a message; none at the end of the body.
    pub async fn message<Message: DeserializeOwned>(&mut self) -> Result<Option<Message>, Failure> {
        let mut json = vec![];
        loop {
            let piece = match self.next().await {
                Ok(Some(piece)) if piece.kind == records::JSON => piece,
                Ok(None) if json.is_empty() => return Ok(None),
                Ok(_) => {
                    return Err(Failure::bad_request(
                        "the body does not go on with a whole record of kind 0",
                    ));
                }
                Err(_) => return Err(Failure::bad_request("the body is not a sequence of records")),
            };
            json.extend_from_slice(&piece.bytes);
            self.release(piece.bytes.len());
            if piece.is_last {
                return decode(&json).map(Some);
            }
        }
    }

    /// Feeds the pipe until the host ends the input, then closes it. Resolves only when the host breaks off.
    pub async fn feed(mut self, mut pipe: Option<Stdin>) -> Broken {
        loop {
            match self.next().await {
                Ok(Some(piece)) if piece.kind == records::STDIN => {
                    if let Some(open) = &pipe
                        && open.write(&piece.bytes).await.is_err()
                    {
                        // The command has closed its input; what follows is dropped.
                        pipe = None;
                    }
                    self.release(piece.bytes.len());
                }
                Ok(Some(_)) => return Broken::Malformed,
                Ok(None) => break,
                Err(broken) => return broken,
            }
        }
        drop(pipe);
        pending().await
    }

    /// The next piece, whose bytes the caller releases; none at the end of the body.
    pub async fn next(&mut self) -> Result<Option<Piece>, Broken> {
        loop {
            let before = self.unread.len();
            let piece = self.decoder.next(&mut self.unread)?;
            let payload = piece.as_ref().map_or(0, |piece| piece.bytes.len());
            self.release(before - self.unread.len() - payload);
            if piece.is_some() {
                return Ok(piece);
            }
            self.unread = match self.stream.data().await {
                Some(bytes) => bytes?,
                None if self.decoder.is_between_records() => return Ok(None),
                None => return Err(Broken::Malformed),
            };
        }
    }

    /// The next piece if it has come already.
    pub async fn next_at_once(&mut self) -> Option<Result<Option<Piece>, Broken>> {
        let mut next = pin!(self.next());
        poll_fn(|context| match next.as_mut().poll(context) {
            Poll::Ready(piece) => Poll::Ready(Some(piece)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Grants the host as much more.
    pub fn release(&mut self, length: usize) {
        // An error means that the stream is over, which the next read reports.
        let _ = self.stream.flow_control().release_capacity(length);
    }
}

/// The write end of a command's standard input.
#[derive(Debug)]
pub struct Stdin(AsyncFd<OwnedFd>);

impl Stdin {
    /// Takes over the write end of a pipe.
    pub fn new(pipe: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        Ok(Stdin(sys::watch(pipe, Interest::WRITABLE)?))
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|pipe| Ok(write(pipe.get_ref(), bytes)?)) {
                Ok(length) => bytes = &bytes[length?..],
                Err(_) => continue,
            }
        }
        Ok(())
    }
}
