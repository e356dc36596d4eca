//! Every message of the guest protocol, as it stands on the wire.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::failure::Failure as Refusal;

/// The protocol this agent speaks.
pub const PROTOCOL: u32 = 1;

/// The names of all messages; the protocol test compares them with the host's.
pub const NAMES: &[&str] = &[
    "clock.request",
    "clock.response",
    "egress.answer",
    "egress.event",
    "egress.params",
    "exec.event",
    "exec.params",
    "failure",
    "forward.event",
    "forward.params",
    "freeze.request",
    "freeze.response",
    "hello.request",
    "hello.response",
    "ping.request",
    "ping.response",
    "poweroff.request",
    "poweroff.response",
    "probe.request",
    "probe.response",
    "read.event",
    "read.request",
    "resize.request",
    "resize.response",
    "secrets.request",
    "secrets.response",
    "setup.request",
    "setup.response",
    "signal.request",
    "signal.response",
    "sync.request",
    "sync.response",
    "thaw.request",
    "thaw.response",
    "tunnel.event",
    "tunnel.params",
    "walk.event",
    "walk.request",
    "write.item",
    "write.params",
    "write.response",
];

/// Makes a nullable field mandatory: absent is malformed, `null` is a value.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// Decodes a message. Only an object is one: serde would take an array of the fields as well.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refusal> {
    match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => serde_json::from_slice(json).map_err(|error| Refusal::bad_request(error.to_string())),
        _ => Err(Refusal::bad_request("the message is not a JSON object")),
    }
}

/// A message without fields
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// The first request of a connection
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelloRequest {
    /// Protocol the host speaks
    pub protocol: u32,
    /// Agent build the host expects
    pub build: String,
    /// Text to send back, at most 128 bytes
    pub nonce: String,
}

/// Who answers
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelloResponse {
    /// Protocol the agent speaks
    pub protocol: u32,
    /// Build of this agent
    pub build: String,
    /// The request's nonce
    pub nonce: String,
    /// Version of this agent
    pub version: String,
    /// Where the agent runs
    pub mode: Mode,
    /// Release of the running kernel
    pub kernel_release: String,
    /// Process id of the agent
    pub pid: u32,
    /// Age of the machine, of the process in `listen` mode
    pub uptime_ms: u64,
}

/// Where the agent runs
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// PID 1 of a virtual machine
    Guest,
    /// An ordinary process that answers on a Unix socket
    Listen,
}

/// What makes a booted or restored machine itself
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// Host name of the machine
    pub hostname: String,
    /// 32 hexadecimal digits
    pub machine_id: String,
    /// Fresh random bytes in base64, 64 to 512 of them
    pub entropy: String,
    /// Wall time of the host
    pub wall_time_unix_ms: u64,
    /// Serial of the block device with the root image
    #[serde(deserialize_with = "present")]
    pub root: Option<String>,
    /// The writable block device
    #[serde(deserialize_with = "present")]
    pub disk: Option<Disk>,
}

/// A block device of this machine, which need not be the one that it was booted with
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Serial of the device
    pub serial: String,
    /// Its size
    pub size_bytes: u64,
}

/// The machine after its setup
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupResponse {
    /// Age of the machine, of the process in `listen` mode
    pub uptime_ms: u64,
    /// The kernel's boot id; none in `listen` mode
    #[serde(deserialize_with = "present")]
    pub boot_id: Option<String>,
}

/// The wall time of the host, for a machine that has been halted or has a long way behind it
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRequest {
    /// Wall time of the host
    pub wall_time_unix_ms: u64,
}

/// The clock after it was set
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockResponse {
    /// Wall time of the machine before that
    pub was_unix_ms: u64,
}

/// The command of an exec
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecParams {
    /// Program and arguments
    pub argv: Vec<String>,
    /// The whole environment of the command
    pub env: BTreeMap<String, String>,
    /// Working directory
    pub cwd: String,
    /// How long the command may run
    #[serde(deserialize_with = "present")]
    pub timeout_ms: Option<u64>,
    /// Whether standard input follows; `/dev/null` otherwise, unless there is a terminal
    pub stdin: bool,
    /// Whether what it started ends with its first process
    pub ends_tree: bool,
    /// The size of a new terminal for standard input, output and errors; pipes where there is none
    #[serde(deserialize_with = "present")]
    pub pty: Option<TerminalSize>,
}

/// How much a terminal shows
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSize {
    /// Characters in a line
    pub cols: u16,
    /// Lines
    pub rows: u16,
}

/// Another size for the terminal of a running command
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeRequest {
    /// The `pid` of a started event
    pub pid: u32,
    /// Characters in a line
    pub cols: u16,
    /// Lines
    pub rows: u16,
}

/// What happened to the command of an exec
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecEvent {
    /// The program runs
    Started {
        /// Process id of the command
        pid: u32,
    },
    /// The command is over and its output delivered
    Ended {
        /// Exit code, unless a signal ended it
        #[serde(deserialize_with = "present")]
        exit_code: Option<i32>,
        /// Signal that ended it
        #[serde(deserialize_with = "present")]
        signal: Option<i32>,
        /// Whether it was killed for running too long
        timed_out: bool,
        /// Whether the kernel killed one of its processes for memory
        oom_killed: bool,
        /// Whether other processes of it lived on, and were killed
        rest_killed: bool,
        /// Where the command could write, unless it did well: empty then
        free_space: Vec<FreeSpace>,
        /// From start to exit
        duration_ms: u64,
    },
}

/// What is left of a file system
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSpace {
    /// Which one
    pub place: Place,
    /// Bytes that may be written
    pub bytes: u64,
    /// Files that may be made; none where the file system has no such limit
    #[serde(deserialize_with = "present")]
    pub inodes: Option<u64>,
}

/// A directory whose file system is looked at
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The command's working directory
    Cwd,
    /// `/tmp`, where it is on another file system
    Tmp,
}

/// A look at the machine without a command
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProbeRequest {
    /// Whether something listens on the loopback
    Tcp {
        /// Port, not 0
        port: u16,
    },
    /// What a server on the loopback answers to a GET
    Http {
        /// `http://localhost` or `http://127.0.0.1`, with port and path
        url: String,
    },
    /// Whether a path exists
    File {
        /// Absolute path; symlinks are followed
        path: String,
    },
}

/// What the look showed
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeResponse {
    /// Whether it is there
    pub ok: bool,
    /// What was seen, at most 512 bytes
    pub detail: String,
}

/// A signal for a running command
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalRequest {
    /// The `pid` of a started event
    pub pid: u32,
    /// Signal number, 1 to 31
    pub signal: i32,
    /// Whether everything that the command started gets it, and not its process group alone
    pub tree: bool,
}

/// A connection to a port of this machine
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardParams {
    /// Port on the loopback, not 0
    pub port: u16,
}

/// What happened to the connection of a forward
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum ForwardEvent {
    /// Somebody took it
    Connected {},
}

/// The body of every answer that is not a success
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Stable name of the failure
    pub code: String,
    /// One sentence
    pub message: String,
    /// Error number of the system call behind it
    #[serde(deserialize_with = "present")]
    pub errno: Option<i32>,
}
