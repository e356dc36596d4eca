//! The `read` method: the content of files, and what other entries are; one that cannot be read does not end the rest.

use std::os::fd::OwnedFd;

use rustix::fs::OFlags;
use rustix::io::{Errno, pread};

use crate::failure::Failure;
use crate::files::messages::{ReadEvent, ReadRequest};
use crate::files::path::{self, ByteText};
use crate::files::root::{FOLLOWING, PLACE, STRICT, Volume, open_beneath, open_to_read, refused};
use crate::files::stat::{Kind, Stat};
use crate::files::stream::{Sink, Stop};

/// A regular file opens at once whatever the flags; another one that took its place must not hold the agent.
const CONTENT: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Reads entries one after the other.
pub fn run(volume: &Volume, request: &ReadRequest, sink: &mut Sink) -> Result<(), Stop> {
    for path in &request.paths {
        path::check(&path.0, true)?;
    }
    let root = open_to_read(volume, &request.root)?;
    for (index, path) in (0..).zip(&request.paths) {
        let mut reading = Reading { request, root: &root, sink, index, bytes: 0 };
        if let Err(failure) = reading.entry(path)? {
            reading.failed(failure)?;
        }
    }
    Ok(())
}

struct Reading<'a> {
    request: &'a ReadRequest,
    root: &'a OwnedFd,
    sink: &'a mut Sink,
    index: u64,
    bytes: u64,
}

impl Reading<'_> {
    fn entry(&mut self, path: &ByteText) -> Result<Result<(), Failure>, Stop> {
        let (stat, file) = match self.open(&path.0) {
            Ok(opened) => opened,
            Err(errno) => return Ok(Err(refused(&path.0, errno))),
        };
        self.sink.event(&ReadEvent::Entry { index: self.index, stat: stat.clone() })?;
        let mut changed = false;
        if let Some(file) = file {
            if let Err(errno) = self.content(&file, stat.size_bytes)? {
                return Ok(Err(refused(&path.0, errno)));
            }
            changed = !Stat::of(&file, c"").is_ok_and(|later| later.is_unchanged(&stat));
        }
        self.sink.event(&ReadEvent::Ended { index: self.index, bytes: self.bytes, changed })?;
        Ok(Ok(()))
    }

    /// Looks at an entry before it is opened, and opens only a regular file.
    fn open(&self, path: &[u8]) -> Result<(Stat, Option<OwnedFd>), Errno> {
        let top = &self.root;
        if path.is_empty() {
            return Ok((Stat::of(top, c"")?, None));
        }
        let (stat, file) = if self.request.follow {
            let seen = Stat::of(open_beneath(top, path, OFlags::PATH, FOLLOWING)?, c"")?;
            match seen.kind {
                Kind::File => (seen, open_beneath(top, path, CONTENT, FOLLOWING)?),
                _ => return Ok((seen, None)),
            }
        } else {
            let (parent, name) = path::split(path);
            let parent = open_beneath(top, parent, PLACE, STRICT)?;
            let seen = Stat::of(&parent, name)?;
            match seen.kind {
                Kind::File => (seen, open_beneath(&parent, name, CONTENT | OFlags::NOFOLLOW, STRICT)?),
                _ => return Ok((seen, None)),
            }
        };
        let opened = Stat::of(&file, c"")?;
        let is_file = opened.kind == Kind::File;
        Ok((if is_file { opened } else { stat }, is_file.then_some(file)))
    }

    fn content(&mut self, file: &OwnedFd, size_bytes: u64) -> Result<Result<(), Errno>, Stop> {
        let start = self.request.offset.min(size_bytes);
        let wanted = self.request.max_bytes.unwrap_or(u64::MAX).min(size_bytes - start);
        while self.bytes < wanted {
            let at = start + self.bytes;
            match self.sink.data(wanted - self.bytes, |buffer| pread(file, buffer, at))? {
                Ok(0) => break,
                Ok(length) => self.bytes += length as u64,
                Err(Errno::INTR) => {}
                Err(errno) => return Ok(Err(errno)),
            }
        }
        Ok(Ok(()))
    }

    fn failed(&mut self, failure: Failure) -> Result<(), Stop> {
        let Failure { code, errno, .. } = failure;
        self.sink.event(&ReadEvent::Failed {
            index: self.index,
            bytes: self.bytes,
            code: code.to_string(),
            errno,
        })
    }
}
