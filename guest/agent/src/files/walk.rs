//! The `walk` method: a tree as a list, depth first, in byte order, without following or leaving anything.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

use crate::failure::Failure;
use crate::files::digest::Digest;
use crate::files::messages::{WalkEntry, WalkEvent, WalkRequest};
use crate::files::names::Names;
use crate::files::path::{self, ByteText, MAX_DEPTH, MAX_PATH};
use crate::files::root::{LISTED, STRICT, Volume, open_beneath, open_to_read, refused};
use crate::files::stat::{Decimal, Kind, Stat};
use crate::files::stream::{Sink, Stop};

/// JSON of a batch of entries, about.
const BATCH: usize = 24 << 10;
/// JSON of an entry without its path and target, about.
const ENTRY: usize = 180;

/// Lists a tree.
pub fn run(volume: &Volume, request: &WalkRequest, sink: &mut Sink) -> Result<(), Stop> {
    let at = &request.path.0;
    path::check(at, true)?;
    let root = open_to_read(volume, &request.root)?;
    let directory = open_beneath(&root, at.as_slice(), LISTED, STRICT).map_err(|errno| refused(at, errno))?;
    let mut walk = Walk {
        sink,
        recursive: request.recursive,
        known: request.known.as_ref().map(|known| {
            known.iter().map(|directory| (directory.path.0.as_slice(), directory.digest.0)).collect()
        }),
        left: request.max_entries,
        batch: vec![],
        batch_size: 0,
        count: 0,
        unlisted: 0,
    };
    let after = request.after.as_ref().map(|after| below(at, &after.0)).transpose()?;
    let is_cut = walk.directory(&directory, at, after)? == Progress::Full;
    walk.flush()?;
    let ended = WalkEvent::Ended { count: walk.count, cut: is_cut, unlisted: walk.unlisted };
    sink.event(&ended)
}

/// A path as seen from the directory `at`, which it lies in.
fn below<'a>(at: &[u8], path: &'a [u8]) -> Result<&'a [u8], Failure> {
    path::check(path, false)?;
    let rest = if at.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(at).and_then(|rest| rest.strip_prefix(b"/"))
    };
    rest.ok_or_else(|| Failure::bad_request("a listing begins behind an entry of its directory".to_owned()))
}

/// The first name of a path, and what lies below it.
fn first_name(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
        None => (path, None),
    }
}

#[derive(PartialEq, Eq)]
enum Progress {
    Complete,
    Full,
}

struct Walk<'a> {
    sink: &'a mut Sink,
    recursive: bool,
    /// Digests of directories; none where they are not told either
    known: Option<HashMap<&'a [u8], u64>>,
    left: u64,
    batch: Vec<WalkEntry>,
    batch_size: usize,
    count: u64,
    unlisted: u64,
}

impl Walk<'_> {
    /// Lists what is behind `after`, whose own entry and those on the way to it were listed before.
    fn directory(&mut self, directory: &OwnedFd, at: &[u8], after: Option<&[u8]>) -> Result<Progress, Stop> {
        let (first, inner) = after.map_or((&b""[..], None), first_name);
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).saturating_add(1);
        let Ok(names) = Names::from(directory, limit, first) else {
            self.unlisted += 1;
            return Ok(Progress::Complete);
        };
        if after.is_none()
            && let Some(inner) = self.unchanged(directory, &names, at)
        {
            return self.same(directory, &names, inner, at);
        }
        let mut digest = after.is_none().then(Digest::default);
        for (name, _) in names.iter() {
            // An entry that is gone again was never there.
            let Ok(stat) = Stat::of(directory, name) else { continue };
            let path = path::joined(at, name.to_bytes());
            let is_entered = stat.kind == Kind::Directory && self.recursive;
            if name.to_bytes() == first {
                if is_entered && self.enter(directory, name, &path, inner)? == Progress::Full {
                    return Ok(Progress::Full);
                }
                continue;
            }
            if self.left == 0 {
                return Ok(Progress::Full);
            }
            if path.len() > MAX_PATH {
                self.unlisted += 1;
                digest = None;
                continue;
            }
            digest.iter_mut().for_each(|digest| digest.add(name, &stat));
            self.add(path.clone(), stat)?;
            if is_entered && self.enter(directory, name, &path, None)? == Progress::Full {
                return Ok(Progress::Full);
            }
        }
        if let Some(digest) = digest.filter(|_| self.known.is_some()) {
            self.flush()?;
            let digest = Decimal(digest.end());
            self.sink.event(&WalkEvent::Digest { path: ByteText(at.to_vec()), digest })?;
        }
        Ok(Progress::Complete)
    }

    /// The places of the directories in a known one that is as it was; nothing for any other.
    fn unchanged(&self, directory: &OwnedFd, names: &Names, at: &[u8]) -> Option<Vec<usize>> {
        let known = *self.known.as_ref()?.get(at)?;
        let mut digest = Digest::default();
        let mut directories = vec![];
        let mut count = 0;
        for (place, (name, _)) in names.iter().enumerate() {
            let stat = Stat::without_target(directory, name).ok()?;
            digest.add(name, &stat);
            count += 1;
            if stat.kind == Kind::Directory {
                directories.push(place);
            }
        }
        (digest.end() == known && count <= self.left).then_some(directories)
    }

    fn same(
        &mut self,
        directory: &OwnedFd,
        names: &Names,
        directories: Vec<usize>,
        at: &[u8],
    ) -> Result<Progress, Stop> {
        let count = names.iter().count() as u64;
        self.left -= count;
        self.count += count;
        self.flush()?;
        self.sink.event(&WalkEvent::Same { path: ByteText(at.to_vec()), count })?;
        let mut directories = directories.into_iter().peekable();
        for (place, (name, _)) in names.iter().enumerate() {
            if directories.next_if_eq(&place).is_none() || !self.recursive {
                continue;
            }
            let path = path::joined(at, name.to_bytes());
            if self.enter(directory, name, &path, None)? == Progress::Full {
                return Ok(Progress::Full);
            }
        }
        Ok(Progress::Complete)
    }

    fn enter(
        &mut self,
        parent: &OwnedFd,
        name: &CStr,
        path: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Progress, Stop> {
        let inner = match path::depth(path) < MAX_DEPTH {
            true => open_beneath(parent, name, LISTED, STRICT).ok(),
            false => None,
        };
        match inner {
            Some(inner) => self.directory(&inner, path, after),
            None => {
                self.unlisted += 1;
                Ok(Progress::Complete)
            }
        }
    }

    fn add(&mut self, path: Vec<u8>, stat: Stat) -> Result<(), Stop> {
        self.left -= 1;
        self.count += 1;
        let target = stat.link_target.as_ref().map_or(0, |target| target.0.len());
        self.batch_size += ENTRY + path.len() + target;
        self.batch.push(WalkEntry { path: ByteText(path), stat });
        if self.batch_size >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.batch_size = 0;
        let entries = std::mem::take(&mut self.batch);
        if entries.is_empty() { Ok(()) } else { self.sink.event(&WalkEvent::Entries { entries }) }
    }
}
