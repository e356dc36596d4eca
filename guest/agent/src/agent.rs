//! The agent's state, and its answers to requests that are not streams.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group, umask};
use rustix::system::uname;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

use crate::cgroup::Cgroups;
use crate::console;
use crate::egress::asked::Egress;
use crate::failure::Failure;
use crate::files::root::Volume;
use crate::files::staging::UMASK;
use crate::files::stillness::{self, Stillness};
use crate::messages::{
    ClockRequest, ClockResponse, Empty, HelloRequest, HelloResponse, Mode, PROTOCOL, ResizeRequest,
    SetupRequest, SetupResponse, SignalRequest,
};
use crate::reaper::Reaper;
use crate::setup;
use crate::terminal::Terminals;
use crate::tree::kill_all_tagged;
use crate::trees::Trees;

/// Build id that host and agent compare.
pub const BUILD: &str = match option_env!("PYRO_AGENT_BUILD") {
    Some(build) => build,
    None => "dev",
};
/// Version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const MAX_NONCE: usize = 128;

/// Everything the handlers share.
#[derive(Debug)]
pub struct Agent {
    /// Where the agent runs
    pub mode: Mode,
    /// Collector of ended children
    pub reaper: Reaper,
    /// Control groups of the commands; none in `listen` mode
    pub cgroups: Option<Cgroups>,
    /// Trees of the commands that run
    pub trees: Trees,
    /// Terminals of the commands that have one
    pub terminals: Terminals,
    /// Whether the disk is held still
    pub stillness: Stillness,
    /// Connections to other machines, while there may be any
    pub egress: Egress,
    root: Option<String>,
    stage: Cell<Stage>,
    started: Instant,
    power_off: Notify,
    volume: RefCell<Volume>,
}

/// How far the setup of this machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    /// A machine whose setup failed half-way stays here and runs nothing
    Begun,
    SetUp,
}

impl Agent {
    /// An agent before its setup, whose machine has the root image `root` mounted.
    pub fn new(mode: Mode, cgroups: Option<Cgroups>, root: Option<String>) -> Self {
        umask(UMASK);
        Agent {
            mode,
            reaper: Reaper::default(),
            cgroups,
            trees: Trees::default(),
            terminals: Terminals::default(),
            stillness: Stillness::default(),
            egress: Egress::default(),
            root,
            stage: Cell::new(Stage::Fresh),
            started: Instant::now(),
            power_off: Notify::new(),
            volume: RefCell::default(),
        }
    }

    /// Refuses what a guest cannot do before its setup.
    pub fn require_setup(&self) -> Result<(), Failure> {
        match self.mode {
            Mode::Guest if self.stage.get() != Stage::SetUp => {
                Err(Failure::wrong_state("the machine has not been set up"))
            }
            _ => Ok(()),
        }
    }

    /// The writable disk, where there is one.
    pub fn volume(&self) -> Volume {
        self.volume.borrow().clone()
    }

    /// Answers with nothing.
    pub fn ping(&self, request: Empty) -> Result<Empty, Failure> {
        Ok(request)
    }

    /// Says who answers.
    pub fn hello(&self, request: HelloRequest) -> Result<HelloResponse, Failure> {
        if request.protocol != PROTOCOL {
            return Err(Failure::protocol_mismatch(request.protocol));
        }
        if request.nonce.len() > MAX_NONCE {
            return Err(Failure::bad_request(format!("nonce is longer than {MAX_NONCE} bytes")));
        }
        Ok(HelloResponse {
            protocol: PROTOCOL,
            build: BUILD.to_string(),
            nonce: request.nonce,
            version: VERSION.to_string(),
            mode: self.mode,
            kernel_release: uname().release().to_string_lossy().into_owned(),
            pid: std::process::id(),
            uptime_ms: self.uptime_ms(),
        })
    }

    /// Makes this machine itself, once.
    pub fn setup(&self, request: SetupRequest) -> Result<SetupResponse, Failure> {
        if self.mode == Mode::Guest && request.root.is_some() && request.root != self.root {
            return Err(Failure::bad_request("root is not the image that was mounted at boot"));
        }
        let checked = setup::Setup::check(request)?;
        if self.stage.get() != Stage::Fresh {
            return Err(Failure::wrong_state("the machine has been set up already"));
        }
        self.stage.set(Stage::Begun);
        let boot_id = match self.mode {
            Mode::Guest => {
                let (boot_id, volume) = checked.apply()?;
                self.volume.replace(volume);
                Some(boot_id)
            }
            Mode::Listen => None,
        };
        self.stage.set(Stage::SetUp);
        Ok(SetupResponse { uptime_ms: self.uptime_ms(), boot_id })
    }

    /// Sets the wall clock of a guest; an ordinary process leaves its host's alone.
    pub fn clock(&self, request: ClockRequest) -> Result<ClockResponse, Failure> {
        let time = setup::wall_time(request.wall_time_unix_ms)?;
        let was = clock_gettime(ClockId::Realtime);
        if self.mode == Mode::Guest {
            setup::set_wall_clock(time)?;
        }
        let milliseconds =
            u64::try_from(was.tv_sec).unwrap_or(0) * 1000 + was.tv_nsec.unsigned_abs() / 1_000_000;
        Ok(ClockResponse { was_unix_ms: milliseconds })
    }

    /// Gives the terminal of a running command another size.
    pub fn resize(&self, request: ResizeRequest) -> Result<Empty, Failure> {
        self.terminals.resize(&request)?;
        Ok(Empty {})
    }

    /// Signals the process group of a running command.
    pub fn signal(&self, request: &SignalRequest, signal: Signal) -> Result<Empty, Failure> {
        let pid = i32::try_from(request.pid)
            .ok()
            .and_then(Pid::from_raw)
            .filter(|pid| self.reaper.is_live(*pid))
            .ok_or_else(|| Failure::no_such_process(request.pid))?;
        match kill_process_group(pid, signal) {
            Ok(()) => Ok(Empty {}),
            Err(rustix::io::Errno::SRCH) => Err(Failure::no_such_process(request.pid)),
            Err(errno) => Err(Failure::internal("kill", &errno.into())),
        }
    }

    /// Accepts the end; the connection carries it out once this answer has left.
    pub fn announce_power_off(&self, request: Empty) -> Result<Empty, Failure> {
        self.power_off.notify_one();
        Ok(request)
    }

    /// Resolves when a request has announced the end.
    pub async fn powered_off(&self) {
        self.power_off.notified().await;
    }

    /// Ends the machine, the process in `listen` mode.
    pub fn power_off(&self) -> ! {
        match self.mode {
            Mode::Guest => {
                stillness::thaw_now(self);
                console::power_off()
            }
            Mode::Listen => {
                kill_all_tagged();
                std::process::exit(0)
            }
        }
    }

    fn uptime_ms(&self) -> u64 {
        let uptime = match self.mode {
            Mode::Guest => {
                let now = clock_gettime(ClockId::Boottime);
                u128::from(now.tv_sec.unsigned_abs()) * 1000
                    + u128::from(now.tv_nsec.unsigned_abs()) / 1_000_000
            }
            Mode::Listen => self.started.elapsed().as_millis(),
        };
        u64::try_from(uptime).unwrap_or(u64::MAX)
    }
}
