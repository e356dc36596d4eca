//! The `exec` method: a command with its input, output, end, timeout and cancellation.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::{Instant as Deadline, sleep, sleep_until};

use crate::agent::Agent;
use crate::command;
use crate::failure::Failure;
use crate::free_space;
use crate::messages::{ExecEvent, ExecParams, FreeSpace, Mode};
use crate::output::Output;
use crate::reaper::Exit;
use crate::records;
use crate::reply::{Cancelled, cancelled, head, json, send_data, send_failure};
use crate::stdin::{Body, Broken, Stdin};
use crate::terminal::Seat;
use crate::tree::Tree;
use crate::trees::Entry;

/// How long processes that outlive their command may still add to its output.
const GRACE: Duration = Duration::from_millis(100);
/// Pause between two looks at a tree that was told to end.
const LOOK: Duration = Duration::from_millis(10);

/// A started command and all that belongs to it.
struct Execution {
    pid: u32,
    tree: Entry,
    ends_tree: bool,
    started: Instant,
    cwd: String,
    exit: oneshot::Receiver<Exit>,
    stdout: Output,
    stderr: Output,
    _seat: Option<Seat>,
}

/// Answers one exec request.
pub async fn serve(agent: Rc<Agent>, body: RecvStream, mut respond: SendResponse<Bytes>) {
    let mut body = Body::new(body);
    let (params, mut execution, stdin) = match begin(&agent, &mut body).await {
        Ok(begun) => begun,
        Err(failure) => return send_failure(&mut respond, failure),
    };
    let Ok(mut stream) = respond.send_response(head(StatusCode::OK, "application/octet-stream"), false)
    else {
        return execution.tree.kill().await;
    };
    let timeout = params.timeout_ms.map(Duration::from_millis);
    let reset = tokio::select! {
        biased;
        delivered = execution.deliver(&mut stream, timeout) => match delivered {
            Ok(()) => return,
            Err(Cancelled) => None,
        },
        broken = body.feed(stdin) => match broken {
            Broken::Lost => None,
            Broken::Malformed => Some(Reason::PROTOCOL_ERROR),
        },
    };
    if let Some(reason) = reset {
        stream.send_reset(reason);
    }
    execution.tree.kill().await;
}

async fn begin(agent: &Agent, body: &mut Body) -> Result<(ExecParams, Execution, Option<Stdin>), Failure> {
    agent.require_setup()?;
    let params: ExecParams = body.params().await?;
    let failed = |error: io::Error| Failure::internal("exec", &error);
    let tree = Tree::new(agent).map_err(failed)?;
    let started = Instant::now();
    let command = command::start(&params, &tree, agent.mode == Mode::Guest)?;
    let exit = agent.reaper.watch(command.pid);
    let pid = command.pid.as_raw_nonzero().get().unsigned_abs();
    let seat = command.terminal.map(|terminal| agent.terminals.seat(pid, terminal));
    let stderr = match command.stderr {
        Some(pipe) => Output::new(records::STDERR, pipe).map_err(failed)?,
        None => Output::none(records::STDERR),
    };
    let execution = Execution {
        pid,
        tree: agent.trees.enter(pid, tree),
        ends_tree: params.ends_tree,
        started,
        cwd: params.cwd.clone(),
        exit,
        stdout: Output::new(records::STDOUT, command.stdout).map_err(failed)?,
        stderr,
        _seat: seat,
    };
    let stdin = command.stdin.map(Stdin::new).transpose().map_err(failed)?;
    Ok((params, execution, stdin))
}

impl Execution {
    /// Sends output until the command is over, then how it ended.
    async fn deliver(
        &mut self,
        stream: &mut SendStream<Bytes>,
        timeout: Option<Duration>,
    ) -> Result<(), Cancelled> {
        send_data(stream, event(&ExecEvent::Started { pid: self.pid })).await?;
        let has_exited = Cell::new(false);
        let timed_out = Cell::new(false);
        let exit = tokio::select! {
            biased;
            exit = pump(&mut self.exit, &mut self.stdout, &mut self.stderr, stream, &has_exited) => exit?,
            () = enforce(timeout, &self.tree, &has_exited, &timed_out) => return Err(Cancelled),
        };
        if timed_out.get() {
            // The main process may be the first of its tree to be gone.
            self.tree.kill().await;
        }
        let rest_killed = self.ends_tree && self.end_rest(stream).await?;
        let ended = ExecEvent::Ended {
            exit_code: exit.code,
            signal: exit.signal,
            timed_out: timed_out.get(),
            oom_killed: self.tree.is_oom_killed(),
            rest_killed,
            free_space: self.free_space(exit).await,
            duration_ms: u64::try_from((exit.at - self.started).as_millis()).unwrap_or(u64::MAX),
        };
        send_data(stream, event(&ended)).await?;
        Ok(stream.send_data(Bytes::new(), true)?)
    }

    /// Ends what lives on: at once, or, where it was told to end by itself, when the host says so. Whether any was killed unasked.
    async fn end_rest(&mut self, stream: &mut SendStream<Bytes>) -> Result<bool, Cancelled> {
        while self.tree.is_told() && !self.tree.is_empty() {
            self.pass_on(stream, LOOK).await?;
        }
        let is_left = !self.tree.is_empty();
        self.tree.kill().await;
        while !(self.stdout.is_over() && self.stderr.is_over()) && self.pass_on(stream, GRACE).await? {}
        Ok(is_left)
    }

    /// Sends the next output; false where there is none within this time.
    async fn pass_on(&mut self, stream: &mut SendStream<Bytes>, time: Duration) -> Result<bool, Cancelled> {
        let record = tokio::select! {
            biased;
            _ = cancelled(stream) => return Err(Cancelled),
            record = either(&mut self.stdout, &mut self.stderr) => record,
            () = sleep(time) => return Ok(false),
        };
        if let Ok(Some(record)) = record {
            send_data(stream, record).await?;
        }
        Ok(true)
    }

    /// Only a command that did badly has a use for it.
    async fn free_space(&self, exit: Exit) -> Vec<FreeSpace> {
        match exit.code {
            Some(0) => vec![],
            _ => free_space::look(self.cwd.clone()).await,
        }
    }
}

fn event(event: &ExecEvent) -> Bytes {
    let json = json(event);
    [&records::header(records::JSON, json.len())[..], &json].concat().into()
}

/// Kills a command that runs too long. Never resolves.
async fn enforce(timeout: Option<Duration>, tree: &Tree, has_exited: &Cell<bool>, timed_out: &Cell<bool>) {
    if let Some(timeout) = timeout {
        sleep(timeout).await;
        if !has_exited.get() {
            timed_out.set(true);
            tree.kill().await;
        }
    }
    pending().await
}

/// Moves output until the command has exited and everything it wrote is sent; processes that it left behind get `GRACE`.
async fn pump(
    exit: &mut oneshot::Receiver<Exit>,
    stdout: &mut Output,
    stderr: &mut Output,
    stream: &mut SendStream<Bytes>,
    has_exited: &Cell<bool>,
) -> Result<Exit, Cancelled> {
    let mut ended: Option<Exit> = None;
    let mut grace: Option<Deadline> = None;
    loop {
        if let Some(exit) = ended {
            if stdout.is_over() && stderr.is_over() {
                return Ok(exit);
            }
            if grace.is_none() && stdout.is_paid() && stderr.is_paid() {
                grace = Some(Deadline::now() + GRACE);
            }
        }
        let record = tokio::select! {
            biased;
            _ = cancelled(stream) => return Err(Cancelled),
            result = &mut *exit, if ended.is_none() => {
                ended = Some(result.map_err(|_| Cancelled)?);
                has_exited.set(true);
                stdout.owe_rest();
                stderr.owe_rest();
                continue;
            }
            () = at(grace) => match ended {
                Some(exit) => return Ok(exit),
                None => continue,
            },
            record = either(stdout, stderr) => record,
        };
        // A pipe that cannot be read is over for the host.
        if let Ok(Some(record)) = record {
            send_data(stream, record).await?;
        }
    }
}

async fn either(stdout: &mut Output, stderr: &mut Output) -> io::Result<Option<Bytes>> {
    tokio::select! {
        record = stdout.next() => record,
        record = stderr.next() => record,
    }
}

async fn at(deadline: Option<Deadline>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
