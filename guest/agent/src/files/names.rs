//! The names in a directory, in byte order, in one piece of memory.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, RawDir, statat};
use rustix::io::Errno;

use crate::files::stat::Kind;

const READ_SIZE: usize = 32 << 10;

/// The names in a directory.
#[derive(Debug, Default)]
pub struct Names {
    text: Vec<u8>,
    entries: Vec<(Range<usize>, FileType)>,
}

impl Names {
    /// Reads at least the first `limit` names of an open directory, and never holds many more.
    pub fn of(directory: impl AsFd, limit: usize) -> Result<Self, Errno> {
        Names::from(directory, limit, b"")
    }

    /// The same, from the name `first` on.
    pub fn from(directory: impl AsFd, limit: usize, first: &[u8]) -> Result<Self, Errno> {
        let mut buffer = [MaybeUninit::uninit(); READ_SIZE];
        let mut entries = RawDir::new(directory, &mut buffer);
        let mut names = Names::default();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes_with_nul();
            if !matches!(name, b".\0" | b"..\0") && entry.file_name().to_bytes() >= first {
                let start = names.text.len();
                names.text.extend_from_slice(name);
                names.entries.push((start..names.text.len(), entry.file_type()));
            }
            if names.entries.len() / 2 > limit {
                names.keep(limit + 1);
            }
        }
        names.keep(limit.saturating_add(1));
        Ok(names)
    }

    /// Sorts, and drops what comes after the first `limit` names.
    fn keep(&mut self, limit: usize) {
        let Names { text, entries } = self;
        entries.sort_unstable_by(|(a, _), (b, _)| text[a.clone()].cmp(&text[b.clone()]));
        if entries.len() <= limit {
            return;
        }
        entries.truncate(limit);
        let mut kept = Vec::with_capacity(text.len() / 2);
        for (range, _) in entries.iter_mut() {
            let start = kept.len();
            kept.extend_from_slice(&text[range.clone()]);
            *range = start..kept.len();
        }
        *text = kept;
    }

    /// The names in order, each with its type if the file system tells.
    pub fn iter(&self) -> impl Iterator<Item = (&CStr, FileType)> {
        let name = |range: &Range<usize>| CStr::from_bytes_with_nul(&self.text[range.clone()]).ok();
        self.entries.iter().filter_map(move |(range, kind)| Some((name(range)?, *kind)))
    }

    /// Whether the directory has no names.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What an entry is, asked for where the file system did not tell.
pub fn kind_of(directory: impl AsFd, name: &CStr, told: FileType) -> Result<Kind, Errno> {
    match told {
        FileType::Unknown => {
            let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(Kind::from(FileType::from_raw_mode(stat.st_mode)))
        }
        told => Ok(Kind::from(told)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn listed(names: &Names) -> Vec<String> {
        names.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_come_in_byte_order_and_no_more_than_are_wanted() {
        let directory = std::env::temp_dir().join(format!("pyro-names-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        for number in (0..100).rev() {
            fs::write(directory.join(format!("{number:02}")), "").unwrap();
        }
        fs::create_dir(directory.join("B")).unwrap();
        let open = || File::open(&directory).unwrap();
        let all = Names::of(open(), usize::MAX).unwrap();
        assert!(all.iter().map(|(name, _)| name).is_sorted());
        assert_eq!(all.iter().count(), 101);
        let first = Names::of(open(), 3).unwrap();
        assert_eq!(listed(&first), ["00", "01", "02", "03"]);
        assert_eq!(listed(&Names::from(open(), 2, b"41x").unwrap()), ["42", "43", "44"]);
        assert_eq!(listed(&Names::from(open(), 2, b"99").unwrap()), ["99", "B"]);
        let last = all.iter().last().unwrap();
        assert_eq!(kind_of(open(), last.0, FileType::Unknown), Ok(Kind::Directory));
        fs::remove_dir_all(&directory).unwrap();
    }
}
