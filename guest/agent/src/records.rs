//! The records inside a streaming body: one byte of kind, four of length (big-endian), the payload.

use bytes::{Buf, Bytes};

/// Bytes before the payload of a record.
pub const HEADER: usize = 5;
/// Largest payload of a data record.
pub const MAX_DATA: usize = 1 << 20;
/// Largest payload of a JSON record.
pub const MAX_JSON: usize = 4 << 20;

/// JSON: parameters from the host, events from the agent.
pub const JSON: u8 = 0;
/// Content of files, both ways.
pub const DATA: u8 = 1;
/// Standard input from the host, standard output from the agent.
pub const STDIN: u8 = 1;
/// Standard output of the command.
pub const STDOUT: u8 = 1;
/// Standard error of the command.
pub const STDERR: u8 = 2;

/// The header of a record with a payload of `length` bytes.
pub fn header(kind: u8, length: usize) -> [u8; HEADER] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind, a, b, c, d]
}

/// Why a body is not a sequence of records.
#[derive(Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No record has this kind
    Kind(u8),
    /// The payload is larger than its kind allows
    Length(usize),
}

/// A part of a record's payload, as much as has arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Kind of the record
    pub kind: u8,
    /// The part
    pub bytes: Bytes,
    /// Whether the record ends here
    pub is_last: bool,
}

/// Cuts arriving bytes into pieces of records, without holding payloads back.
#[derive(Debug, Default)]
pub struct Decoder {
    header: [u8; HEADER],
    header_length: usize,
    missing: usize,
}

impl Decoder {
    /// Takes the next piece from `input`; none when more bytes are needed.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Piece>, Malformed> {
        while self.header_length < HEADER {
            if !input.has_remaining() {
                return Ok(None);
            }
            self.header[self.header_length] = input.get_u8();
            self.header_length += 1;
            if self.header_length == HEADER {
                self.missing = self.checked_length()?;
            }
        }
        if self.missing > 0 && input.is_empty() {
            return Ok(None);
        }
        let bytes = input.split_to(self.missing.min(input.len()));
        self.missing -= bytes.len();
        let is_last = self.missing == 0;
        if is_last {
            self.header_length = 0;
        }
        Ok(Some(Piece { kind: self.header[0], bytes, is_last }))
    }

    /// Whether the input ended between two records.
    pub fn is_between_records(&self) -> bool {
        self.header_length == 0
    }

    fn checked_length(&self) -> Result<usize, Malformed> {
        let [kind, a, b, c, d] = self.header;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        match kind {
            JSON if length <= MAX_JSON => Ok(length),
            STDIN if length <= MAX_DATA => Ok(length),
            JSON | STDIN => Err(Malformed::Length(length)),
            _ => Err(Malformed::Kind(kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, payload) in [(JSON, &b"{\"a\":1}"[..]), (STDIN, b""), (STDIN, b"hello"), (STDIN, b"x")] {
            bytes.extend(header(kind, payload.len()));
            bytes.extend(payload);
        }
        bytes
    }

    fn collect(parts: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
        let mut decoder = Decoder::default();
        let mut records = vec![];
        let mut payload = vec![];
        for part in parts {
            let mut input = Bytes::copy_from_slice(part);
            while let Some(piece) = decoder.next(&mut input).unwrap() {
                payload.extend(piece.bytes);
                if piece.is_last {
                    records.push((piece.kind, std::mem::take(&mut payload)));
                }
            }
            assert!(input.is_empty());
        }
        assert!(decoder.is_between_records());
        records
    }

    #[test]
    fn records_survive_a_split_at_every_byte() {
        let whole = stream();
        let expected = collect(&[&whole]);
        assert_eq!(expected.len(), 4);
        assert_eq!(expected[2], (STDIN, b"hello".to_vec()));
        for at in 0..=whole.len() {
            assert_eq!(collect(&[&whole[..at], &whole[at..]]), expected);
        }
        let single: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(collect(&single), expected);
    }

    #[test]
    fn a_wrong_kind_or_length_is_malformed() {
        let decode = |bytes: &[u8]| Decoder::default().next(&mut Bytes::copy_from_slice(bytes));
        assert_eq!(decode(&header(2, 1)), Err(Malformed::Kind(2)));
        assert_eq!(decode(&header(STDIN, MAX_DATA + 1)), Err(Malformed::Length(MAX_DATA + 1)));
        assert_eq!(decode(&header(JSON, MAX_JSON + 1)), Err(Malformed::Length(MAX_JSON + 1)));
        assert_eq!(decode(&[STDIN, 255, 255, 255, 255]), Err(Malformed::Length(u32::MAX as usize)));
        assert_eq!(decode(&header(STDIN, MAX_DATA)), Ok(None));
    }
}
