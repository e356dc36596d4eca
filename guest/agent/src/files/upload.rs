//! The reading of an upload: its entries are staged as they come.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use rustix::io::{Errno, write};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Receiver;

use crate::failure::Failure;
use crate::files::commit::Changes;
use crate::files::messages::{WriteEntry, WriteItem, WriteKind, WriteParams, WriteResponse};
use crate::files::path::{self, joined};
use crate::files::root::refused;
use crate::files::staging::Staging;
use crate::messages::decode;
use crate::records::{self, Decoder, Malformed, Piece};

/// Largest JSON record of an upload: two paths, every byte of them escaped.
const MAX_ITEM: usize = 128 << 10;

/// What arrives of the body.
#[derive(Debug)]
pub enum Part {
    /// Bytes of it
    Bytes(Bytes),
    /// Its end
    End,
}

/// The body of an upload, for a thread. Its other side is dropped when the host gives up.
#[derive(Debug)]
pub struct Body {
    parts: Receiver<Part>,
    decoder: Decoder,
    unread: Bytes,
}

impl Body {
    /// A body of which nothing has been read.
    pub fn new(parts: Receiver<Part>) -> Self {
        Body { parts, decoder: Decoder::default(), unread: Bytes::new() }
    }

    /// Whether the host has given up.
    pub fn is_cancelled(&self) -> bool {
        self.parts.is_closed()
    }

    /// Reads a JSON record.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let mut whole = vec![];
        loop {
            let piece = self.piece(records::JSON)?;
            if whole.len() + piece.bytes.len() > MAX_ITEM {
                return Err(Failure::bad_request(format!("an item is larger than {MAX_ITEM} bytes")));
            }
            if piece.is_last && whole.is_empty() {
                return decode(&piece.bytes);
            }
            whole.extend_from_slice(&piece.bytes);
            if piece.is_last {
                return decode(&whole);
            }
        }
    }

    fn piece(&mut self, kind: u8) -> Result<Piece, Failure> {
        let malformed = |_: Malformed| Failure::bad_request("the body is not a sequence of records");
        loop {
            match self.decoder.next(&mut self.unread).map_err(malformed)? {
                Some(piece) if piece.kind == kind => return Ok(piece),
                Some(_) => return Err(Failure::bad_request("the content of an entry has not its size")),
                None => {}
            }
            self.unread = match self.parts.blocking_recv() {
                Some(Part::Bytes(bytes)) => bytes,
                _ => return Err(Failure::bad_request("the body ends before its commit")),
            };
        }
    }
}

/// Entries that have been staged.
#[derive(Debug)]
pub struct Upload {
    changes: Changes,
    dest: Vec<u8>,
    count: WriteResponse,
}

impl Upload {
    /// An upload without entries; its destination comes to exist.
    pub fn begin(params: WriteParams, staging: Staging) -> Result<Self, Failure> {
        let dest = params.dest.0;
        path::check(&dest, true)?;
        staging.imply(&dest)?;
        let changes =
            Changes { staging, deletions: vec![], expectations: HashMap::new(), replace: params.replace };
        Ok(Upload { changes, dest, count: WriteResponse { entries: 0, bytes: 0 } })
    }

    /// Stages everything up to the commit.
    pub fn receive(mut self, body: &mut Body) -> Result<(Changes, WriteResponse), Failure> {
        while let WriteItem::Entry(entry) = body.json()? {
            self.entry(entry, body)?;
        }
        self.changes.staging.finish()?;
        Ok((self.changes, self.count))
    }

    fn entry(&mut self, entry: WriteEntry, body: &mut Body) -> Result<(), Failure> {
        path::check(&entry.path.0, false)?;
        let path = joined(&self.dest, &entry.path.0);
        path::check(&path, false)?;
        if entry.kind != WriteKind::File && entry.size_bytes != 0 {
            return Err(Failure::bad_request("only a file has content"));
        }
        match (entry.kind, entry.link_target) {
            (WriteKind::Symlink, Some(target)) => self.changes.staging.symlink(&path, &target.0)?,
            (WriteKind::File, None) => {
                let file = self.changes.staging.file(&path, entry.mode)?;
                fill(&file, entry.size_bytes, body).map_err(|errno| errno.explain(&path))?;
            }
            (WriteKind::Directory, None) => self.changes.staging.directory(&path, entry.mode)?,
            (WriteKind::Delete, None) => self.changes.deletions.push(path.clone()),
            _ => return Err(Failure::bad_request("a symlink, and nothing else, has a link_target")),
        }
        self.count.entries += 1;
        self.count.bytes += entry.size_bytes;
        if let Some(expect) = entry.expect {
            // What goes and what comes in its place are met by the same thing.
            self.changes.expectations.entry(path).or_insert(expect);
        }
        Ok(())
    }
}

enum Unfilled {
    Written(Errno),
    Read(Failure),
}

impl Unfilled {
    fn explain(self, path: &[u8]) -> Failure {
        match self {
            Unfilled::Written(errno) => refused(path, errno),
            Unfilled::Read(failure) => failure,
        }
    }
}

/// Writes exactly `size` bytes of the body into a file.
fn fill(file: &OwnedFd, size: u64, body: &mut Body) -> Result<(), Unfilled> {
    let mut left = size;
    while left > 0 {
        let piece = body.piece(records::DATA).map_err(Unfilled::Read)?;
        left = left.checked_sub(piece.bytes.len() as u64).ok_or_else(|| {
            Unfilled::Read(Failure::bad_request("the content of an entry has not its size"))
        })?;
        let mut bytes = &piece.bytes[..];
        while !bytes.is_empty() {
            match write(file, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Unfilled::Written(errno)),
            }
        }
    }
    Ok(())
}
