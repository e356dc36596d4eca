//! The `forward` method: a connection to a port of this machine, for a client on the host. Nothing here connects the other way.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
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
    let (from_server, to_server) = match begin(&agent, &mut body).await {
        Ok(socket) => socket.into_split(),
        Err(failure) => return send_failure(&mut respond, failure),
    };
    let Ok(mut stream) = respond.send_response(head(StatusCode::OK, "application/octet-stream"), false)
    else {
        return;
    };
    let both = tokio::try_join!(deliver(&from_server, &mut stream), feed(body, to_server));
    if let Err(Reset) = both {
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
async fn deliver(server: &OwnedReadHalf, stream: &mut SendStream<Bytes>) -> Result<(), Reset> {
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
        let socket: &TcpStream = server.as_ref();
        let length = match socket.try_io(Interest::READABLE, || fill(socket, &mut buffer)) {
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
async fn feed(mut body: Body, server: OwnedWriteHalf) -> Result<(), Reset> {
    while let Some(piece) = body.next().await.map_err(|_| Reset)? {
        if piece.kind != records::DATA {
            return Err(Reset);
        }
        let mut left = &piece.bytes[..];
        while !left.is_empty() {
            server.writable().await?;
            match server.try_write(left) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => left = &left[written?..],
            }
        }
        body.release(piece.bytes.len());
    }
    // The half that is dropped here says that there is no more.
    Ok(())
}
