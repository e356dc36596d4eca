//! Requests that are not streams, and the life of the process itself.

use std::time::Duration;

use serde_json::json;

use crate::machine::{Machine, command, eventually};

const SETUP: &str = r#"{"hostname":"pyro-1","machine_id":"0123456789abcdef0123456789abcdef","entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==","wall_time_unix_ms":1790000000000,"root":null,"disk":null}"#;

#[tokio::test]
async fn hello_says_who_answers() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (status, answer) = client.call("hello", r#"{"protocol":1,"build":"x","nonce":"n"}"#).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&answer["nonce"], &answer["mode"], &answer["protocol"]),
        (&json!("n"), &json!("listen"), &json!(1))
    );
    assert_eq!(answer["pid"], machine.pid());
    let (status, answer) = client.call("hello", r#"{"protocol":2,"build":"x","nonce":"n"}"#).await;
    assert_eq!((status, &answer["code"]), (409, &json!("protocol_mismatch")));
    let long = format!(r#"{{"protocol":1,"build":"x","nonce":"{}"}}"#, "n".repeat(129));
    assert_eq!(client.call("hello", &long).await.0, 400);
}

#[tokio::test]
async fn malformed_and_unknown_requests_are_refused() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    assert_eq!(client.call("ping", "{}").await, (200, json!({})));
    for body in ["", "{", "[]", "null", r#"{"more":1}"#] {
        let (status, answer) = client.call("ping", body).await;
        assert_eq!(
            (status, &answer["code"], &answer["errno"]),
            (400, &json!("bad_request"), &json!(null)),
            "{body}"
        );
    }
    let (status, answer) = client.call("nonesuch", "{}").await;
    assert_eq!((status, &answer["code"]), (404, &json!("unknown_method")));
    let large = format!("{}{{}}", " ".repeat(1 << 20));
    assert_eq!(client.call("ping", &large).await.0, 400);
    assert_eq!(client.call("ping", "{}").await, (200, json!({})));
}

#[tokio::test]
async fn setup_happens_once() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    assert_eq!(client.call("setup", "{}").await.0, 400);
    let (status, answer) = client.call("setup", SETUP).await;
    assert_eq!((status, &answer["boot_id"]), (200, &json!(null)));
    let (status, answer) = client.call("setup", SETUP).await;
    assert_eq!((status, &answer["code"]), (409, &json!("wrong_state")));
}

#[tokio::test]
async fn a_running_command_is_signalled() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut running = client.begin(&command(&["sleep", "600"])).await;
    while running.outcome.pid == 0 {
        running.read().await;
    }
    let pid = running.outcome.pid;
    assert_eq!(client.call("signal", &format!(r#"{{"pid":{pid},"signal":64,"tree":false}}"#)).await.0, 400);
    assert_eq!(
        client.call("signal", &format!(r#"{{"pid":{pid},"signal":15,"tree":false}}"#)).await,
        (200, json!({}))
    );
    assert_eq!(running.finish().await.signal, Some(15));
    for other in [pid, 1, std::process::id(), 0, u32::MAX] {
        let (status, answer) =
            client.call("signal", &format!(r#"{{"pid":{other},"signal":15,"tree":false}}"#)).await;
        assert_eq!((status, &answer["code"]), (404, &json!("no_such_process")));
    }
}

#[tokio::test]
async fn power_off_is_answered_and_ends_the_process() {
    let mut machine = Machine::start().await;
    let client = machine.connect().await;
    assert_eq!(client.call("poweroff", "{}").await, (200, json!({})));
    assert!(machine.process.wait().unwrap().success());
}

#[tokio::test]
async fn termination_ends_the_process_and_its_commands() {
    let mut machine = Machine::start().await;
    let client = machine.connect().await;
    let left = client.shell("sleep 600 >/dev/null 2>&1 & echo $!").await;
    let pid: u32 = String::from_utf8(left.stdout).unwrap().trim().parse().unwrap();
    let agent = rustix::process::Pid::from_child(&machine.process);
    rustix::process::kill_process(agent, rustix::process::Signal::TERM).unwrap();
    assert!(machine.process.wait().unwrap().success());
    eventually("the end of the background process", || !crate::machine::is_alive(pid)).await;
}

#[tokio::test]
async fn garbage_ends_only_its_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut garbage = tokio::net::UnixStream::connect(machine.directory.join("sock")).await.unwrap();
    garbage.write_all(&[0xff; 4096]).await.unwrap();
    let mut rest = vec![];
    let closed = tokio::time::timeout(Duration::from_secs(5), garbage.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    assert_eq!(client.call("ping", "{}").await, (200, json!({})));
}
