//! The methods `sync`, `freeze` and `thaw`: a disk that holds everything, and one that holds still.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::sleep;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::files::messages::FreezeRequest;
use crate::files::root::Volume;
use crate::files::stream::panicked;
use crate::files::write;
use crate::messages::Empty;
use crate::sys;

/// Longest time that a disk is held still.
const MAX_DEADLINE_MS: u64 = 60_000;

/// Whether the disk is held still, and the order of what changes trees.
#[derive(Debug, Default)]
pub struct Stillness {
    changes: Arc<Mutex<()>>,
    held: RefCell<Option<Held>>,
    count: Cell<u64>,
}

/// A disk that holds still: no commit begins while this exists.
#[derive(Debug)]
struct Held {
    number: u64,
    _alone: OwnedMutexGuard<()>,
}

impl Stillness {
    /// What whoever changes a tree holds meanwhile.
    pub fn changes(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.changes)
    }
}

/// Writes everything to the disk.
pub async fn sync(agent: &Agent, request: Empty) -> Result<Empty, Failure> {
    agent.require_setup()?;
    let volume = agent.volume();
    on_thread(move || write::sync(&volume)).await?;
    Ok(request)
}

/// Writes everything to the disk and lets nothing change it any more, until the deadline at the latest.
pub async fn freeze(agent: &Rc<Agent>, request: FreezeRequest) -> Result<Empty, Failure> {
    agent.require_setup()?;
    if !(1..=MAX_DEADLINE_MS).contains(&request.deadline_ms) {
        return Err(Failure::bad_request(format!("deadline_ms is not from 1 to {MAX_DEADLINE_MS}")));
    }
    let stillness = &agent.stillness;
    if stillness.held.borrow().is_some() {
        return Err(Failure::wrong_state("the disk is held still already"));
    }
    let alone = stillness.changes().lock_owned().await;
    let volume = agent.volume();
    on_thread(move || {
        // Most of it is written before anything has to wait.
        write::sync(&volume)?;
        hold(&volume, sys::freeze)
    })
    .await?;
    let number = stillness.count.get() + 1;
    stillness.count.set(number);
    stillness.held.replace(Some(Held { number, _alone: alone }));
    let later = Rc::clone(agent);
    spawn_local(async move {
        sleep(Duration::from_millis(request.deadline_ms)).await;
        if later.stillness.held.borrow().as_ref().is_some_and(|held| held.number == number) {
            // Nobody is there to be told.
            let _ = thaw(&later, Empty {}).await;
        }
    });
    Ok(Empty {})
}

/// Lets the disk change again; refused where the deadline has done so already.
pub async fn thaw(agent: &Agent, request: Empty) -> Result<Empty, Failure> {
    let Some(held) = agent.stillness.held.take() else {
        return Err(Failure::wrong_state("the disk is not held still"));
    };
    let volume = agent.volume();
    let result = on_thread(move || hold(&volume, sys::thaw)).await;
    drop(held);
    result.map(|()| request)
}

/// Lets the disk change again before the machine ends, which writes to it.
pub fn thaw_now(agent: &Agent) {
    if agent.stillness.held.take().is_some() {
        // A machine that ends has nobody to tell.
        let _ = hold(&agent.volume(), sys::thaw);
    }
}

/// A machine without a disk has nothing that must hold still.
fn hold(volume: &Volume, change: fn(&std::os::fd::OwnedFd) -> Result<(), Errno>) -> Result<(), Failure> {
    match volume.as_deref().map(change) {
        // Root in the guest can thaw a disk as well, and memory cannot be frozen.
        Some(Err(Errno::INVAL | Errno::OPNOTSUPP)) => {
            Err(Failure::wrong_state("the disk did not hold still"))
        }
        Some(Err(errno)) => Err(Failure::internal("hold", &errno.into())),
        Some(Ok(())) | None => Ok(()),
    }
}

async fn on_thread(work: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Result<(), Failure> {
    spawn_blocking(work).await.map_err(panicked)?
}
