//! A number that stands for the entries of a directory: another one where any of them is another.

use std::ffi::CStr;

use crate::files::stat::{Kind, Stat};

/// An odd number without pattern: the fraction of the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const WORD: usize = 8;

/// Takes entries in order. It tells changes, not attacks: whoever makes the entries could as well make the digest.
#[derive(Debug, Default)]
pub struct Digest {
    state: u64,
    count: u64,
}

impl Digest {
    /// Adds an entry, without the target of a symlink: a new target is a new inode.
    pub fn add(&mut self, name: &CStr, stat: &Stat) {
        self.count += 1;
        for part in name.to_bytes_with_nul().chunks(WORD) {
            let mut word = [0; WORD];
            word[..part.len()].copy_from_slice(part);
            self.mix(u64::from_le_bytes(word));
        }
        let kind = match stat.kind {
            Kind::File => 0,
            Kind::Directory => 1,
            Kind::Symlink => 2,
            Kind::Other => 3,
        };
        self.mix(u64::from(stat.mode) << 2 | kind);
        self.mix(stat.size_bytes);
        self.mix(stat.mtime_ns.0.cast_unsigned());
        self.mix(stat.ctime_ns.0.cast_unsigned());
        self.mix(stat.inode.0);
    }

    /// The number.
    pub fn end(mut self) -> u64 {
        self.mix(self.count);
        self.state
    }

    fn mix(&mut self, word: u64) {
        let mixed = (self.state.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
        self.state = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::stat::Decimal;

    fn stat() -> Stat {
        Stat {
            kind: Kind::File,
            mode: 0o644,
            size_bytes: 1,
            mtime_ns: Decimal(2),
            ctime_ns: Decimal(-3),
            inode: Decimal(4),
            link_target: None,
        }
    }

    fn of(entries: &[(&CStr, Stat)]) -> u64 {
        let mut digest = Digest::default();
        for (name, stat) in entries {
            digest.add(name, stat);
        }
        digest.end()
    }

    #[test]
    fn every_part_of_every_entry_counts() {
        let mut seen = vec![
            of(&[]),
            of(&[(c"a", stat())]),
            of(&[(c"b", stat())]),
            of(&[(c"a", stat()), (c"b", stat())]),
            of(&[(c"b", stat()), (c"a", stat())]),
            of(&[(c"12345678", stat())]),
            of(&[(c"123456789", stat())]),
            of(&[(c"a", Stat { kind: Kind::Directory, ..stat() })]),
            of(&[(c"a", Stat { mode: 0o600, ..stat() })]),
            of(&[(c"a", Stat { size_bytes: 2, ..stat() })]),
            of(&[(c"a", Stat { mtime_ns: Decimal(3), ..stat() })]),
            of(&[(c"a", Stat { ctime_ns: Decimal(3), ..stat() })]),
            of(&[(c"a", Stat { inode: Decimal(5), ..stat() })]),
        ];
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(of(&[(c"a", stat())]), of(&[(c"a", stat())]));
    }
}
