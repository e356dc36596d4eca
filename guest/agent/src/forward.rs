//! The `forward` method: a connection to a port of this machine, for a client on the host. Nothing here connects the other way.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;
use rustix::net::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::messages::{ForwardEvent, ForwardParams};
use crate::output::fill;
use crate::probe::{LOOPBACK, connect};
use crate::records::{self, HEADER};
use crate::reply::{Cancelled, cancelled, head, json, send_data, send_failure};
use crate::stdin::Body;

/// Time in which a server takes a connection.
const DEADLINE: Duration = Duration::from_secs(10);

/// Most that is written at once, beside the last part.
const MAX_GATHERED: usize = 128 << 10;

/// One of the two ends is broken, and so is the other.
struct Reset;

impl From<Cancelled> for Reset {
    fn from(_: Cancelled) -> Self {
        Reset
    }
}

impl From<io::Error> for Reset {
    fn from(_: io::Error) -> Self {
        Reset
    }
}

/// Answers one forward request.
pub async fn serve(agent: Rc<Agent>, body: RecvStream, mut respond: SendResponse<Bytes>) {
    let mut body = Body::new(body);
    match begin(&agent, &mut body).await {
        Ok(socket) => join(&socket, body, respond).await,
        Err(failure) => send_failure(&mut respond, failure),
    }
}

/// Says that there is a connection, and carries bytes both ways, each to its end. What breaks one side resets the other.
pub async fn join(socket: &TcpStream, body: Body, mut respond: SendResponse<Bytes>) {
    let Ok(mut stream) = respond.send_response(head(StatusCode::OK, "application/octet-stream"), false)
    else {
        return;
    };
    let both = tokio::try_join!(deliver(socket, &mut stream), feed(body, socket));
    if let Err(Reset) = both {
        // Without this the other end would see an end like any other.
        let _ = socket.set_zero_linger();
        stream.send_reset(Reason::CANCEL);
    }
}

async fn begin(agent: &Agent, body: &mut Body) -> Result<TcpStream, Failure> {
    agent.require_setup()?;
    let ForwardParams { port } = body.params().await?;
    if port == 0 {
        return Err(Failure::bad_request("port is 0"));
    }
    let refused = |detail: String| Failure::exec("port_refused", detail, None);
    let (socket, _) = timeout(DEADLINE, connect(&LOOPBACK, port))
        .await
        .unwrap_or_else(|_| Err(format!("port {port}: no answer in 10 s")))
        .map_err(refused)?;
    // A connection without this setting is a slower one.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

/// Sends what the server writes, then the end.
async fn deliver(server: &TcpStream, stream: &mut SendStream<Bytes>) -> Result<(), Reset> {
    let connected = json(&ForwardEvent::Connected {});
    let record = [&records::header(records::JSON, connected.len())[..], &connected].concat();
    send_data(stream, record.into()).await?;
    loop {
        tokio::select! {
            biased;
            _ = cancelled(stream) => return Err(Reset),
            ready = server.readable() => ready?,
        }
        let mut buffer = vec![];
        let length = match server.try_io(Interest::READABLE, || fill(server, &mut buffer)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            length => length?,
        };
        if length == 0 {
            return Ok(stream.send_data(Bytes::new(), true).map_err(Cancelled::from)?);
        }
        buffer[..HEADER].copy_from_slice(&records::header(records::DATA, length));
        send_data(stream, buffer.into()).await?;
    }
}

/// Writes what the client sends, then the end.
async fn feed(mut body: Body, server: &TcpStream) -> Result<(), Reset> {
    while let Some(piece) = body.next().await.map_err(|_| Reset)? {
        let mut pieces = vec![piece];
        let mut length = pieces[0].bytes.len();
        // Together what has come together: the kernel makes larger packets of it.
        while length < MAX_GATHERED
            && let Some(piece) = body.next_at_once().await
        {
            // The end comes again when it is waited for.
            let Some(piece) = piece.map_err(|_| Reset)? else { break };
            length += piece.bytes.len();
            pieces.push(piece);
        }
        if pieces.iter().any(|piece| piece.kind != records::DATA) {
            return Err(Reset);
        }
        write_all(server, pieces.into_iter().map(|piece| piece.bytes)).await?;
        body.release(length);
    }
    Ok(shutdown(server, Shutdown::Write).map_err(io::Error::from)?)
}

async fn write_all(server: &TcpStream, parts: impl Iterator<Item = Bytes>) -> io::Result<()> {
    let parts: Vec<Bytes> = parts.collect();
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut left = &mut slices[..];
    // What has no bytes would be no progress.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        server.writable().await?;
        match server.try_write_vectored(left) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => IoSlice::advance_slices(&mut left, written?),
        }
    }
    Ok(())
}
