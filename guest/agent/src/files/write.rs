//! The `write` method: an upload that changes a tree as a whole.

use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::StatusCode;
use rustix::fs::syncfs;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::files::commit::commit;
use crate::files::messages::{WriteParams, WriteResponse};
use crate::files::root::{Root, Volume};
use crate::files::staging::Staging;
use crate::files::stream::panicked;
use crate::files::upload::{Body, Part, Upload};
use crate::reply::{json, send_failure, send_json};

/// Parts that may wait for the thread: at most as much as the window of a stream.
const PARTS: usize = 16;

/// Answers one upload.
pub async fn serve(agent: Rc<Agent>, mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    if let Err(failure) = agent.require_setup() {
        return send_failure(&mut respond, failure);
    }
    let (sender, parts) = channel(PARTS);
    let (volume, changes) = (agent.volume(), agent.stillness.changes());
    let mut thread = spawn_blocking(move || run(&volume, &changes, Body::new(parts)));
    let outcome = tokio::select! {
        biased;
        outcome = &mut thread => outcome,
        // The sender is gone then, which tells the thread.
        () = feed(&mut body, &mut respond, sender) => thread.await,
    };
    match outcome {
        Ok(Ok(response)) => send_json(&mut respond, StatusCode::OK, json(&response)),
        Ok(Err(failure)) => send_failure(&mut respond, failure),
        Err(error) => send_failure(&mut respond, panicked(error)),
    }
}

/// Hands the body to the thread. Resolves only when the host gives up.
async fn feed(body: &mut RecvStream, respond: &mut SendResponse<Bytes>, sender: Sender<Part>) {
    loop {
        let part = match body.data().await {
            Some(Ok(bytes)) => Part::Bytes(bytes),
            Some(Err(_)) => return,
            None => break,
        };
        let length = if let Part::Bytes(bytes) = &part { bytes.len() } else { 0 };
        if sender.send(part).await.is_err() {
            return pending().await;
        }
        // An error means that the stream is over, which the next read reports.
        let _ = body.flow_control().release_capacity(length);
    }
    if sender.send(Part::End).await.is_err() {
        return pending().await;
    }
    // Both outcomes mean that nobody waits for the answer.
    let _ = poll_fn(|context| respond.poll_reset(context)).await;
}

fn run(volume: &Volume, changes: &Arc<Mutex<()>>, mut body: Body) -> Result<WriteResponse, Failure> {
    let params: WriteParams = body.json()?;
    let Root { directory, shelter } = Root::open(volume, &params.root)?;
    let staging = Staging::new(shelter).map_err(|errno| Failure::internal("staging", &errno.into()))?;
    let (complete, response) = Upload::begin(params, staging)?.receive(&mut body)?;
    let _alone = changes.blocking_lock();
    commit(&directory, &complete, &|| body.is_cancelled(), || sync(volume))?;
    Ok(response)
}

/// Writes everything to the disk; an ordinary process leaves that to its host.
pub fn sync(volume: &Volume) -> Result<(), Failure> {
    match volume {
        Some(top) => syncfs(top).map_err(|errno| Failure::internal("sync", &errno.into())),
        None => Ok(()),
    }
}
