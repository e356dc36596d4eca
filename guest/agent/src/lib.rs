//! The guest agent: what `main.rs` tells as a story, and the message types that the protocol test reads.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod agent;
pub mod boot;
pub mod cgroup;
pub mod command;
pub mod connection;
pub mod console;
pub mod egress;
pub mod exec;
pub mod failure;
pub mod files;
pub mod forward;
pub mod frames;
pub mod free_space;
pub mod kernel_command_line;
pub mod launch;
pub mod listen;
pub mod messages;
pub mod mount_table;
pub mod output;
pub mod port;
pub mod probe;
pub mod reaper;
pub mod records;
pub mod reply;
pub mod secrets;
pub mod send;
pub mod setup;
pub mod signal;
pub mod stdin;
pub mod sys;
pub mod terminal;
pub mod tree;
pub mod trees;
pub mod tsc;
