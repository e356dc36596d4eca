//! Sending: JSON answers, and bodies that obey the receiver's flow control.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::failure::Failure;

/// The host has cancelled the request or is gone.
#[derive(Debug)]
pub struct Cancelled;

impl From<h2::Error> for Cancelled {
    fn from(_: h2::Error) -> Self {
        Cancelled
    }
}

/// The head of an answer.
pub fn head(status: StatusCode, content_type: &'static str) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    head.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    head
}

/// A message as JSON.
pub fn json<T: Serialize>(message: &T) -> Vec<u8> {
    // Messages have string keys and finite numbers only, so they always serialize.
    serde_json::to_vec(message).unwrap_or_default()
}

/// Sends a whole JSON answer.
pub fn send_json(respond: &mut SendResponse<Bytes>, status: StatusCode, body: Vec<u8>) {
    // An error means that nobody waits for the answer.
    if let Ok(mut stream) = respond.send_response(head(status, "application/json"), false) {
        let _ = stream.send_data(body.into(), true);
    }
}

/// Sends a failure.
pub fn send_failure(respond: &mut SendResponse<Bytes>, failure: Failure) {
    send_json(respond, failure.status, json(&failure.message()));
}

/// Sends `data` as fast as the host takes it, and holds nothing beyond what it granted.
pub async fn send_data(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), Cancelled> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        if stream.capacity() == 0 {
            match poll_fn(|context| stream.poll_capacity(context)).await {
                Some(granted) => granted?,
                None => return Err(Cancelled),
            };
        }
        let granted = data.len().min(stream.capacity());
        if granted > 0 {
            stream.send_data(data.split_to(granted), false)?;
        }
    }
    Ok(())
}

/// Resolves when the host cancels the stream or is gone.
pub async fn cancelled(stream: &mut SendStream<Bytes>) -> Result<Reason, Cancelled> {
    Ok(poll_fn(|context| stream.poll_reset(context)).await?)
}
