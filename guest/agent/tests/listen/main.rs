//! The agent as a fake machine: the built binary, spoken to over its socket.
#![allow(clippy::panic, clippy::unwrap_used)]

mod exec;
mod files;
mod forward;
mod load;
mod machine;
mod probe;
mod read;
mod requests;
mod stillness;
mod terminals;
mod trees;
mod undo;
mod walk;
mod write;
