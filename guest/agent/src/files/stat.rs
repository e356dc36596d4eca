//! What the kernel knows of one entry of a tree.

use std::fmt::Display;
use std::os::fd::AsFd;
use std::str::FromStr;

use rustix::fs::{AtFlags, FileType, Stat as KernelStat, readlinkat, statat};
use rustix::io::Errno;
use rustix::path::Arg;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::files::path::ByteText;
use crate::files::root::MAX_LOOKS;
use crate::messages::present;

/// Largest number that JSON carries without loss.
const MAX_SAFE: u64 = (1 << 53) - 1;
/// Permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// What an entry is
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file
    File,
    /// A directory
    Directory,
    /// A symbolic link
    Symlink,
    /// A device, a FIFO, a socket
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        }
    }
}

/// A number that JSON would round, as a string of decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<T>(pub T);

impl<T: Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Decimal<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Decimal).map_err(Error::custom)
    }
}

/// What the kernel knows of one entry
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stat {
    /// What it is
    pub kind: Kind,
    /// Permission bits
    pub mode: u32,
    /// Length of its content
    pub size_bytes: u64,
    /// When its content changed, in nanoseconds since 1970
    pub mtime_ns: Decimal<i64>,
    /// When anything of it changed, in nanoseconds since 1970
    pub ctime_ns: Decimal<i64>,
    /// Its number in the file system
    pub inode: Decimal<u64>,
    /// Where a symlink points
    #[serde(deserialize_with = "present")]
    pub link_target: Option<ByteText>,
}

impl Stat {
    /// Looks at `name` in `directory`; at the directory itself where there is no name. Follows nothing.
    pub fn of(directory: impl AsFd, name: impl Arg + Copy) -> Result<Self, Errno> {
        for _ in 0..MAX_LOOKS {
            let mut stat = Stat::without_target(&directory, name)?;
            if stat.kind != Kind::Symlink {
                return Ok(stat);
            }
            match readlinkat(&directory, name, vec![]) {
                // Something else has taken its place.
                Err(Errno::INVAL) => {}
                target => {
                    stat.link_target = Some(ByteText(target?.into_bytes()));
                    return Ok(stat);
                }
            }
        }
        Err(Errno::AGAIN)
    }

    /// The same without reading where a symlink points.
    pub fn without_target(directory: impl AsFd, name: impl Arg) -> Result<Self, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        Ok(Stat::from(&statat(directory, name, flags)?))
    }

    /// Whether nothing was written to it between two looks.
    pub fn is_unchanged(&self, later: &Stat) -> bool {
        (self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)
            == (later.size_bytes, later.mtime_ns, later.ctime_ns, later.inode)
    }
}

impl From<&KernelStat> for Stat {
    fn from(stat: &KernelStat) -> Self {
        let kind = Kind::from(FileType::from_raw_mode(stat.st_mode));
        let size = if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
        Stat {
            kind,
            mode: stat.st_mode & PERMISSIONS,
            size_bytes: size.min(MAX_SAFE),
            mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
            inode: Decimal(stat.st_ino),
            link_target: None,
        }
    }
}

fn nanoseconds(seconds: i64, nanoseconds: u64) -> Decimal<i64> {
    let rest = i64::try_from(nanoseconds).unwrap_or(0);
    Decimal(seconds.saturating_mul(1_000_000_000).saturating_add(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_what_fits_stay_at_the_end() {
        assert_eq!(nanoseconds(1, 5).0, 1_000_000_005);
        assert_eq!(nanoseconds(-1, 999_999_999).0, -1);
        assert_eq!(nanoseconds(i64::MAX, 1).0, i64::MAX);
        assert_eq!(nanoseconds(i64::MIN, 0).0, i64::MIN);
    }

    #[test]
    fn a_decimal_is_a_string() {
        assert_eq!(serde_json::to_string(&Decimal(i64::MIN)).unwrap(), r#""-9223372036854775808""#);
        assert_eq!(serde_json::from_str::<Decimal<u64>>(r#""18446744073709551615""#).unwrap().0, u64::MAX);
        assert!(serde_json::from_str::<Decimal<u64>>("1").is_err());
        assert!(serde_json::from_str::<Decimal<u64>>(r#""-1""#).is_err());
    }
}
