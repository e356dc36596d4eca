//! Commands with a terminal: what they see of it, who gets signals, and that nothing outlives its end.

use std::time::{Duration, Instant};

use pyro_agent::messages::{ExecParams, TerminalSize};
use pyro_agent::records;

use crate::machine::{Client, Machine, Running, eventually, is_alive, shell};

fn on_terminal(script: &str) -> ExecParams {
    let mut params = shell(script);
    params.pty = Some(TerminalSize { cols: 77, rows: 33 });
    params.stdin = true;
    params
}

/// Reads until the output has `text`.
async fn until(running: &mut Running, text: &str) {
    while !String::from_utf8_lossy(&running.outcome.stdout).contains(text) {
        assert!(running.read().await, "the output ended without {text:?}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

async fn signal(client: &Client, pid: u32, signal: i32) -> u16 {
    client.call("signal", &format!(r#"{{"pid":{pid},"signal":{signal},"tree":false}}"#)).await.0
}

async fn resize(client: &Client, pid: u32, cols: u32, rows: u32) -> u16 {
    client.call("resize", &format!(r#"{{"pid":{pid},"cols":{cols},"rows":{rows}}}"#)).await.0
}

#[tokio::test]
async fn a_command_has_a_terminal_of_its_own() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size && ps -o sid=,tpgid= -p $$; echo $$ > /dev/tty; exit 5";
    let mut running = client.begin(&on_terminal(script)).await;
    while running.read().await {}
    let Running { outcome, .. } = running;
    let (pid, shown) = (outcome.pid, text(&outcome.stdout));
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert_eq!(words, ["33", "77", &pid.to_string(), &pid.to_string(), &pid.to_string()]);
    assert_eq!((outcome.exit_code, outcome.stderr.len()), (Some(5), 0));
}

#[tokio::test]
async fn what_is_typed_is_echoed_edited_and_interrupts() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut running = client
        .begin(&on_terminal("trap 'echo caught' INT; read line; echo got:$line; sleep 600; echo on"))
        .await;
    running.send(records::STDIN, b"abX\x7fc\n").await;
    until(&mut running, "got:abc\r\n").await;
    // The program is in the foreground a moment after the line before it was printed.
    let deadline = Instant::now() + Duration::from_secs(10);
    while running.outcome.exit_code.is_none() {
        assert!(Instant::now() < deadline);
        // Nobody takes it where the program has just ended.
        running.try_send(records::STDIN, b"\x03").await;
        // Another one would take back what is printed and not read yet.
        while let Ok(true) = tokio::time::timeout(Duration::from_millis(50), running.read()).await {}
    }
    let outcome = running.finish().await;
    assert!(text(&outcome.stdout).starts_with("abX"), "{:?}", text(&outcome.stdout));
    assert!(
        text(&outcome.stdout).contains("on\n"),
        "{:?} {:?} {:?}",
        text(&outcome.stdout),
        outcome.exit_code,
        outcome.signal
    );
    assert_eq!(outcome.exit_code, Some(0));
}

#[tokio::test]
async fn a_size_is_set_told_and_checked() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut running =
        client.begin(&on_terminal("trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done")).await;
    until(&mut running, "up").await;
    let pid = running.outcome.pid;
    assert_eq!(resize(&client, pid, 1000, 1).await, 200);
    until(&mut running, "1 1000\r\n").await;
    for (cols, rows) in [(0, 10), (10, 0), (1001, 10), (10, 10_000), (70_000, 1)] {
        assert_eq!(resize(&client, pid, cols, rows).await, 400);
    }
    assert_eq!(signal(&client, pid, 9).await, 200);
    assert_eq!(running.finish().await.signal, Some(9));
    assert_eq!(resize(&client, pid, 10, 10).await, 404);
    for size in [TerminalSize { cols: 0, rows: 1 }, TerminalSize { cols: 1, rows: 1001 }] {
        let mut params = on_terminal("true");
        params.pty = Some(size);
        assert_eq!(client.run(&params).await.failure, "bad_request");
    }
}

#[tokio::test]
async fn a_signal_is_for_the_foreground_and_an_end_for_all() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let script = "set -m; trap : TERM HUP INT; sleep 601 & echo back:$!; sleep 602; echo over:$?; while :; do sleep 0.05; done";
    let mut running = client.begin(&on_terminal(script)).await;
    until(&mut running, "back:").await;
    until(&mut running, "\r\n").await;
    let pid = running.outcome.pid;
    let shown = text(&running.outcome.stdout);
    let back: u32 = shown.trim().rsplit(':').next().unwrap().trim().parse().unwrap();
    // The job is in the foreground a moment after the line before it was printed.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !text(&running.outcome.stdout).contains("over:130") {
        assert!(Instant::now() < deadline);
        assert_eq!(signal(&client, pid, 2).await, 200);
        let _ = tokio::time::timeout(Duration::from_millis(50), running.read()).await;
    }
    assert!(is_alive(back));
    assert_eq!(signal(&client, pid, 15).await, 200);
    eventually("the end of the background", || !is_alive(back)).await;
    assert!(is_alive(pid));
    assert_eq!(signal(&client, pid, 9).await, 200);
    assert_eq!(running.finish().await.signal, Some(9));
    assert_eq!(signal(&client, pid, 2).await, 404);
}

#[tokio::test]
async fn the_end_of_the_stream_ends_everything_on_the_terminal() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let script = "nohup setsid sleep 603 >/dev/null 2>&1 & echo pid:$!; trap '' HUP; cat";
    let mut running = client.begin(&on_terminal(script)).await;
    until(&mut running, "pid:").await;
    until(&mut running, "\r\n").await;
    let pid = running.outcome.pid;
    running.cancel();
    eventually("the end of the shell", || !is_alive(pid)).await;
    eventually("the end of its children", || {
        let listed = std::process::Command::new("pgrep").args(["-f", "^sleep 603$"]).output().unwrap();
        listed.stdout.is_empty()
    })
    .await;
}

#[tokio::test]
async fn all_output_comes_and_a_child_left_behind_holds_nothing() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let outcome = client.run(&on_terminal("seq 1 40000; exit 3")).await;
    let expected: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
    assert!(text(&outcome.stdout) == expected);
    assert_eq!(outcome.exit_code, Some(3));
    let started = Instant::now();
    let outcome = client.run(&on_terminal("trap '' HUP; sleep 30 & exit 4")).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(outcome.exit_code, Some(4));
}
