//! A failure as the handlers raise it: status, code, message, errno.

use std::io;

use http::StatusCode;
use rustix::io::Errno;

use crate::messages;

/// A refused or failed request.
#[derive(Debug)]
pub struct Failure {
    /// HTTP status of the answer
    pub status: StatusCode,
    /// Stable name
    pub code: &'static str,
    /// One sentence
    pub message: String,
    /// Error number of the system call behind it
    pub errno: Option<i32>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Failure { status, code, message: message.into(), errno: None }
    }

    /// The request is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// No such method.
    pub fn unknown_method(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_method", format!("there is no method {path:?}"))
    }

    /// No live command has this pid.
    pub fn no_such_process(pid: u32) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_process", format!("no running command has pid {pid}"))
    }

    /// The machine is not in the state the request needs.
    pub fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "wrong_state", message)
    }

    /// Host and agent speak different protocols.
    pub fn protocol_mismatch(protocol: u32) -> Self {
        let message = format!("the agent speaks protocol {}, the host {protocol}", messages::PROTOCOL);
        Self::new(StatusCode::CONFLICT, "protocol_mismatch", message)
    }

    /// A step of the agent's own work failed.
    pub fn internal(stage: &str, error: &io::Error) -> Self {
        Failure {
            errno: error.raw_os_error(),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{stage}: {error}"))
        }
    }

    /// This machine, or this process, has no such thing.
    pub fn not_available(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_available", message)
    }

    /// Nobody waits for the tunnel.
    pub fn tunnel_gone(id: u32) -> Self {
        Self::new(StatusCode::NOT_FOUND, "tunnel_gone", format!("no program waits for connection {id}"))
    }

    /// The command could not be started.
    pub fn exec(code: &'static str, message: impl Into<String>, errno: Option<Errno>) -> Self {
        Failure {
            errno: errno.map(Errno::raw_os_error),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
        }
    }

    /// A tree of files is not as the request needs it.
    pub fn tree(code: &'static str, message: impl Into<String>, errno: Option<Errno>) -> Self {
        Failure { errno: errno.map(Errno::raw_os_error), ..Self::new(StatusCode::CONFLICT, code, message) }
    }

    /// The failure as it stands on the wire.
    pub fn message(self) -> messages::Failure {
        messages::Failure { code: self.code.to_string(), message: self.message, errno: self.errno }
    }
}
