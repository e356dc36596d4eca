//! An answer in records that a thread of its own makes, as fast as the host takes it.

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::StatusCode;
use rustix::io::Errno;
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::failure::Failure;
use crate::records::{self, HEADER};
use crate::reply::{Cancelled, cancelled, head, json, send_data, send_failure};

const RECORDS: &str = "application/octet-stream";
/// With the header of its frame a piece of this size fills one write to the virtio port.
const FULL: usize = (32 << 10) - 9;
/// A data record with less room than this waits for the next piece.
const LEAST_DATA: usize = 4 << 10;
/// Pieces that may wait for the host.
const PIECES: usize = 4;

/// Why a thread stops before its work is done.
#[derive(Debug)]
pub enum Stop {
    /// Nobody waits for the answer
    Cancelled,
    /// It cannot go on
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// Where a thread puts its records.
#[derive(Debug)]
pub struct Sink {
    sender: Sender<Bytes>,
    buffer: Vec<u8>,
}

impl Sink {
    /// Adds a JSON record.
    pub fn event<T: Serialize>(&mut self, event: &T) -> Result<(), Stop> {
        let json = json(event);
        self.buffer.extend_from_slice(&records::header(records::JSON, json.len()));
        self.buffer.extend_from_slice(&json);
        if self.buffer.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Adds a data record of at most `wanted` bytes with what `fill` puts into it; the number of bytes is 0 at the end of a file.
    pub fn data(
        &mut self,
        wanted: u64,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) -> Result<Result<usize, Errno>, Stop> {
        if self.buffer.len() + HEADER + LEAST_DATA > FULL {
            self.flush()?;
        }
        let start = self.buffer.len();
        let room = FULL - start - HEADER;
        let room = usize::try_from(wanted).map_or(room, |wanted| wanted.min(room));
        self.buffer.resize(start + HEADER + room, 0);
        let filled = fill(&mut self.buffer[start + HEADER..]);
        let length = filled.unwrap_or(0);
        if length == 0 {
            self.buffer.truncate(start);
        } else {
            self.buffer[start..start + HEADER].copy_from_slice(&records::header(records::DATA, length));
            self.buffer.truncate(start + HEADER + length);
        }
        Ok(filled)
    }

    /// Hands on what has been added.
    pub fn flush(&mut self) -> Result<(), Stop> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(FULL));
        self.sender.blocking_send(full.into()).map_err(|_| Stop::Cancelled)
    }
}

/// Answers with what `work` puts into its sink. A failure before the first piece is the answer; a later one breaks it off.
pub async fn answer(
    mut respond: SendResponse<Bytes>,
    work: impl FnOnce(&mut Sink) -> Result<(), Stop> + Send + 'static,
) {
    let (sender, mut pieces) = channel(PIECES);
    let mut sink = Sink { sender, buffer: Vec::with_capacity(FULL) };
    let thread = spawn_blocking(move || {
        work(&mut sink)?;
        sink.flush()
    });
    let Some(first) = pieces.recv().await else {
        return match thread.await {
            Ok(Err(Stop::Failed(failure))) => send_failure(&mut respond, failure),
            // An error means that nobody waits for the answer.
            Ok(_) => drop(respond.send_response(head(StatusCode::OK, RECORDS), true)),
            Err(error) => send_failure(&mut respond, panicked(error)),
        };
    };
    let Ok(mut stream) = respond.send_response(head(StatusCode::OK, RECORDS), false) else {
        return;
    };
    if deliver(&mut stream, first, pieces).await.is_ok() {
        end(&mut stream, thread).await;
    }
}

/// What became of a thread that did not end by itself.
pub fn panicked(error: JoinError) -> Failure {
    Failure::internal("thread", &std::io::Error::other(error))
}

async fn deliver(
    stream: &mut SendStream<Bytes>,
    first: Bytes,
    mut pieces: Receiver<Bytes>,
) -> Result<(), Cancelled> {
    send_data(stream, first).await?;
    loop {
        let piece = tokio::select! {
            biased;
            piece = pieces.recv() => piece,
            _ = cancelled(stream) => return Err(Cancelled),
        };
        match piece {
            Some(piece) => send_data(stream, piece).await?,
            None => return Ok(()),
        }
    }
}

async fn end(stream: &mut SendStream<Bytes>, thread: JoinHandle<Result<(), Stop>>) {
    match thread.await {
        // An error means that nobody waits for the answer.
        Ok(Ok(())) => drop(stream.send_data(Bytes::new(), true)),
        _ => stream.send_reset(Reason::INTERNAL_ERROR),
    }
}
