//! One HTTP/2 connection: which method answers what.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use http::{Method, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::agent::Agent;
use crate::egress;
use crate::exec;
use crate::failure::Failure;
use crate::files::root::Volume;
use crate::files::stream::{Sink, Stop};
use crate::files::{self, read, stillness, walk, write};
use crate::forward;
use crate::messages::decode;
use crate::probe;
use crate::reply::{json, send_failure, send_json};
use crate::secrets;
use crate::signal;

/// Largest body of a request that is not a stream.
const MAX_BODY: usize = 1 << 20;
/// Unread input that one command or connection may pile up.
const STREAM_WINDOW: u32 = 256 << 10;
/// Wide enough that as many of them as there may be, none of which reads, leave room for the others.
const CONNECTION_WINDOW: u32 = 192 << 20;
const MAX_STREAMS: u32 = 1024;
const MAX_FRAME: u32 = 64 << 10;
const MAX_HEADERS: u32 = 16 << 10;
const MAX_UNSENT_PER_STREAM: usize = 256 << 10;
/// How long the answer to `poweroff` may take to leave.
const FLUSH_TIME: Duration = Duration::from_millis(20);

/// Answers requests until the connection ends.
pub async fn serve<T: AsyncRead + AsyncWrite + Unpin>(agent: &Rc<Agent>, io: T) {
    let handshake = Builder::new()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_header_list_size(MAX_HEADERS)
        .max_send_buffer_size(MAX_UNSENT_PER_STREAM)
        .handshake(io);
    let Ok(mut connection) = handshake.await else { return };
    tokio::select! {
        biased;
        () = accept(agent, &mut connection) => return,
        () = agent.powered_off() => {}
    }
    let _ = timeout(FLUSH_TIME, accept(agent, &mut connection)).await;
    agent.power_off();
}

async fn accept<T: AsyncRead + AsyncWrite + Unpin>(agent: &Rc<Agent>, connection: &mut Connection<T, Bytes>) {
    while let Some(Ok((request, respond))) = connection.accept().await {
        spawn_local(answer(Rc::clone(agent), request, respond));
    }
}

async fn answer(agent: Rc<Agent>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    if request.method() == Method::POST {
        match request.uri().path() {
            "/exec" => return exec::serve(agent, request.into_body(), respond).await,
            "/forward" => return forward::serve(agent, request.into_body(), respond).await,
            "/egress" => return egress::serve::serve(agent, request.into_body(), respond).await,
            "/tunnel" => return egress::tunnel::serve(agent, request.into_body(), respond).await,
            "/walk" => return stream(agent, request.into_body(), respond, walk::run).await,
            "/write" => return write::serve(agent, request.into_body(), respond).await,
            "/read" => return stream(agent, request.into_body(), respond, read::run).await,
            _ => {}
        }
    }
    match unary(&agent, request).await {
        Ok(body) => send_json(&mut respond, StatusCode::OK, body),
        Err(failure) => send_failure(&mut respond, failure),
    }
}

async fn unary(agent: &Rc<Agent>, request: Request<RecvStream>) -> Result<Vec<u8>, Failure> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if head.method != Method::POST {
        return Err(Failure::unknown_method(&format!("{} {path}", head.method)));
    }
    match path {
        "/ping" => call(body, |request| agent.ping(request)).await,
        "/hello" => call(body, |request| agent.hello(request)).await,
        "/setup" => call(body, |request| agent.setup(request)).await,
        "/secrets" => call(body, |request| secrets::keep(agent, &request)).await,
        "/clock" => call(body, |request| agent.clock(request)).await,
        "/resize" => call(body, |request| agent.resize(request)).await,
        "/signal" => Ok(json(&signal::signal(agent, message(body).await?).await?)),
        "/poweroff" => call(body, |request| agent.announce_power_off(request)).await,
        "/probe" => Ok(json(&probe::probe(agent, message(body).await?).await?)),
        "/sync" => Ok(json(&stillness::sync(agent, message(body).await?).await?)),
        "/freeze" => Ok(json(&stillness::freeze(agent, message(body).await?).await?)),
        "/thaw" => Ok(json(&stillness::thaw(agent, message(body).await?).await?)),
        _ => Err(Failure::unknown_method(path)),
    }
}

/// Answers with the records that `work` makes of a message.
async fn stream<Input: DeserializeOwned + Send + 'static>(
    agent: Rc<Agent>,
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
    work: fn(&Volume, &Input, &mut Sink) -> Result<(), Stop>,
) {
    let request = async {
        agent.require_setup()?;
        message::<Input>(body).await
    };
    match request.await {
        Ok(request) => {
            let volume = agent.volume();
            files::stream::answer(respond, move |sink| work(&volume, &request, sink)).await;
        }
        Err(failure) => send_failure(&mut respond, failure),
    }
}

async fn call<Input: DeserializeOwned, Output: Serialize>(
    body: RecvStream,
    handle: impl FnOnce(Input) -> Result<Output, Failure>,
) -> Result<Vec<u8>, Failure> {
    Ok(json(&handle(message(body).await?)?))
}

async fn message<Input: DeserializeOwned>(body: RecvStream) -> Result<Input, Failure> {
    decode(&whole(body).await?)
}

async fn whole(mut body: RecvStream) -> Result<BytesMut, Failure> {
    let mut whole = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(|error| Failure::bad_request(error.to_string()))?;
        if whole.len() + part.len() > MAX_BODY {
            return Err(Failure::bad_request(format!("the body is larger than {MAX_BODY} bytes")));
        }
        // An error means that the stream is over, which the next read reports.
        let _ = body.flow_control().release_capacity(part.len());
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}
