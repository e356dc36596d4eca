//! A command's process tree, so that all of it can be killed, whatever its processes did to get away.

use std::cell::Cell;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process, wait};
use tokio::time::sleep;

use crate::agent::Agent;
use crate::cgroup::Leaf;

/// Pause between two looks at a tree that is being killed.
const PAUSE: Duration = Duration::from_millis(1);
/// Looks before the agent gives up on processes that even SIGKILL does not end.
const MAX_LOOKS: u32 = 5000;
/// Where tags begin in a process without a limit of its own: no real-time process gets near it.
const NO_LIMIT: u64 = 1 << 62;
const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// How the members of a tree are known.
#[derive(Debug)]
pub enum Tree {
    /// By their control group
    Leaf(Leaf),
    /// By a hard limit on real-time CPU time: it is inherited across every fork and exec, and no other process has it
    Tag(u64),
}

thread_local! {
    static TAGS: Cell<u64> = const { Cell::new(0) };
}

impl Tree {
    /// A tree without members.
    pub fn new(agent: &Agent) -> io::Result<Self> {
        match &agent.cgroups {
            Some(cgroups) => Ok(Tree::Leaf(cgroups.create()?)),
            None => Ok(Tree::Tag(next_tag())),
        }
    }

    /// What a process opens before it joins.
    pub fn open(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            Tree::Leaf(leaf) => leaf.open().map(Some),
            Tree::Tag(_) => Ok(None),
        }
    }

    /// Number of its control group, where it has one.
    pub fn group(&self) -> Option<u32> {
        match self {
            Tree::Leaf(leaf) => leaf.number(),
            Tree::Tag(_) => None,
        }
    }

    /// What limits a process sets to join.
    pub fn limits(&self) -> Vec<(Resource, Rlimit)> {
        match self {
            Tree::Leaf(_) => vec![],
            Tree::Tag(tag) => {
                let limit = Rlimit { current: Some(*tag), maximum: Some(*tag) };
                vec![(Resource::Rttime, limit)]
            }
        }
    }

    /// Kills every member, and returns when none is left.
    pub async fn kill(&self) {
        for _ in 0..MAX_LOOKS {
            let is_empty = match self {
                Tree::Leaf(leaf) => leaf.kill(),
                Tree::Tag(tag) => signal_tagged(*tag..=*tag, Some(Signal::KILL)),
            };
            if is_empty {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Signals every member that there is at this moment.
    pub fn signal(&self, signal: Signal) {
        match self {
            Tree::Leaf(leaf) => leaf.signal(signal),
            Tree::Tag(tag) => {
                signal_tagged(*tag..=*tag, Some(signal));
            }
        }
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        match self {
            Tree::Leaf(leaf) => leaf.is_empty(),
            Tree::Tag(tag) => signal_tagged(*tag..=*tag, None),
        }
    }

    /// Whether the kernel killed a member for memory.
    pub fn is_oom_killed(&self) -> bool {
        match self {
            Tree::Leaf(leaf) => leaf.is_oom_killed(),
            Tree::Tag(_) => false,
        }
    }
}

/// The first tag this agent gives; later ones are smaller. It is made of this agent's pid, so no other agent has it.
fn first_tag() -> u64 {
    let ceiling = getrlimit(Resource::Rttime).maximum.unwrap_or(NO_LIMIT);
    ceiling - (u64::from(std::process::id()) << COUNT_BITS) - 1
}

fn next_tag() -> u64 {
    let count = TAGS.with(|tags| tags.replace(tags.get() + 1));
    first_tag() - (count & COUNT_MASK)
}

/// Kills all members of all tagged trees of this agent, and returns when none is left.
pub fn kill_all_tagged() {
    let first = first_tag();
    for _ in 0..MAX_LOOKS {
        if signal_tagged(first - COUNT_MASK..=first, Some(Signal::KILL)) {
            return;
        }
        // The reaper does not run at this point.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

/// Signals whoever has one of the tags, where there is a signal; true when nobody has. Ended members count until they are collected.
fn signal_tagged(tags: RangeInclusive<u64>, signal: Option<Signal>) -> bool {
    let members = tagged(tags);
    if let Some(signal) = signal {
        for pid in &members {
            // An error means that it has ended meanwhile.
            let _ = kill_process(*pid, signal);
        }
    }
    members.is_empty()
}

fn tagged(tags: RangeInclusive<u64>) -> Vec<Pid> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| tag_of(*pid).is_some_and(|tag| tags.contains(&tag)))
        .collect()
}

fn tag_of(pid: Pid) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).ok()?;
    let values = limits.lines().find_map(|line| line.strip_prefix("Max realtime timeout"))?;
    values.split_whitespace().nth(1)?.parse().ok()
}
