//! Paths inside a tree: bytes, as Linux has them, and how they stand in JSON.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::Failure;

/// Longest path, in bytes: what the kernel takes, without the NUL.
pub const MAX_PATH: usize = 4095;
/// Most names in a path.
pub const MAX_DEPTH: usize = 256;

/// Bytes that are text where they can be: in JSON a string, or `{"base64": …}` for what is not UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ByteText(pub Vec<u8>);

impl Serialize for ByteText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = str::from_utf8(&self.0) {
            return to.serialize_str(text);
        }
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("base64", &STANDARD.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for ByteText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ByteTextVisitor)
    }
}

struct ByteTextVisitor;

impl<'de> Visitor<'de> for ByteTextVisitor {
    type Value = ByteText;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a string, or an object with base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteText, E> {
        Ok(ByteText(text.as_bytes().to_vec()))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ByteText, M::Error> {
        let bytes = match map.next_entry::<Cow<str>, Cow<str>>()? {
            Some((key, text)) if key == "base64" => {
                STANDARD.decode(text.as_bytes()).map_err(Error::custom)?
            }
            _ => return Err(Error::custom("not an object with base64")),
        };
        match map.next_key::<Cow<str>>()? {
            None if str::from_utf8(&bytes).is_err() => Ok(ByteText(bytes)),
            None => Err(Error::custom("what is UTF-8 is not written in base64")),
            Some(_) => Err(Error::custom("an object with more than base64")),
        }
    }
}

/// Refuses what is not a path inside a tree. The empty path, where it is allowed, is the tree itself.
pub fn check(path: &[u8], may_be_empty: bool) -> Result<(), Failure> {
    let bad = |problem: &str| Err(Failure::bad_request(format!("{} {problem}", quoted(path))));
    if path.is_empty() {
        return if may_be_empty { Ok(()) } else { bad("is empty") };
    }
    if path.len() > MAX_PATH {
        return Err(Failure::bad_request(format!("a path is longer than {MAX_PATH} bytes")));
    }
    if path.contains(&0) {
        return bad("contains NUL");
    }
    if path.split(|byte| *byte == b'/').any(|name| matches!(name, b"" | b"." | b"..")) {
        return bad("is not a relative path in its shortest form");
    }
    if depth(path) > MAX_DEPTH { bad(&format!("has more than {MAX_DEPTH} names")) } else { Ok(()) }
}

/// How many names the path has.
pub fn depth(path: &[u8]) -> usize {
    if path.is_empty() { 0 } else { 1 + path.iter().filter(|byte| **byte == b'/').count() }
}

/// The path of `name` in `directory`.
pub fn joined(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match (directory, name) {
        (b"", path) | (path, b"") => path.to_vec(),
        _ => [directory, b"/", name].concat(),
    }
}

/// The directory of a path, and its last name.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// A path for a message.
pub fn quoted(path: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&path[..path.len().min(512)]);
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_through_json_and_back() {
        for (bytes, json) in [
            (&b"a/b"[..], r#""a/b""#),
            (
                "quote \" nl \n esc \u{1b} é 漢 🦀 \\ -".as_bytes(),
                r#""quote \" nl \n esc \u001b é 漢 🦀 \\ -""#,
            ),
            (b"", r#""""#),
            (b"\xff/a", r#"{"base64":"/y9h"}"#),
            (b"\xed\xb2\x80", r#"{"base64":"7bKA"}"#),
        ] {
            let text = ByteText(bytes.to_vec());
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(serde_json::from_str::<ByteText>(json).unwrap(), text);
        }
    }

    #[test]
    fn there_is_one_way_to_write_bytes() {
        for json in [
            r#"{"base64":"YQ=="}"#,
            r#"{"base64":"/y9h","more":1}"#,
            r#"{"base64":"!"}"#,
            r#"{"bytes":"/y9h"}"#,
            "{}",
            "1",
            "null",
            "[]",
            r#""\udc80""#,
        ] {
            assert!(serde_json::from_str::<ByteText>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_relative_paths_in_their_shortest_form_pass() {
        for path in ["a", "a/b", "-a", "a b/\n", "...", "..a", "\\", "~", "%2e%2e/a", "$HOME"] {
            assert!(check(path.as_bytes(), false).is_ok(), "{path}");
        }
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\0b"] {
            assert!(check(path.as_bytes(), false).is_err(), "{path}");
        }
        assert!(check(b"", true).is_ok());
        assert!(check(&vec![b'a'; MAX_PATH], false).is_ok());
        assert!(check(&vec![b'a'; MAX_PATH + 1], false).is_err());
        let deep = |depth: usize| vec!["a"; depth].join("/");
        assert!(check(deep(MAX_DEPTH).as_bytes(), false).is_ok());
        assert!(check(deep(MAX_DEPTH + 1).as_bytes(), false).is_err());
    }

    #[test]
    fn paths_are_put_together_and_taken_apart() {
        assert_eq!(joined(b"", b"a"), b"a");
        assert_eq!(joined(b"a/b", b"c"), b"a/b/c");
        assert_eq!(joined(b"a", b""), b"a");
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
        assert_eq!((depth(b""), depth(b"a"), depth(b"a/b")), (0, 1, 2));
    }
}
