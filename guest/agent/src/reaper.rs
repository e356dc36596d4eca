//! The reaper: collects every ended child, and tells whoever waits for one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::time::Instant;

use rustix::process::{Pid, WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// Exit code, unless a signal ended it
    pub code: Option<i32>,
    /// Signal that ended it
    pub signal: Option<i32>,
    /// When it was collected
    pub at: Instant,
}

/// The commands whose end somebody waits for.
///
/// A pid stays in the map exactly as long as it is not collected, so a pid found here is never a recycled one.
#[derive(Debug, Default)]
pub struct Reaper {
    waiting: RefCell<HashMap<Pid, oneshot::Sender<Exit>>>,
}

impl Reaper {
    /// Announces a child. There must be no `await` between its start and this call.
    pub fn watch(&self, pid: Pid) -> oneshot::Receiver<Exit> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, sender);
        receiver
    }

    /// Whether a watched child has not been collected.
    pub fn is_live(&self, pid: Pid) -> bool {
        self.waiting.borrow().contains_key(&pid)
    }

    /// Collects ended children until the process ends.
    pub async fn run(&self) -> io::Result<()> {
        let mut ended = signal(SignalKind::child())?;
        loop {
            self.collect();
            ended.recv().await;
        }
    }

    fn collect(&self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let Some(sender) = self.waiting.borrow_mut().remove(&pid) else { continue };
            let exit =
                Exit { code: status.exit_status(), signal: status.terminating_signal(), at: Instant::now() };
            // The receiver is gone when the host cancelled.
            let _ = sender.send(exit);
        }
    }
}
