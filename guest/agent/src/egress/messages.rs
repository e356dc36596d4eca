//! The messages of the methods `egress` and `tunnel`.

use serde::{Deserialize, Serialize};

use crate::files::path::ByteText;
use crate::messages::present;

/// What a program in this machine asks for
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum EgressEvent {
    /// Programs can ask
    Ready {},
    /// Whether a name may be looked up
    Lookup {
        /// Number of the question, larger than all before it
        id: u32,
        /// The name as it was asked for
        name: ByteText,
    },
    /// A connection
    Open {
        /// Number of the question, larger than all before it
        id: u32,
        /// Name for which the address was given out; the address itself where it was for none
        host: ByteText,
        /// Port, not 0
        port: u16,
        /// The command whose process connects, by the `pid` of its started event
        #[serde(deserialize_with = "present")]
        pid: Option<u32>,
    },
}

/// What the host says to it
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum EgressAnswer {
    /// To a lookup
    Lookup {
        /// Number of the question
        id: u32,
        /// The answer
        verdict: Verdict,
    },
    /// To an open that is not allowed; an allowed one is answered by its tunnel
    Open {
        /// Number of the question
        id: u32,
        /// The answer
        verdict: Refused,
    },
}

/// Whether it may be
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may
    Allowed,
    /// It may not
    Refused,
}

/// The one answer to an open that is not a tunnel
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// It may not be
    Refused,
}

/// The connection that was asked for
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunnelParams {
    /// Number of the open
    pub id: u32,
}
