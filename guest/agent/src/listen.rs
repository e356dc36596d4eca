//! The fake machine: the agent as an ordinary process that answers on a Unix socket.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use rustix::process::{
    Resource, Rlimit, Signal, getpid, getrlimit, set_child_subreaper, set_parent_process_death_signal,
    setrlimit,
};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_local;

use crate::agent::Agent;
use crate::connection;
use crate::messages::Mode;

/// Answers on `socket` until SIGTERM.
pub async fn run(socket: &Path, dies_with_parent: bool) -> io::Result<()> {
    if dies_with_parent {
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    // Without this, processes whose parent has ended would be collected by somebody else.
    set_child_subreaper(Some(getpid()))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let agent = Rc::new(Agent::new(Mode::Listen, None, None));
    let reaper = Rc::clone(&agent);
    spawn_local(async move { reaper.reaper.run().await });
    let listener = bind(socket)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let agent = Rc::clone(&agent);
                spawn_local(async move { connection::serve(&agent, stream).await });
            }
            _ = terminated.recv() => agent.power_off(),
        }
    }
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => UnixListener::bind(socket),
    }
}

/// Lets the agent open as many files as it may: every command needs a few.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // The limit that stays in force on an error only bounds the number of commands.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
