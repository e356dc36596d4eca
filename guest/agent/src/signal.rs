//! The `signal` method: to a command's process group, or to everything that it started.

use rustix::process::Signal;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::messages::{Empty, SignalRequest};

/// Signals, and answers when that is done: after SIGKILL to a tree when nothing of it is left.
pub async fn signal(agent: &Agent, request: SignalRequest) -> Result<Empty, Failure> {
    if !request.tree {
        return agent.signal(request);
    }
    let signal = Signal::from_named_raw(request.signal)
        .ok_or_else(|| Failure::bad_request(format!("there is no signal {}", request.signal)))?;
    match agent.trees.signal(request.pid, signal).await {
        true => Ok(Empty {}),
        false => Err(Failure::no_such_process(request.pid)),
    }
}
