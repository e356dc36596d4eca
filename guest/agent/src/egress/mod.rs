//! Egress: every address outside of this machine answers here, on the loopback device, and its connections go to the host as streams.

pub mod addresses;
pub mod asked;
pub mod connections;
pub mod dns;
pub mod instruction;
pub mod messages;
pub mod names;
pub mod netlink;
pub mod network;
pub mod programs;
pub mod resolv_conf;
pub mod resolver;
pub mod serve;
pub mod tunnel;
