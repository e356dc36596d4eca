//! The `signal` method: to a command's process group, to the foreground of its terminal, or to everything that it started.

use rustix::process::Signal;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::messages::{Empty, SignalRequest};

/// What on a terminal is for all of its command's processes: a shell ignores it for itself, and a job that is stopped is in no foreground.
const FOR_ALL: [Signal; 4] = [Signal::HUP, Signal::TERM, Signal::KILL, Signal::CONT];

/// Signals, and answers when that is done: after SIGKILL to a tree when nothing of it is left.
pub async fn signal(agent: &Agent, request: SignalRequest) -> Result<Empty, Failure> {
    let signal = Signal::from_named_raw(request.signal)
        .ok_or_else(|| Failure::bad_request(format!("there is no signal {}", request.signal)))?;
    let has_terminal = agent.terminals.has(request.pid);
    if request.tree || (has_terminal && FOR_ALL.contains(&signal)) {
        return match agent.trees.signal(request.pid, signal).await {
            true => Ok(Empty {}),
            false => Err(Failure::no_such_process(request.pid)),
        };
    }
    match agent.terminals.signal(request.pid, signal) {
        Some(signalled) => signalled.map(|()| Empty {}),
        None => agent.signal(&request, signal),
    }
}
