//! Connections to ports of the machine: bytes both ways, each way's end by itself, and what becomes of one when the other end goes.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use http::Request;
use pyro_agent::records;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::machine::{Client, Machine, read_to_end};

async fn listening() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The host's side of a connection.
struct Forward {
    status: u16,
    send: SendStream<Bytes>,
    body: RecvStream,
    unread: BytesMut,
}

impl Forward {
    async fn open(client: &Client, params: &str) -> Self {
        let request = Request::post("http://agent/forward").body(()).unwrap();
        let (response, send) =
            client.sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
        let mut send = send;
        send.send_data(record(records::JSON, params.as_bytes()), false).unwrap();
        let response = response.await.unwrap();
        let status = response.status().as_u16();
        Forward { status, send, body: response.into_body(), unread: BytesMut::new() }
    }

    async fn connected(client: &Client, port: u16) -> Self {
        let mut forward = Self::open(client, &format!(r#"{{"port":{port}}}"#)).await;
        assert_eq!(forward.status, 200);
        assert_eq!(forward.next().await.unwrap(), (records::JSON, br#"{"event":"connected"}"#.to_vec()));
        forward
    }

    fn send(&mut self, bytes: &[u8]) {
        self.send.send_data(record(records::DATA, bytes), false).unwrap();
    }

    /// The next record; none at the end.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if self.unread.len() >= records::HEADER {
                let length = u32::from_be_bytes(self.unread[1..5].try_into().unwrap()) as usize;
                if self.unread.len() >= records::HEADER + length {
                    let kind = self.unread.get_u8();
                    self.unread.advance(4);
                    return Some((kind, self.unread.split_to(length).to_vec()));
                }
            }
            let part = self.body.data().await?.unwrap();
            self.body.flow_control().release_capacity(part.len()).unwrap();
            self.unread.extend_from_slice(&part);
        }
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut whole = vec![];
        while let Some((kind, bytes)) = self.next().await {
            assert_eq!(kind, records::DATA);
            whole.extend(bytes);
        }
        whole
    }
}

fn record(kind: u8, payload: &[u8]) -> Bytes {
    [&records::header(kind, payload.len())[..], payload].concat().into()
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what).await.unwrap()
}

#[tokio::test]
async fn each_way_ends_by_itself() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (listener, port) = listening().await;
    let mut forward = Forward::connected(&client, port).await;
    let (mut server, _) = listener.accept().await.unwrap();
    forward.send(b"ask");
    forward.send.send_data(Bytes::new(), true).unwrap();
    let mut asked = String::new();
    soon(server.read_to_string(&mut asked)).await.unwrap();
    assert_eq!(asked, "ask");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    assert_eq!(soon(forward.rest()).await, b"answer");

    let mut forward = Forward::connected(&client, port).await;
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"first").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(soon(forward.rest()).await, b"first");
    forward.send(b"late");
    forward.send.send_data(Bytes::new(), true).unwrap();
    let mut late = String::new();
    soon(server.read_to_string(&mut late)).await.unwrap();
    assert_eq!(late, "late");
}

#[tokio::test]
async fn a_reset_goes_to_the_other_end() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (listener, port) = listening().await;
    let mut forward = Forward::connected(&client, port).await;
    let (mut server, _) = listener.accept().await.unwrap();
    forward.send.send_reset(Reason::CANCEL);
    let mut byte = [0];
    assert!(matches!(soon(server.read(&mut byte)).await, Ok(0) | Err(_)));

    let mut forward = Forward::connected(&client, port).await;
    let (server, _) = listener.accept().await.unwrap();
    server.set_zero_linger().unwrap();
    drop(server);
    let error = soon(forward.body.data()).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL));
}

#[tokio::test]
async fn a_side_that_does_not_read_holds_the_other_back_and_nobody_else() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (listener, port) = listening().await;
    let mut forward = Forward::connected(&client, port).await;
    let (mut server, _) = listener.accept().await.unwrap();
    // Nobody reads the stream: the server's writes stop once windows and buffers are full.
    let block = vec![7_u8; 1 << 20];
    let mut written = 0;
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(500), server.write(&block)).await {
        written += sent.unwrap();
        assert!(written < 64 << 20, "nothing held it back");
    }
    assert_eq!(client.call("ping", "{}").await.0, 200);
    drop(server);
    assert_eq!(soon(forward.rest()).await.len(), written);
}

#[tokio::test]
async fn what_nobody_takes_is_refused_by_name() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (listener, port) = listening().await;
    drop(listener);
    let mut forward = Forward::open(&client, &format!(r#"{{"port":{port}}}"#)).await;
    assert_eq!(forward.status, 422);
    let failure = String::from_utf8(read_to_end(&mut forward.body).await).unwrap();
    assert!(failure.contains(r#""code":"port_refused""#), "{failure}");
    for params in [r#"{"port":0}"#, r#"{"port":65536}"#, r#"{"port":80,"host":"10.0.0.1"}"#, "[]"] {
        assert_eq!(Forward::open(&client, params).await.status, 400, "{params}");
    }
    if let Ok(listener) = TcpListener::bind("[::1]:0").await {
        let port = listener.local_addr().unwrap().port();
        Forward::connected(&client, port).await;
        let _socket: TcpStream = soon(listener.accept()).await.unwrap().0;
    }
}
