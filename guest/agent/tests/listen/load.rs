//! Many commands, much output, many processes.

use std::fs;
use std::time::Duration;

use crate::machine::{Machine, command, eventually, shell};

#[tokio::test]
async fn many_commands_run_side_by_side() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    for count in [64, 500] {
        let mut running = vec![];
        for number in 0..count {
            let mut params = shell(&format!("read line; echo $line {number}; exit {}", number % 200));
            params.stdin = true;
            running.push(client.begin(&params).await);
        }
        for command in running.iter_mut().rev() {
            command.send(pyro_agent::records::STDIN, b"hello\n").await;
        }
        for (number, command) in running.into_iter().enumerate() {
            let outcome = command.finish().await;
            assert_eq!(String::from_utf8(outcome.stdout).unwrap(), format!("hello {number}\n"));
            assert_eq!(outcome.exit_code, Some(i32::try_from(number % 200).unwrap()));
        }
    }
}

#[tokio::test]
async fn unread_input_of_one_command_does_not_starve_another() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut params = command(&["sleep", "600"]);
    params.stdin = true;
    let mut stuck = vec![];
    for _ in 0..8 {
        let mut running = client.begin(&params).await;
        running.send(pyro_agent::records::STDIN, &vec![0; 200_000]).await;
        stuck.push(running);
    }
    params = command(&["wc", "-c"]);
    params.stdin = true;
    let mut running = client.begin(&params).await;
    running.send(pyro_agent::records::STDIN, &vec![0; 1 << 20]).await;
    running.end_input();
    assert_eq!(running.finish().await.stdout, b"1048576\n");
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_slow_reader_does_not_fill_the_agent() {
    let machine = Machine::start().await;
    let client = machine.connect_with_window(256 << 10).await;
    let mut running = client.begin(&shell("yes | head -c 209715200")).await;
    let mut largest = 0;
    let (mut parts, mut total) = (0, 0);
    while running.read().await {
        total += running.outcome.stdout.len();
        running.outcome.stdout.clear();
        parts += 1;
        if parts % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            largest = largest.max(resident_kib(machine.pid()));
        }
    }
    assert_eq!(total, 209_715_200);
    assert!(largest < 32 << 10, "{largest} KiB");
}

/// Pids of ended children that the agent has not collected.
fn zombies(agent: u32) -> Vec<String> {
    let is_zombie = |stat: &str| {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        fields.first() == Some(&"Z") && fields.get(1) == Some(&agent.to_string().as_str())
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| is_zombie(stat)).collect()
}

#[tokio::test]
async fn a_storm_of_processes_leaves_no_zombie_and_loses_no_exit() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let storm = shell("i=0; while [ $i -lt 500 ]; do (: &); i=$((i+1)); done; exit 7");
    let mut storms = vec![client.begin(&storm).await, client.begin(&storm).await];
    storms.iter_mut().for_each(|storm| storm.end_input());
    for number in 0..200 {
        assert_eq!(client.shell(&format!("exit {number}")).await.exit_code, Some(number));
    }
    for storm in storms {
        assert_eq!(storm.finish().await.exit_code, Some(7));
    }
    eventually("no zombie", || zombies(machine.pid()).is_empty()).await;
}
