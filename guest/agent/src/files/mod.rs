//! Trees of files: listed, read, changed as a whole, and held still.

pub mod commit;
pub mod digest;
pub mod messages;
pub mod names;
pub mod path;
pub mod read;
pub mod remove;
pub mod root;
pub mod staging;
pub mod stat;
pub mod stillness;
pub mod stream;
pub mod undo;
pub mod upload;
pub mod walk;
pub mod write;
