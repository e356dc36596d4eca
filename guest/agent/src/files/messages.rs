//! The messages of the methods on trees of files, as they stand on the wire.

use serde::{Deserialize, Serialize};

use crate::files::path::ByteText;
use crate::files::stat::{Decimal, Kind, Stat};
use crate::messages::present;

/// Which tree to list
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkRequest {
    /// Absolute path of the tree
    pub root: String,
    /// Directory to list; empty for the tree itself
    pub path: ByteText,
    /// Whether to list what lies in its directories
    pub recursive: bool,
    /// Entries after which to stop
    pub max_entries: u64,
    /// Path of the entry behind which to begin, whether it is there or not; from the first one where this is absent
    #[serde(deserialize_with = "present")]
    pub after: Option<ByteText>,
    /// Directories that need not be listed where their digest is this; digests are told, unless there is no such list
    #[serde(deserialize_with = "present")]
    pub known: Option<Vec<KnownDirectory>>,
}

/// A directory as it was listed before
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDirectory {
    /// Path from the tree's root
    pub path: ByteText,
    /// The digest that came after its entries
    pub digest: Decimal<u64>,
}

/// A part of a listing
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum WalkEvent {
    /// The next entries, in order
    Entries {
        /// The entries
        entries: Vec<WalkEntry>,
    },
    /// In place of a known directory's own entries, which are what they were; those of the directories in it follow
    Same {
        /// Path from the tree's root
        path: ByteText,
        /// How many entries
        count: u64,
    },
    /// A directory's own entries have been listed
    Digest {
        /// Path from the tree's root
        path: ByteText,
        /// Of their names and of what the kernel knows of them
        digest: Decimal<u64>,
    },
    /// The listing is over
    Ended {
        /// How many entries were listed
        count: u64,
        /// Whether there are more
        cut: bool,
        /// Directories that could not be listed: too deep, or not readable
        unlisted: u64,
    },
}

/// An entry of a listing
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkEntry {
    /// Path from the tree's root
    pub path: ByteText,
    /// What the kernel knows of it
    pub stat: Stat,
}

/// What to read
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {
    /// Absolute path of the tree
    pub root: String,
    /// The entries, by their paths from the tree's root
    pub paths: Vec<ByteText>,
    /// Most content of one file
    #[serde(deserialize_with = "present")]
    pub max_bytes: Option<u64>,
    /// Where in a file to begin
    pub offset: u64,
    /// Whether to read what a symlink points to, if that lies inside the tree
    pub follow: bool,
}

/// A part of what is read
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadEvent {
    /// An entry begins; content follows where it is a file
    Entry {
        /// Its place among the paths
        index: u64,
        /// What the kernel knows of it
        stat: Stat,
    },
    /// An entry is complete
    Ended {
        /// Its place among the paths
        index: u64,
        /// How much of its content was sent
        bytes: u64,
        /// Whether it was written to meanwhile
        changed: bool,
    },
    /// An entry could not be read
    Failed {
        /// Its place among the paths
        index: u64,
        /// How much of its content was sent
        bytes: u64,
        /// Stable name of the failure
        code: String,
        /// Error number of the system call behind it
        #[serde(deserialize_with = "present")]
        errno: Option<i32>,
    },
}

/// The first record of an upload
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteParams {
    /// Absolute path of the tree
    pub root: String,
    /// Directory for the entries; empty for the tree itself
    pub dest: ByteText,
    /// Whether files may take the place of others
    pub replace: bool,
}

/// What an upload consists of
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case", deny_unknown_fields)]
pub enum WriteItem {
    /// One change
    Entry(WriteEntry),
    /// Nothing follows: all changes are to be made
    Commit,
}

/// One change of a tree
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteEntry {
    /// Path from the destination
    pub path: ByteText,
    /// What to make
    pub kind: WriteKind,
    /// Permission bits
    pub mode: u32,
    /// Content that follows in data records
    pub size_bytes: u64,
    /// Where a symlink points
    #[serde(deserialize_with = "present")]
    pub link_target: Option<ByteText>,
    /// What must be there before
    #[serde(deserialize_with = "present")]
    pub expect: Option<Expect>,
}

/// What to make of a path
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// A regular file
    File,
    /// A directory
    Directory,
    /// A symbolic link
    Symlink,
    /// Nothing: what is there goes away
    Delete,
}

/// What the host knows of a path
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expect {
    /// There is nothing
    Absent,
    /// There is this
    Present {
        /// What it is
        kind: Kind,
        /// Length of its content
        size_bytes: u64,
        /// When its content changed
        mtime_ns: Decimal<i64>,
        /// When anything of it changed
        ctime_ns: Decimal<i64>,
        /// Its number in the file system
        inode: Decimal<u64>,
    },
}

/// The tree after an upload
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteResponse {
    /// Changes that were made
    pub entries: u64,
    /// Content that was written
    pub bytes: u64,
}

/// How long to hold the disk still
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// Time after which it moves again, whatever happens
    pub deadline_ms: u64,
}
