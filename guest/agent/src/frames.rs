//! Where one HTTP/2 connection ends and the next begins on a stream that both share.

const PREFACE_LENGTH: usize = 24;
const HEADER_LENGTH: usize = 9;
/// First byte of a connection preface. As the first byte of a frame it would announce 5 MiB, which nobody may send.
const PREFACE_START: u8 = b'P';

/// Follows the frames of arriving bytes.
#[derive(Debug, Default)]
pub struct FrameWalk {
    header: [u8; HEADER_LENGTH],
    header_length: usize,
    skip: usize,
}

impl FrameWalk {
    /// A walk that stands at the start of a preface.
    pub fn at_preface() -> Self {
        FrameWalk { skip: PREFACE_LENGTH, ..FrameWalk::default() }
    }

    /// Walks over `bytes`; stops at the start of a preface and returns where that is.
    pub fn find_preface(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let step = self.skip.min(bytes.len() - at);
            self.skip -= step;
            at += step;
            let Some(&byte) = bytes.get(at) else { break };
            if self.header_length == 0 && byte == PREFACE_START {
                return Some(at);
            }
            self.take_header_byte(byte);
            at += 1;
        }
        None
    }

    fn take_header_byte(&mut self, byte: u8) {
        self.header[self.header_length] = byte;
        self.header_length += 1;
        if self.header_length == HEADER_LENGTH {
            let [a, b, c, ..] = self.header;
            self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
            self.header_length = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn connection() -> Vec<u8> {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let data = [&[0, 0, 3, 0, 0, 0, 0, 0, 1][..], b"PPP"].concat();
        [PREFACE, &settings, &data].concat()
    }

    #[test]
    fn the_next_preface_is_found_at_every_split() {
        let first = connection();
        let both = [first.as_slice(), PREFACE].concat();
        for split in 0..both.len() {
            let mut walk = FrameWalk::at_preface();
            let found = match walk.find_preface(&both[..split]) {
                Some(at) => Some(at),
                None => walk.find_preface(&both[split..]).map(|at| at + split),
            };
            assert_eq!(found, Some(first.len()), "split at {split}");
        }
    }

    #[test]
    fn a_single_connection_holds_no_other() {
        assert_eq!(FrameWalk::at_preface().find_preface(&connection()), None);
        assert_eq!(FrameWalk::default().find_preface(&connection()), Some(0));
    }
}
