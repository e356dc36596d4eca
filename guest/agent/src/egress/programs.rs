//! The two programs that the kernel runs for egress (eBPF): one gives connections to the agent, one marks sockets with their command.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::cgroup;
use crate::egress::addresses::{OWN_V4, OWN_V6};
use crate::egress::instruction::Instruction;
use crate::sys::bpf::{self, Attachment, ProgramKind};

const NAMESPACE: &str = "/proc/self/ns/net";
/// Offsets in `struct bpf_sk_lookup`.
const FAMILY: i16 = 8;
const PROTOCOL: i16 = 12;
const REMOTE_V4: i16 = 16;
const REMOTE_V6: i16 = 20;
const LOCAL_V4: i16 = 40;
const LOCAL_V6: i16 = 44;
/// Offset in `struct bpf_sock`.
const MARK: i16 = 16;
const INET6: i32 = 10;
const TCP: i32 = 6;
const DROP: i32 = 0;
const PASS: i32 = 1;
/// Helpers by their numbers in `linux/bpf.h`.
const MAP_LOOKUP: i32 = 1;
const SK_RELEASE: i32 = 86;
const ANCESTOR_CGROUP_ID: i32 = 123;
const SK_ASSIGN: i32 = 124;
/// The control groups of commands lie directly below the root.
const COMMAND_LEVEL: i32 = 1;
/// The first byte of 127.0.0.0/8, as it lies in a register.
const LOOPBACK_NET: i32 = 127;

/// What connects every address outside of this machine with two sockets of the agent; as long as it is held.
#[derive(Debug)]
pub struct Steering {
    _links: Vec<OwnedFd>,
}

impl Steering {
    /// Connections go to the two listening sockets, one of each family. `marks` says whether sockets are marked.
    pub fn attach(v4: impl AsFd, v6: impl AsFd, marks: bool) -> io::Result<Self> {
        let sockets = bpf::socket_map(&[v4.as_fd(), v6.as_fd()])?;
        let lookup = bpf::load_program(ProgramKind::SocketLookup, &lookup(sockets.as_raw_fd())?)?;
        let namespace = File::open(NAMESPACE)?;
        let mut links = vec![bpf::attach(&lookup, namespace, Attachment::SocketLookup)?];
        if marks {
            let mark = bpf::load_program(ProgramKind::CgroupSocket, &mark())?;
            links.push(bpf::attach(&mark, File::open(cgroup::ROOT)?, Attachment::SocketCreation)?);
        }
        Ok(Steering { _links: links })
    }
}

/// An instruction, or a jump by a name.
enum Step {
    Plain(Instruction),
    /// Jumps where the register is this
    IfEqual(u8, i32, &'static str),
    /// Jumps where the lower half of the register is something else
    IfOther(u8, i32, &'static str),
    Always(&'static str),
    /// Where a jump leads
    Place(&'static str),
}

use Step::{Always, IfEqual, IfOther, Place, Plain};

/// Replaces names by distances.
fn assemble(steps: &[Step]) -> io::Result<Vec<Instruction>> {
    let mut places = HashMap::new();
    let mut length = 0_i16;
    for step in steps {
        match step {
            Place(name) => {
                places.insert(*name, length);
            }
            _ => length += 1,
        }
    }
    let mut program = vec![];
    for step in steps {
        let next = i16::try_from(program.len()).map_err(io::Error::other)? + 1;
        let to = |name| places.get(name).map(|at| at - next).ok_or(io::ErrorKind::InvalidData);
        program.push(match *step {
            Plain(instruction) => instruction,
            IfEqual(register, value, name) => Instruction::jump_if_equal(register, value, to(name)?),
            IfOther(register, value, name) => Instruction::jump_if_other(register, value, to(name)?),
            Always(name) => Instruction::jump(to(name)?),
            Place(_) => continue,
        });
    }
    Ok(program)
}

/// An address as registers hold it after a load.
fn words<const N: usize>(octets: &[u8]) -> [i32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(octets.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | i32::from(*byte));
    }
    words
}

/// Whoever connects from this machine's egress address, and not to itself, is given to the agent; what is not TCP has no receiver.
fn lookup(map: i32) -> io::Result<Vec<Instruction>> {
    let [v4] = words(&OWN_V4.octets());
    let own_v6: [i32; 4] = words(&OWN_V6.octets());
    let mut steps = vec![
        Plain(Instruction::copy(6, 1)),
        Plain(Instruction::set(7, 0)),
        Plain(Instruction::load(2, 6, FAMILY)),
        IfEqual(2, INET6, "second family"),
        Plain(Instruction::load(2, 6, REMOTE_V4)),
        IfOther(2, v4, "pass"),
        Plain(Instruction::load(2, 6, LOCAL_V4)),
        IfEqual(2, v4, "pass"),
        Plain(Instruction::and(2, 0xff)),
        IfEqual(2, LOOPBACK_NET, "pass"),
        Always("outside"),
        Place("second family"),
        Plain(Instruction::set(7, 1)),
    ];
    steps.extend(if_differs(REMOTE_V6, own_v6, "pass"));
    steps.extend(if_differs(LOCAL_V6, own_v6, "not itself"));
    steps.extend([Always("pass"), Place("not itself")]);
    steps.extend(if_differs(LOCAL_V6, words(&Ipv6Addr::LOCALHOST.octets()), "outside"));
    steps.extend([Always("pass"), Place("outside")]);
    steps.extend(give_to_agent(map));
    assemble(&steps)
}

/// Jumps where an address of four words is another than this one.
fn if_differs(offset: i16, address: [i32; 4], place: &'static str) -> Vec<Step> {
    let word =
        |(at, word): (i16, i32)| [Plain(Instruction::load(2, 6, offset + 4 * at)), IfOther(2, word, place)];
    (0..4).zip(address).flat_map(word).collect()
}

/// The socket in the map at the place that register 7 says.
fn give_to_agent(map: i32) -> Vec<Step> {
    let [map_low, map_high] = Instruction::map(1, map);
    vec![
        Plain(Instruction::load(2, 6, PROTOCOL)),
        IfOther(2, TCP, "drop"),
        Plain(Instruction::store(10, 7, -4)),
        Plain(map_low),
        Plain(map_high),
        Plain(Instruction::copy(2, 10)),
        Plain(Instruction::add(2, -4)),
        Plain(Instruction::call(MAP_LOOKUP)),
        IfEqual(0, 0, "drop"),
        Plain(Instruction::copy(8, 0)),
        Plain(Instruction::copy(1, 6)),
        Plain(Instruction::copy(2, 0)),
        Plain(Instruction::set(3, 0)),
        Plain(Instruction::call(SK_ASSIGN)),
        Plain(Instruction::copy(9, 0)),
        Plain(Instruction::copy(1, 8)),
        Plain(Instruction::call(SK_RELEASE)),
        IfEqual(9, 0, "pass"),
        Place("drop"),
        Plain(Instruction::set(0, DROP)),
        Plain(Instruction::exit()),
        Place("pass"),
        Plain(Instruction::set(0, PASS)),
        Plain(Instruction::exit()),
    ]
}

/// A new socket's mark is the number of the control group of its command: accepted connections inherit it.
fn mark() -> Vec<Instruction> {
    vec![
        Instruction::copy(6, 1),
        Instruction::set(1, COMMAND_LEVEL),
        Instruction::call(ANCESTOR_CGROUP_ID),
        Instruction::store(6, 0, MARK),
        Instruction::set(0, PASS),
        Instruction::exit(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_lead_to_their_places() {
        let exit = Instruction::exit();
        let program = assemble(&[
            Always("end"),
            Place("start"),
            Plain(exit),
            IfEqual(2, 7, "start"),
            Place("end"),
            Plain(exit),
        ]);
        assert_eq!(
            program.unwrap(),
            [Instruction::jump(2), exit, Instruction::jump_if_equal(2, 7, -2), exit]
        );
        assert!(assemble(&[Always("nowhere")]).is_err());
    }

    #[test]
    fn addresses_are_words_as_they_lie_in_memory() {
        assert_eq!(words::<1>(&[127, 0, 0, 1]), [0x0100_007f]);
        assert_eq!(words::<4>(&Ipv6Addr::LOCALHOST.octets()), [0, 0, 0, 0x0100_0000]);
    }
}
