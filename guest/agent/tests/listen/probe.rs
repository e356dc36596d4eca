//! Looks at the machine: ports, servers, paths.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::machine::{Client, Machine};

async fn probe(client: &Client, request: Value) -> (u16, Value) {
    client.call("probe", &request.to_string()).await
}

/// A server that answers every connection with these bytes; its port.
async fn serving(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The other end may be gone already.
                let _ = stream.write_all(answer).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_port_is_there_or_not() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let port = serving(b"").await;
    assert_eq!(probe(&client, json!({"kind": "tcp", "port": port})).await.1["ok"], true);
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (status, answer) = probe(&client, json!({"kind": "tcp", "port": free})).await;
    assert_eq!((status, &answer["ok"]), (200, &json!(false)));
    assert!(answer["detail"].as_str().unwrap().contains("refused"), "{answer}");
    if let Ok(listener) = TcpListener::bind("[::1]:0").await {
        let port = listener.local_addr().unwrap().port();
        assert_eq!(probe(&client, json!({"kind": "tcp", "port": port})).await.1["ok"], true);
    }
    for request in
        [json!({"kind": "tcp", "port": 0}), json!({"kind": "tcp", "port": 70000}), json!({"kind": "udp"})]
    {
        assert_eq!(probe(&client, request).await.0, 400);
    }
}

#[tokio::test]
async fn a_server_says_its_status() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let table: [(&'static [u8], bool, &str); 4] = [
        (b"HTTP/1.1 204 No Content\r\n", true, "status 204"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", false, "status 503"),
        (b"SSH-2.0-x\r\n", false, "the answer is not HTTP"),
        (&[b'x'; 200_000], false, "the answer is not HTTP"),
    ];
    for (bytes, ok, detail) in table {
        let port = serving(bytes).await;
        let (_, answer) =
            probe(&client, json!({"kind": "http", "url": format!("http://localhost:{port}/a")})).await;
        assert_eq!(answer, json!({"ok": ok, "detail": detail}));
    }
    assert_eq!(probe(&client, json!({"kind": "http", "url": "http://10.0.0.1/"})).await.0, 400);
}

#[tokio::test]
async fn a_server_that_is_silent_holds_up_nobody() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let port = serving(b"HTTP/1.1 2").await;
    let began = Instant::now();
    let look = probe(&client, json!({"kind": "http", "url": format!("http://127.0.0.1:{port}")}));
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        assert_eq!(client.shell("exit 3").await.exit_code, Some(3));
        began.elapsed()
    };
    let ((_, answer), other) = tokio::join!(look, other);
    assert_eq!(answer, json!({"ok": false, "detail": "no answer in 2 s"}));
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(other < Duration::from_secs(1), "{other:?}");
}

#[tokio::test]
async fn a_path_is_there_or_not() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let long = format!("/{}", "x".repeat(300));
    for (path, ok, detail) in [
        ("/etc/passwd", true, "file"),
        ("/tmp/.", true, "directory"),
        ("/dev/null", true, "other"),
        ("/none/such", false, "nothing is there"),
        (&long, false, "File name too long (os error 36)"),
    ] {
        assert_eq!(
            probe(&client, json!({"kind": "file", "path": path})).await.1,
            json!({"ok": ok, "detail": detail})
        );
    }
    for path in ["", "relative", "/a\0b"] {
        assert_eq!(probe(&client, json!({"kind": "file", "path": path})).await.0, 400);
    }
}
