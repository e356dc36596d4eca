//! The agent as an ordinary process: the fake machine on a socket of its own, or the host cage on its standard input.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;
use std::path::Path;
use std::rc::Rc;

use rustix::process::{
    Resource, Rlimit, Signal, getpid, getrlimit, set_child_subreaper, set_parent_process_death_signal,
    setrlimit,
};
use tokio::net::{UnixListener, UnixStream};
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
    let mut terminated = signal(SignalKind::terminate())?;
    let agent = start()?;
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

/// Answers on the socket that is standard input, until its other end is closed.
pub async fn run_on_stdin() -> io::Result<()> {
    let agent = start()?;
    let socket = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    connection::serve(&agent, UnixStream::from_std(socket)?).await;
    agent.power_off()
}

fn start() -> io::Result<Rc<Agent>> {
    // Without this, processes whose parent has ended would be collected by somebody else.
    set_child_subreaper(Some(getpid()))?;
    let agent = Rc::new(Agent::new(Mode::Listen, None, None));
    let reaper = Rc::clone(&agent);
    spawn_local(async move { reaper.reaper.run().await });
    Ok(agent)
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(socket),
    }
}

/// Lets the agent open as many files as it may: every command needs a few.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // The limit that stays in force on an error only bounds the number of commands.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
