//! What a command gets, gives and how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use pyro_agent::records;

use crate::machine::{Machine, command, shell};

#[tokio::test]
async fn exit_codes_and_signals_are_exact() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    for code in [0, 1, 126, 127, 255] {
        let outcome = client.shell(&format!("exit {code}")).await;
        assert_eq!((outcome.exit_code, outcome.signal, outcome.timed_out), (Some(code), None, false));
    }
    // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG and WINCH end no process.
    for signal in (1..=31).filter(|signal| ![17, 18, 19, 20, 21, 22, 23, 28].contains(signal)) {
        let outcome = client.shell(&format!("ulimit -c 0; kill -{signal} $$; exit 9")).await;
        assert_eq!((outcome.exit_code, outcome.signal), (None, Some(signal)));
    }
}

#[tokio::test]
async fn a_command_gets_exactly_what_the_request_says() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = command(&["env"]);
    params.env.insert("A".to_string(), "b c=d".to_string());
    assert_eq!(client.run(&params).await.stdout, b"A=b c=d\nPATH=/usr/bin:/bin\n");
    params = shell("pwd; cat; echo err >&2; ps -o sid= -p $$ | tr -d ' '; echo $$");
    params.cwd = machine.directory.to_str().unwrap().to_string();
    let outcome = client.run(&params).await;
    let pid = outcome.pid;
    assert_eq!(String::from_utf8(outcome.stdout).unwrap(), format!("{}\n{pid}\n{pid}\n", params.cwd));
    assert_eq!(outcome.stderr, b"err\n");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let file = |name: &str, mode: u32| {
        let path = machine.directory.join(name);
        fs::write(&path, "no program\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (plain, garbage) = (file("plain", 0o644), file("garbage", 0o755));
    let long = "x".repeat(200_000);
    let table: [(&[&str], &str); 9] = [
        (&["nonesuch"], "command_not_found"),
        (&["/none/such"], "command_not_found"),
        (&[""], "command_not_found"),
        (&[&plain], "command_not_executable"),
        (&[&garbage], "command_not_executable"),
        (&["/usr"], "command_not_executable"),
        (&["echo", &long], "argument_too_long"),
        (&["echo", "a\0b"], "bad_request"),
        (&[], "bad_request"),
    ];
    for (argv, code) in table {
        let outcome = client.run(&command(argv)).await;
        assert_eq!(
            (outcome.failure.as_str(), outcome.status),
            (code, if code == "bad_request" { 400 } else { 422 })
        );
    }
    for cwd in ["/none/such", "/etc/passwd", ""] {
        let mut params = command(&["true"]);
        params.cwd = cwd.to_string();
        assert_eq!(client.run(&params).await.failure, "cwd_not_found");
    }
    let mut params = command(&["true"]);
    params.env.insert("A=B".to_string(), String::new());
    assert_eq!(client.run(&params).await.failure, "bad_request");
}

#[tokio::test]
async fn eight_mebibytes_come_back_byte_for_byte() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let random: Vec<u8> = (0..8 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        })
        .collect();
    let mut params = shell("tee /dev/stderr");
    params.stdin = true;
    let mut running = client.begin(&params).await;
    let (mut input, sent) = (running.input.take().unwrap(), random.clone());
    tokio::spawn(async move {
        for chunk in sent.chunks(300_000) {
            input.send(records::STDIN, chunk).await;
        }
        input.end();
    });
    while running.read().await {}
    assert!(running.outcome.stdout == random);
    assert!(running.outcome.stderr == random);
    assert_eq!(running.outcome.exit_code, Some(0));
}

#[tokio::test]
async fn input_that_nobody_reads_is_dropped() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = shell("exec <&-; sleep 0.2; echo done");
    params.stdin = true;
    let mut running = client.begin(&params).await;
    for _ in 0..16 {
        running.send(records::STDIN, &vec![0; 1 << 20]).await;
    }
    running.end_input();
    let outcome = running.finish().await;
    assert_eq!((outcome.stdout.as_slice(), outcome.exit_code), (&b"done\n"[..], Some(0)));
}

#[tokio::test]
async fn a_command_may_end_before_its_input() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = command(&["head", "-c", "3"]);
    params.stdin = true;
    let mut running = client.begin(&params).await;
    running.send(records::STDIN, b"abcdef").await;
    let outcome = running.finish().await;
    assert_eq!((outcome.stdout.as_slice(), outcome.exit_code), (&b"abc"[..], Some(0)));
}

#[tokio::test]
async fn a_background_process_does_not_hold_the_reply() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let started = Instant::now();
    let outcome = client.shell("sleep 600 & head -c 900000 /dev/zero; exit 5").await;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!((outcome.stdout.len(), outcome.exit_code), (900_000, Some(5)));
    let started = Instant::now();
    let outcome = client.shell("yes & exit 6").await;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(outcome.exit_code, Some(6));
}

#[tokio::test]
async fn a_malformed_body_is_refused_or_reset() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = command(&["sleep", "600"]);
    params.stdin = true;
    let mut running = client.begin(&params).await;
    running.read().await;
    running.send(7, b"?").await;
    let error = loop {
        if let Err(error) = running.try_read().await {
            break error;
        }
    };
    assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR));
    crate::machine::eventually("the end of the command", || !crate::machine::is_alive(running.outcome.pid))
        .await;
    params.argv[0].clear();
    assert_eq!(client.shell("exit 0").await.exit_code, Some(0));
}
