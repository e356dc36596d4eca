//! DNS as far as a stub resolver needs it (RFC 1035): one question in, its answer out.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest name, without its final dot.
pub const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;
const HEADER: usize = 12;
/// How long a program may keep an answer, in seconds.
const TTL: u32 = 30;
const CLASS_IN: u16 = 1;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const IS_RESPONSE: u8 = 0x80;
const OPCODE: u8 = 0x78;
const RECURSION_DESIRED: u8 = 0x01;
const RECURSION_AVAILABLE: u8 = 0x80;
/// A pointer to the name in the question, which begins right behind the header.
const SAME_NAME: [u8; 2] = [0xc0, 0x0c];

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An address of the first family
    V4,
    /// An address of the second family
    V6,
    /// Something that names have elsewhere
    Other,
}

/// A question as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// Labels with dots between them; none where a label has a dot itself, or where there is no label
    pub name: Option<Vec<u8>>,
    /// What is asked for
    pub wanted: Wanted,
    id: [u8; 2],
    recursion_desired: u8,
    /// Name, type and class, to be repeated
    section: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An address
    V4(Ipv4Addr),
    /// An address
    V6(Ipv6Addr),
    /// The name has nothing of what was asked for
    Nothing,
    /// There is no such name
    NoName,
    /// Too much is asked at once
    Refused,
}

impl Question {
    /// Reads a packet; none where it is not a query with one question. What follows the question is not looked at.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let [a, b, flags, _, 0, 1, ..] = *packet else { return None };
        if packet.len() < HEADER || flags & (IS_RESPONSE | OPCODE) != 0 {
            return None;
        }
        let (name, end) = parse_name(packet)?;
        let section = packet.get(HEADER..end + 4)?;
        let [.., t, y, c, l] = *section else { return None };
        let wanted = match (u16::from_be_bytes([t, y]), u16::from_be_bytes([c, l])) {
            (TYPE_A, CLASS_IN) => Wanted::V4,
            (TYPE_AAAA, CLASS_IN) => Wanted::V6,
            _ => Wanted::Other,
        };
        let recursion_desired = flags & RECURSION_DESIRED;
        Some(Question { name, wanted, id: [a, b], recursion_desired, section: section.to_vec() })
    }

    /// The packet that answers.
    pub fn reply(&self, answer: Answer) -> Vec<u8> {
        let (code, record) = match answer {
            Answer::V4(address) => (0, Some((TYPE_A, address.octets().to_vec()))),
            Answer::V6(address) => (0, Some((TYPE_AAAA, address.octets().to_vec()))),
            Answer::Nothing => (0, None),
            Answer::NoName => (3, None),
            Answer::Refused => (5, None),
        };
        let flags = [IS_RESPONSE | self.recursion_desired, RECURSION_AVAILABLE | code];
        let counts = [0, 1, 0, u8::from(record.is_some()), 0, 0, 0, 0];
        let mut packet = [&self.id[..], &flags, &counts, &self.section].concat();
        if let Some((kind, address)) = record {
            packet.extend(SAME_NAME);
            packet.extend(kind.to_be_bytes());
            packet.extend(CLASS_IN.to_be_bytes());
            packet.extend(TTL.to_be_bytes());
            packet.extend([0, if kind == TYPE_A { 4 } else { 16 }]);
            packet.extend(address);
        }
        packet
    }
}

/// The name behind the header, and where it ends. A question comes first, so that there is nothing its name could point to.
fn parse_name(packet: &[u8]) -> Option<(Option<Vec<u8>>, usize)> {
    let mut name = vec![];
    let mut is_plain = true;
    let mut at = HEADER;
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if length > MAX_LABEL {
            return None;
        }
        let label = packet.get(at..at + length)?;
        at += length;
        is_plain &= !label.contains(&b'.');
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(label);
        if name.len() > MAX_NAME {
            return None;
        }
    }
    let is_name = is_plain && !name.is_empty();
    Some((is_name.then_some(name), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(labels: &[&[u8]], kind: u16) -> Vec<u8> {
        let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend_from_slice(label);
        }
        packet.push(0);
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1]);
        packet
    }

    fn name(labels: &[&[u8]]) -> Option<Vec<u8>> {
        Question::parse(&query(labels, 1)).unwrap().name
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let packet = query(&[b"Example", b"com"], 1);
        let question = Question::parse(&packet).unwrap();
        assert_eq!(question.name.as_deref(), Some(&b"Example.com"[..]));
        assert_eq!(question.wanted, Wanted::V4);
        let reply = question.reply(Answer::V4(Ipv4Addr::new(198, 18, 1, 2)));
        let head = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        let record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 198, 18, 1, 2];
        assert_eq!(reply, [&head[..], &packet[HEADER..], &record].concat());
        assert_eq!(question.reply(Answer::NoName)[2..4], [0x81, 0x83]);
        assert_eq!(question.reply(Answer::Refused)[2..4], [0x81, 0x85]);
        assert_eq!(question.reply(Answer::Nothing).len(), packet.len());
        let wanted = |kind| Question::parse(&query(&[b"a"], kind)).unwrap().wanted;
        assert_eq!((wanted(28), wanted(15), wanted(65)), (Wanted::V6, Wanted::Other, Wanted::Other));
    }

    #[test]
    fn names_are_bytes() {
        assert_eq!(name(&[b"evil.com\0", b"org"]), None);
        assert_eq!(name(&[b"a\0b", b"\xff"]), Some(b"a\0b.\xff".to_vec()));
        assert_eq!(name(&[]), None);
        let long = [b'a'; 63];
        assert_eq!(name(&[&long, &long, &long, &long[..61]]).map(|name| name.len()), Some(MAX_NAME));
        assert_eq!(Question::parse(&query(&[&long, &long, &long, &long[..62]], 1)), None);
    }

    #[test]
    fn what_follows_the_question_is_left_alone() {
        let edns = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0];
        let mut packet = [&query(&[b"a"], 1)[..], &edns].concat();
        packet[11] = 1;
        assert!(Question::parse(&packet).is_some());
    }

    #[test]
    fn malformed_packets_are_none() {
        let good = query(&[b"example", b"com"], 1);
        for end in 0..good.len() {
            assert_eq!(Question::parse(&good[..end]), None, "cut at {end}");
        }
        let changed = |at: usize, byte: u8| {
            let mut packet = good.clone();
            packet[at] = byte;
            Question::parse(&packet)
        };
        assert_eq!(changed(2, 0x81), None);
        assert_eq!(changed(2, 0x29), None);
        assert_eq!((changed(5, 0), changed(5, 2), changed(4, 1)), (None, None, None));
        assert_eq!((changed(12, 0xc0), changed(12, 64), changed(12, 0x80)), (None, None, None));
    }

    #[test]
    fn random_packets_never_do_more_than_fail() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let seed = query(&[b"www", b"example", b"com"], 28);
        for _ in 0..200_000 {
            let mut packet = seed.clone();
            for _ in 0..random() % 6 {
                let at = usize::try_from(random()).unwrap() % packet.len();
                packet[at] = random().to_le_bytes()[0];
            }
            packet.truncate(usize::try_from(random()).unwrap() % (seed.len() + 1));
            if let Some(question) = Question::parse(&packet) {
                assert!(question.name.as_ref().is_none_or(|name| (1..=MAX_NAME).contains(&name.len())));
                assert!(packet[HEADER..].starts_with(&question.section));
                let reply = question.reply(Answer::V6(Ipv6Addr::LOCALHOST));
                assert_eq!(reply.len(), HEADER + question.section.len() + 28);
            }
        }
    }
}
