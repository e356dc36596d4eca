//! A disk that holds still; that of an ordinary process does not.

use std::time::Duration;

use serde_json::json;

use crate::files::{Upload, shown, tree};
use crate::machine::Machine;

#[tokio::test]
async fn a_disk_is_held_still_once_and_let_go_once() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    assert_eq!(client.call("sync", "{}").await, (200, json!({})));
    assert_eq!(client.call("thaw", "{}").await.0, 409);
    assert_eq!(client.call("freeze", r#"{"deadline_ms":0}"#).await.0, 400);
    assert_eq!(client.call("freeze", r#"{"deadline_ms":60001}"#).await.0, 400);
    assert_eq!(client.call("freeze", r#"{"deadline_ms":60000}"#).await, (200, json!({})));
    assert_eq!(client.call("freeze", r#"{"deadline_ms":60000}"#).await.0, 409);
    assert_eq!(client.call("thaw", "{}").await, (200, json!({})));
    assert_eq!(client.call("thaw", "{}").await.0, 409);
}

#[tokio::test]
async fn a_commit_waits_until_the_deadline_of_a_host_that_is_gone() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let lost = machine.connect().await;
    assert_eq!(lost.call("freeze", r#"{"deadline_ms":400}"#).await, (200, json!({})));
    lost.connection.abort();
    let upload = client.write(Upload::new(&root).file("a", "x").commit());
    tokio::pin!(upload);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut upload).await.is_err());
    assert_eq!(shown(&root), [""; 0]);
    upload.await.unwrap();
    assert_eq!(shown(&root), ["a 644 x"]);
    assert_eq!(client.call("thaw", "{}").await.0, 409);
}
