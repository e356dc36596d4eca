//! Trees on the host's disk, and a client of the methods that list, read and write them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use h2::RecvStream;
use h2::client::ResponseFuture;
use http::Request;
use pyro_agent::records::{self, HEADER};
use serde_json::{Value, json};

use crate::machine::{Client, Input, Machine, read_to_end};

/// A directory of the machine's own that is a tree.
pub fn tree(machine: &Machine) -> PathBuf {
    let root = machine.directory.canonicalize().unwrap().join("tree");
    fs::create_dir(&root).unwrap();
    root
}

/// What is below a directory, as text: paths with modes, contents and targets.
pub fn shown(root: &Path) -> Vec<String> {
    let mut all = vec![];
    show(root, root, &mut all);
    all.sort();
    all
}

fn show(root: &Path, directory: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
        let stat = path.symlink_metadata().unwrap();
        let mode = stat.permissions().mode() & 0o7777;
        if stat.is_dir() {
            all.push(format!("{name}/ {mode:o}"));
            show(root, &path, all);
        } else if stat.is_symlink() {
            all.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
        } else {
            all.push(format!("{name} {mode:o} {}", fs::read(&path).unwrap().escape_ascii()));
        }
    }
}

/// What lies beside the tree and is not what the test put there.
pub fn leftovers(machine: &Machine) -> Vec<PathBuf> {
    let entries = fs::read_dir(&machine.directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains("staging")).collect()
}

/// Bytes as they stand in a message.
pub fn text(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => {
            use base64::Engine;
            json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
        }
    }
}

/// An upload as it stands on the wire.
#[derive(Clone)]
pub struct Upload(pub Vec<u8>);

impl Upload {
    pub fn new(root: &Path) -> Self {
        Upload::with(&json!({"root": root, "dest": "", "replace": true}))
    }

    pub fn with(params: &Value) -> Self {
        Upload(vec![]).json(params)
    }

    pub fn json(self, message: &Value) -> Self {
        self.record(records::JSON, message.to_string().as_bytes())
    }

    pub fn record(mut self, kind: u8, payload: &[u8]) -> Self {
        self.0.extend(records::header(kind, payload.len()));
        self.0.extend(payload);
        self
    }

    pub fn entry(self, path: impl AsRef<[u8]>, kind: &str, change: Value) -> Self {
        let mut entry = json!({
            "item": "entry", "path": text(path.as_ref()), "kind": kind, "mode": 0o644,
            "size_bytes": 0, "link_target": null, "expect": null
        });
        for (key, value) in change.as_object().unwrap() {
            entry[key] = value.clone();
        }
        self.json(&entry)
    }

    pub fn file(self, path: impl AsRef<[u8]>, content: &str) -> Self {
        let upload = self.entry(path, "file", json!({"size_bytes": content.len()}));
        if content.is_empty() { upload } else { upload.record(records::DATA, content.as_bytes()) }
    }

    pub fn directory(self, path: impl AsRef<[u8]>, mode: u32) -> Self {
        self.entry(path, "directory", json!({"mode": mode}))
    }

    pub fn symlink(self, path: impl AsRef<[u8]>, target: &str) -> Self {
        self.entry(path, "symlink", json!({"link_target": target}))
    }

    pub fn delete(self, path: impl AsRef<[u8]>) -> Self {
        self.entry(path, "delete", json!({}))
    }

    pub fn commit(self) -> Self {
        self.json(&json!({"item": "commit"}))
    }
}

/// The records of an answer, or the failure.
pub type Answer = Result<Vec<(u8, Vec<u8>)>, Value>;

/// A request whose body is being sent.
pub struct Exchange {
    pub input: Input,
    response: ResponseFuture,
}

impl Exchange {
    pub async fn open(client: &Client, method: &str) -> Self {
        let request = Request::post(format!("http://agent/{method}")).body(()).unwrap();
        let (response, send) =
            client.sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
        Exchange { input: Input(send), response }
    }

    /// The status and the whole answer.
    pub async fn answer(self) -> (u16, Vec<u8>) {
        let mut response = self.response.await.unwrap();
        let body = read_to_end(response.body_mut()).await;
        (response.status().as_u16(), body)
    }

    /// The body of the answer, to be read in parts.
    pub async fn body(self) -> RecvStream {
        self.response.await.unwrap().into_body()
    }
}

impl Client {
    /// Sends an upload; the code of the failure where there is one.
    pub async fn write(&self, upload: Upload) -> Result<Value, String> {
        let mut exchange = Exchange::open(self, "write").await;
        if exchange.input.try_send(upload.0).await {
            exchange.input.end();
        }
        let (status, body) = exchange.answer().await;
        let answer: Value = serde_json::from_slice(&body).unwrap();
        if status == 200 { Ok(answer) } else { Err(answer["code"].as_str().unwrap().to_string()) }
    }

    /// Sends a message, and reads records.
    pub async fn records(&self, method: &str, message: &Value) -> Answer {
        let mut exchange = Exchange::open(self, method).await;
        exchange.input.try_send(message.to_string().into_bytes()).await;
        exchange.input.end();
        let (status, body) = exchange.answer().await;
        if status != 200 {
            return Err(serde_json::from_slice(&body).unwrap());
        }
        Ok(cut(&body))
    }

    /// Lists a tree: its entries, and the last event.
    pub async fn walk(&self, request: &Value) -> Result<(Vec<Value>, Value), Value> {
        let mut events = self.walk_events(request).await?;
        let ended = events.pop().unwrap();
        let batches = events.iter().map(|event| event["entries"].as_array().unwrap());
        Ok((batches.flatten().cloned().collect(), ended))
    }

    /// The events of a listing.
    pub async fn walk_events(&self, request: &Value) -> Result<Vec<Value>, Value> {
        let records = self.records("walk", request).await?;
        Ok(records.iter().map(|(_, json)| serde_json::from_slice(json).unwrap()).collect())
    }

    /// Reads entries: for each its events, with contents as text between them.
    pub async fn read_entries(&self, request: &Value) -> Result<Vec<Value>, Value> {
        let mut all: Vec<Value> = vec![];
        for (kind, payload) in self.records("read", request).await? {
            match (kind, all.last_mut()) {
                (records::JSON, _) => all.push(serde_json::from_slice(&payload).unwrap()),
                (_, Some(Value::String(before))) => before.push_str(&String::from_utf8_lossy(&payload)),
                _ => all.push(json!(String::from_utf8_lossy(&payload))),
            }
        }
        Ok(all)
    }
}

fn cut(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut records = vec![];
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_at(HEADER);
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
        let (payload, rest) = rest.split_at(length);
        records.push((header[0], payload.to_vec()));
        bytes = rest;
    }
    records
}
