//! Contents of files.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use serde_json::{Value, json};

use crate::files::{text, tree};
use crate::machine::Machine;

fn request(root: &Path, paths: &[&str]) -> Value {
    json!({"root": root, "paths": paths, "max_bytes": null, "offset": 0, "follow": false})
}

/// Contents, kinds of what has none, and codes of failures.
fn summary(events: &[Value]) -> Vec<String> {
    let mut all = vec![];
    for event in events {
        match (event, event["event"].as_str()) {
            (Value::String(content), _) => all.push(content.clone()),
            (_, Some("entry")) => all.push(event["stat"]["kind"].as_str().unwrap().to_string()),
            (_, Some("ended")) => all.push(event["bytes"].to_string()),
            _ => all.push(event["code"].as_str().unwrap().to_string()),
        }
    }
    all
}

#[tokio::test]
async fn one_path_that_cannot_be_read_does_not_end_the_rest() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("d/file"), "content").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("d", root.join("inner")).unwrap();
    let paths = ["d/file", "nonesuch", "link", "d", "inner/file", "d/file/x", "empty", ""];
    let events = client.read_entries(&request(&root, &paths)).await.unwrap();
    let expected = [
        "file",
        "content",
        "7",
        "path_not_found",
        "symlink",
        "0",
        "directory",
        "0",
        "path_escape",
        "path_not_directory",
        "file",
        "0",
        "directory",
        "0",
    ];
    assert_eq!(summary(&events), expected);
    assert_eq!(events[4]["stat"]["link_target"], json!("/etc/passwd"));
    assert_eq!((&events[3]["index"], &events[3]["errno"]), (&json!(1), &json!(2)));
    assert_eq!(client.read_entries(&request(&root, &[])).await, Ok(vec![]));
    let refused = client.read_entries(&request(&root, &["empty", "../x"])).await.unwrap_err();
    assert_eq!(refused["code"], "bad_request");
}

#[tokio::test]
async fn a_part_of_a_file_is_read() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::write(root.join("file"), "0123456789").unwrap();
    for (offset, max_bytes, content) in [
        (0, json!(4), "0123"),
        (8, json!(4), "89"),
        (3, json!(null), "3456789"),
        (10, json!(1), ""),
        (99, json!(1), ""),
        (0, json!(0), ""),
    ] {
        let mut part = request(&root, &["file"]);
        part["offset"] = json!(offset);
        part["max_bytes"] = max_bytes;
        let events = client.read_entries(&part).await.unwrap();
        let read: String = events.iter().filter_map(Value::as_str).collect();
        assert_eq!(read, content);
        assert_eq!(events.last().unwrap()["bytes"], content.len());
    }
}

#[tokio::test]
async fn eight_mebibytes_and_many_small_files_come_whole() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let large = "0123456789abcde\n".repeat(1 << 19);
    fs::write(root.join("large"), &large).unwrap();
    let names: Vec<String> = (0..2000).map(|number| format!("{number}")).collect();
    for name in &names {
        fs::write(root.join(name), name).unwrap();
    }
    let mut paths: Vec<&str> = names.iter().map(String::as_str).collect();
    paths.push("large");
    let events = client.read_entries(&request(&root, &paths)).await.unwrap();
    let contents: Vec<&str> = events.iter().filter_map(Value::as_str).collect();
    assert!(contents[..2000] == paths[..2000]);
    assert!(contents[2000] == large);
}

#[tokio::test]
async fn nothing_but_regular_files_is_opened() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let mut paths = vec!["fifo", "socket"];
    if mknodat(CWD, root.join("zero"), FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)).is_ok() {
        paths.push("zero");
    }
    for follow in [false, true] {
        let mut special = request(&root, &paths);
        special["follow"] = json!(follow);
        let started = Instant::now();
        let events = client.read_entries(&special).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(1));
        assert_eq!(summary(&events), ["other", "0"].repeat(paths.len()));
    }
}

#[tokio::test]
async fn following_stays_inside_the_tree() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("d/file"), "inside").unwrap();
    fs::write(machine.directory.join("secret"), "outside").unwrap();
    for (name, target) in [
        ("in", "d/file"),
        ("dir", "d"),
        ("out", "../secret"),
        ("absolute", "/etc/passwd"),
        ("self", "self"),
        ("magic", "/proc/self/exe"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    let mut following = request(&root, &["in", "dir/file", "out", "absolute", "self", "magic"]);
    following["follow"] = json!(true);
    let events = client.read_entries(&following).await.unwrap();
    let expected = [
        "file",
        "inside",
        "6",
        "file",
        "inside",
        "6",
        "path_escape",
        "path_escape",
        "path_escape",
        "path_escape",
    ];
    assert_eq!(summary(&events), expected);
}

#[tokio::test]
async fn a_path_that_changes_meanwhile_never_leads_out() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("d/file"), "inside").unwrap();
    fs::create_dir(machine.directory.join("out")).unwrap();
    fs::write(machine.directory.join("out/file"), "outside").unwrap();
    symlink("../out", root.join("l")).unwrap();
    let (one, other) = (root.join("d"), root.join("l"));
    let flipping = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let goes_on = std::sync::Arc::clone(&flipping);
    let flipper = std::thread::spawn(move || {
        while goes_on.load(std::sync::atomic::Ordering::Relaxed) {
            renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
        }
    });
    let paths = vec!["d/file"; 2000];
    for follow in [false, true] {
        let mut racing = request(&root, &paths);
        racing["follow"] = json!(follow);
        let events = client.read_entries(&racing).await.unwrap();
        assert!(events.iter().filter_map(Value::as_str).all(|content| content == "inside"));
    }
    flipping.store(false, std::sync::atomic::Ordering::Relaxed);
    flipper.join().unwrap();
}

#[tokio::test]
async fn names_keep_every_byte() {
    use std::os::unix::ffi::OsStrExt;
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let name = b"-\xff\n\x1b\\";
    fs::write(root.join(std::ffi::OsStr::from_bytes(name)), "odd").unwrap();
    let mut odd = request(&root, &[]);
    odd["paths"] = json!([text(name)]);
    assert_eq!(summary(&client.read_entries(&odd).await.unwrap()), ["file", "odd", "3"]);
}
