//! The end of whole process trees: by timeout, by cancellation, by a lost connection.

use std::time::{Duration, Instant};

use crate::machine::{Client, Machine, Running, eventually, is_alive, shell};

/// Prints four pids: a daemon with a session of its own, its child, a plain background process, and itself; then stays.
const TREE: &str = "(setsid sh -c 'echo $$; sleep 600 & echo $!; wait' &)
sleep 601 & echo $!
echo $$
exec sleep 602";

async fn grow(client: &Client, timeout_ms: Option<u64>) -> (Running, Vec<u32>) {
    let mut params = shell(TREE);
    params.timeout_ms = timeout_ms;
    let mut running = client.begin(&params).await;
    let lines = |running: &Running| running.outcome.stdout.iter().filter(|byte| **byte == b'\n').count();
    while lines(&running) < 4 {
        assert!(running.read().await);
    }
    let pids =
        String::from_utf8_lossy(&running.outcome.stdout).lines().map(|pid| pid.parse().unwrap()).collect();
    (running, pids)
}

#[tokio::test]
async fn a_timeout_kills_the_tree_and_keeps_the_output() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let started = Instant::now();
    let (running, pids) = grow(&client, Some(400)).await;
    let outcome = running.finish().await;
    let elapsed = started.elapsed();
    assert!((400..3000).contains(&elapsed.as_millis()), "{elapsed:?}");
    assert_eq!((outcome.exit_code, outcome.signal, outcome.timed_out), (None, Some(9), true));
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "{pids:?}");
}

#[tokio::test]
async fn a_timeout_comes_even_when_nobody_reads() {
    let machine = Machine::start().await;
    let client = machine.connect_with_window(65_535).await;
    let mut params = shell("echo $$; exec yes");
    params.timeout_ms = Some(300);
    let mut running = client.begin(&params).await;
    running.read().await;
    let pid = running.outcome.pid;
    eventually("the kill", || !is_alive(pid)).await;
    assert!(running.finish().await.timed_out);
}

#[tokio::test]
async fn cancelling_kills_the_tree() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let (mut running, pids) = grow(&client, None).await;
    running.cancel();
    eventually("the end of the tree", || pids.iter().all(|pid| !is_alive(*pid))).await;
    assert_eq!(client.shell("exit 4").await.exit_code, Some(4));
}

#[tokio::test]
async fn a_lost_connection_kills_what_ran_on_it() {
    let machine = Machine::start().await;
    let (lost, kept) = (machine.connect().await, machine.connect().await);
    let (_running, pids) = grow(&lost, None).await;
    let (other, others) = grow(&kept, Some(1000)).await;
    lost.connection.abort();
    eventually("the end of the tree", || pids.iter().all(|pid| !is_alive(*pid))).await;
    assert!(others.iter().all(|pid| is_alive(*pid)), "another connection's tree was killed");
    assert!(other.finish().await.timed_out);
}

#[tokio::test]
async fn killing_one_tree_leaves_the_orphans_of_another() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let orphan = client.shell("(setsid sleep 600 >/dev/null 2>&1 & echo $!)").await;
    let pid: u32 = String::from_utf8(orphan.stdout).unwrap().trim().parse().unwrap();
    let (running, _) = grow(&client, Some(200)).await;
    assert!(running.finish().await.timed_out);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_alive(pid));
    assert_eq!(client.shell(&format!("kill {pid}")).await.exit_code, Some(0));
}
