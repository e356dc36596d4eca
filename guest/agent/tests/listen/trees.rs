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

#[tokio::test]
async fn what_was_left_behind_ends_where_that_is_asked_for() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = shell("setsid sleep 603 >/dev/null 2>&1 & echo $!");
    for ends_tree in [true, false] {
        params.ends_tree = ends_tree;
        let outcome = client.run(&params).await;
        let pid = String::from_utf8_lossy(&outcome.stdout).trim().parse().unwrap();
        assert_eq!((outcome.exit_code, outcome.rest_killed), (Some(0), ends_tree));
        assert_eq!(is_alive(pid), !ends_tree);
    }
    params = shell("true");
    params.ends_tree = true;
    assert!(!client.run(&params).await.rest_killed);
}

#[tokio::test]
async fn a_whole_tree_is_told_to_end_and_gets_the_time_to() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    // The first process ends at once, another with a session of its own takes its time and says a last word.
    let mut params = shell(
        "setsid sh -c 'trap \"sleep 0.3; echo last; exit\" TERM; echo up; while :; do sleep 0.01; done' & wait",
    );
    params.ends_tree = true;
    let mut running = client.begin(&params).await;
    while running.outcome.stdout.is_empty() {
        assert!(running.read().await);
    }
    let request = format!(r#"{{"pid":{},"signal":15,"tree":true}}"#, running.outcome.pid);
    assert_eq!(client.call("signal", &request).await.0, 200);
    let outcome = running.finish().await;
    assert_eq!((outcome.signal, outcome.rest_killed), (Some(15), false));
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), "up\nlast\n");
    assert_eq!(client.call("signal", &request).await.0, 404);
}

#[tokio::test]
async fn a_tree_that_does_not_listen_is_killed_whole() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = shell(
        "trap '' TERM; setsid sh -c 'while :; do sleep 604; done' & echo $!; while :; do sleep 0.05; done",
    );
    params.ends_tree = true;
    let mut running = client.begin(&params).await;
    while running.outcome.stdout.is_empty() {
        assert!(running.read().await);
    }
    let other = String::from_utf8_lossy(&running.outcome.stdout).trim().parse().unwrap();
    let pid = running.outcome.pid;
    for (signal, is_gone) in [(15, false), (9, true)] {
        let request = format!(r#"{{"pid":{pid},"signal":{signal},"tree":true}}"#);
        assert_eq!(client.call("signal", &request).await.0, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!((is_alive(pid), is_alive(other)), (!is_gone, !is_gone));
    }
    assert_eq!(running.finish().await.signal, Some(9));
}
