//! The agent as a fake machine: the built binary, spoken to over its socket.
#![allow(clippy::panic, clippy::unwrap_used)]

mod exec;
mod load;
mod machine;
mod requests;
mod trees;
