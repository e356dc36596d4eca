//! A running agent and a small client of its protocol.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::Request;
use pyro_agent::messages::{ExecEvent, ExecParams};
use pyro_agent::records;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// An agent with `--listen`, and a directory of its own.
pub struct Machine {
    pub process: Child,
    pub directory: PathBuf,
}

impl Machine {
    pub async fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("pyro-agent-{}-{count}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_pyro-agent"))
            .arg("--listen")
            .arg(directory.join("sock"))
            .spawn()
            .unwrap();
        let machine = Machine { process, directory };
        eventually("the socket", || UnixStreamProbe::connects(&machine.directory.join("sock"))).await;
        machine
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub async fn connect(&self) -> Client {
        self.connect_with_window(1 << 20).await
    }

    pub async fn connect_with_window(&self, window: u32) -> Client {
        let stream = UnixStream::connect(self.directory.join("sock")).await.unwrap();
        let (sender, connection) = Builder::new()
            .initial_window_size(window)
            .initial_connection_window_size(window.max(16 << 20))
            .max_frame_size(256 << 10)
            .handshake(stream)
            .await
            .unwrap();
        Client { sender, connection: tokio::spawn(async { drop(connection.await) }) }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // On this signal the agent ends its commands as well.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct UnixStreamProbe;

impl UnixStreamProbe {
    fn connects(path: &Path) -> bool {
        std::os::unix::net::UnixStream::connect(path).is_ok()
    }
}

/// Waits until something holds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 5 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// A connection to an agent.
pub struct Client {
    pub sender: SendRequest<Bytes>,
    pub connection: JoinHandle<()>,
}

/// How a command went.
#[derive(Debug, Default)]
pub struct Outcome {
    pub status: u16,
    pub failure: String,
    pub pid: u32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub timed_out: bool,
    pub rest_killed: bool,
}

impl Client {
    pub async fn call(&self, method: &str, body: &str) -> (u16, Value) {
        let request = Request::post(format!("http://agent/{method}")).body(()).unwrap();
        let (response, mut send) =
            self.sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
        send.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        let mut response = response.await.unwrap();
        let body = read_to_end(response.body_mut()).await;
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap())
    }

    pub async fn begin(&self, params: &ExecParams) -> Running {
        let request = Request::post("http://agent/exec").body(()).unwrap();
        let (response, send) =
            self.sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
        let mut running = Running {
            response: Some(response),
            body: None,
            input: Some(Input(send)),
            unread: BytesMut::new(),
            outcome: Outcome::default(),
        };
        running.send(records::JSON, &serde_json::to_vec(params).unwrap()).await;
        running
    }

    pub async fn run(&self, params: &ExecParams) -> Outcome {
        let mut running = self.begin(params).await;
        running.end_input();
        running.finish().await
    }

    pub async fn shell(&self, script: &str) -> Outcome {
        self.run(&shell(script)).await
    }
}

/// The parameters of a shell script.
pub fn shell(script: &str) -> ExecParams {
    command(&["sh", "-c", script])
}

/// The parameters of a command.
pub fn command(argv: &[&str]) -> ExecParams {
    ExecParams {
        argv: argv.iter().map(ToString::to_string).collect(),
        env: BTreeMap::from([("PATH".to_string(), "/usr/bin:/bin".to_string())]),
        cwd: "/".to_string(),
        timeout_ms: None,
        stdin: false,
        ends_tree: false,
        pty: None,
    }
}

pub async fn read_to_end(body: &mut RecvStream) -> Vec<u8> {
    let mut whole = vec![];
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        whole.extend_from_slice(&part);
    }
    whole
}

/// A command that runs.
pub struct Running {
    response: Option<h2::client::ResponseFuture>,
    body: Option<RecvStream>,
    pub input: Option<Input>,
    unread: BytesMut,
    pub outcome: Outcome,
}

impl Running {
    pub async fn send(&mut self, kind: u8, payload: &[u8]) {
        self.input.as_mut().unwrap().send(kind, payload).await;
    }

    /// The same; false when the agent has ended the stream.
    pub async fn try_send(&mut self, kind: u8, payload: &[u8]) -> bool {
        let header = records::header(kind, payload.len());
        self.input.as_mut().unwrap().try_send([&header[..], payload].concat()).await
    }

    pub fn end_input(&mut self) {
        self.input.as_mut().unwrap().end();
    }

    pub fn cancel(&mut self) {
        self.input.as_mut().unwrap().0.send_reset(Reason::CANCEL);
    }

    /// Reads one part of the answer; false at its end.
    pub async fn read(&mut self) -> bool {
        self.try_read().await.unwrap()
    }

    pub async fn try_read(&mut self) -> Result<bool, h2::Error> {
        if let Some(response) = self.response.take() {
            let response = response.await?;
            self.outcome.status = response.status().as_u16();
            self.body = Some(response.into_body());
        }
        let body = self.body.as_mut().unwrap();
        let Some(part) = body.data().await else { return Ok(false) };
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        self.unread.extend_from_slice(&part);
        if self.outcome.status == 200 {
            self.take_records();
        }
        Ok(true)
    }

    pub async fn finish(mut self) -> Outcome {
        while self.read().await {}
        if self.outcome.status != 200 {
            let failure: Value = serde_json::from_slice(&self.unread).unwrap();
            self.outcome.failure = failure["code"].as_str().unwrap().to_string();
        } else {
            assert!(self.unread.is_empty());
        }
        self.outcome
    }

    fn take_records(&mut self) {
        while self.unread.len() >= records::HEADER {
            let length = u32::from_be_bytes(self.unread[1..5].try_into().unwrap()) as usize;
            if self.unread.len() < records::HEADER + length {
                return;
            }
            let kind = self.unread.get_u8();
            self.unread.advance(4);
            let payload = self.unread.split_to(length);
            match kind {
                records::STDOUT => self.outcome.stdout.extend_from_slice(&payload),
                records::STDERR => self.outcome.stderr.extend_from_slice(&payload),
                _ => self.note(serde_json::from_slice(&payload).unwrap()),
            }
        }
    }

    fn note(&mut self, event: ExecEvent) {
        match event {
            ExecEvent::Started { pid } => self.outcome.pid = pid,
            ExecEvent::Ended { exit_code, signal, timed_out, rest_killed, .. } => {
                self.outcome.rest_killed = rest_killed;
                self.outcome.exit_code = exit_code;
                self.outcome.signal = signal;
                self.outcome.timed_out = timed_out;
            }
        }
    }
}

/// The host's side of a running command.
pub struct Input(pub SendStream<Bytes>);

impl Input {
    pub async fn send(&mut self, kind: u8, payload: &[u8]) {
        let header = records::header(kind, payload.len());
        assert!(self.try_send([&header[..], payload].concat()).await);
    }

    /// Sends bytes as they are; false when the agent has ended the stream.
    pub async fn try_send(&mut self, bytes: Vec<u8>) -> bool {
        let mut record: Bytes = bytes.into();
        while !record.is_empty() {
            self.0.reserve_capacity(record.len());
            let granted = std::future::poll_fn(|context| self.0.poll_capacity(context)).await;
            let Some(Ok(granted)) = granted else { return false };
            if self.0.send_data(record.split_to(granted.min(record.len())), false).is_err() {
                return false;
            }
        }
        true
    }

    pub fn end(&mut self) {
        self.0.send_data(Bytes::new(), true).unwrap();
    }
}
