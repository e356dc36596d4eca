//! Listings of trees.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mkdirat, mknodat, openat};
use serde_json::{Value, json};

use crate::files::{Exchange, Upload, text, tree};
use crate::machine::Machine;

fn request(root: &Path) -> Value {
    json!({"root": root, "path": "", "recursive": true, "max_entries": 100_000, "after": null, "known": null})
}

fn paths(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tree_is_listed_depth_first_in_byte_order_without_following() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    for directory in ["b/c", "a.d", "a"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("a/x"), "content").unwrap();
    fs::write(root.join("a!"), "").unwrap();
    symlink("/etc", root.join("b/link")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    mknodat(CWD, root.join("b/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let (entries, ended) = client.walk(&request(&root)).await.unwrap();
    let expected = ["a", "a/x", "a!", "a.d", "b", "b/c", "b/fifo", "b/link", "loop"];
    assert_eq!(paths(&entries), expected);
    assert_eq!(ended, json!({"event": "ended", "count": 9, "cut": false, "unlisted": 0}));
    let kinds: Vec<&str> = entries.iter().map(|entry| entry["stat"]["kind"].as_str().unwrap()).collect();
    let expected =
        ["directory", "file", "file", "directory", "directory", "directory", "other", "symlink", "symlink"];
    assert_eq!(kinds, expected);
    assert_eq!(
        (&entries[1]["stat"]["size_bytes"], &entries[7]["stat"]["link_target"]),
        (&json!(7), &json!("/etc"))
    );
    let mut flat = request(&root);
    flat["recursive"] = json!(false);
    flat["path"] = json!("b");
    assert_eq!(paths(&client.walk(&flat).await.unwrap().0), ["b/c", "b/fifo", "b/link"]);
}

#[tokio::test]
async fn names_keep_every_byte() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let names: [&[u8]; 7] =
        [b"new\nline", b"esc\x1b[2J", b"\xff\xfe", b"back\\slash", b"-rf", b"dot.", b"\x7f"];
    for name in names {
        fs::write(root.join(OsStr::from_bytes(name)), "").unwrap();
    }
    let (entries, _) = client.walk(&request(&root)).await.unwrap();
    let mut expected = names;
    expected.sort_unstable();
    let expected: Vec<Value> = expected.into_iter().map(text).collect();
    assert_eq!(entries.iter().map(|entry| entry["path"].clone()).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_listing_is_cut_at_its_limit_and_says_so() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    for number in 0..2000 {
        fs::write(root.join(format!("{number:04}")), "").unwrap();
    }
    for (limit, count, is_cut) in [(0, 0, true), (1, 1, true), (1999, 1999, true), (2000, 2000, false)] {
        let mut limited = request(&root);
        limited["max_entries"] = json!(limit);
        let (entries, ended) = client.walk(&limited).await.unwrap();
        assert_eq!((entries.len(), &ended["cut"]), (count, &json!(is_cut)));
        assert!(paths(&entries).iter().enumerate().all(|(number, path)| *path == format!("{number:04}")));
    }
}

#[tokio::test]
async fn a_tree_that_is_too_deep_is_listed_as_far_as_it_goes() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let mut inner = rustix::fs::open(&root, rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..1000 {
        mkdirat(&inner, "d", Mode::RWXU).unwrap();
        inner = openat(&inner, "d", rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let (entries, ended) = client.walk(&request(&root)).await.unwrap();
    assert_eq!((entries.len(), &ended["unlisted"]), (256, &json!(1)));
}

#[tokio::test]
async fn what_is_no_tree_is_refused() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::write(root.join("file"), "").unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    symlink("directory", root.join("link")).unwrap();
    symlink(&root, machine.directory.join("linked")).unwrap();
    for (path, code) in [
        ("nonesuch", "path_not_found"),
        ("file", "path_not_directory"),
        ("link", "path_escape"),
        ("link/x", "path_escape"),
        ("..", "bad_request"),
        ("../tree2", "bad_request"),
        ("/etc", "bad_request"),
        ("a//b", "bad_request"),
    ] {
        let mut wrong = request(&root);
        wrong["path"] = json!(path);
        assert_eq!(client.walk(&wrong).await.unwrap_err()["code"], code, "{path}");
    }
    let linked = machine.directory.canonicalize().unwrap().join("linked");
    for (root, code) in [
        (linked.to_str().unwrap(), "dest_not_directory"),
        ("/none/such", "dest_not_directory"),
        ("relative", "bad_request"),
    ] {
        assert_eq!(client.walk(&request(Path::new(root))).await.unwrap_err()["code"], code, "{root}");
    }
}

#[tokio::test]
async fn the_root_of_the_machine_is_listed_and_never_written() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let mut top = request(Path::new("/"));
    top["recursive"] = json!(false);
    let (entries, _) = client.walk(&top).await.unwrap();
    assert!(entries.iter().any(|entry| entry["path"] == "etc"));
    let written = client.write(Upload::new(Path::new("/")).file("pyro-test", "").commit()).await;
    assert_eq!(written, Err("bad_request".to_string()));
}

#[tokio::test]
async fn a_listing_that_nobody_reads_holds_nobody_up() {
    let machine = Machine::start().await;
    let client = machine.connect_with_window(65_535).await;
    let root = tree(&machine);
    for number in 0..3000 {
        fs::write(root.join(format!("{number}-{}", "n".repeat(200))), "").unwrap();
    }
    let mut stuck = vec![];
    for _ in 0..8 {
        let mut exchange = Exchange::open(&client, "walk").await;
        exchange.input.try_send(request(&root).to_string().into_bytes()).await;
        exchange.input.end();
        stuck.push(exchange.body().await);
    }
    assert_eq!(client.shell("exit 3").await.exit_code, Some(3));
    drop(stuck);
    assert_eq!(client.walk(&request(&root)).await.unwrap().0.len(), 3000);
}

#[tokio::test]
async fn a_known_directory_is_not_listed_again_until_something_in_it_changes() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for file in ["a/x", "a/b/y", "top"] {
        fs::write(root.join(file), "content").unwrap();
    }
    let shape = |events: &[Value]| -> Vec<String> {
        let named = |event: &Value| match event["event"].as_str().unwrap() {
            "entries" => paths(event["entries"].as_array().unwrap()).join(" "),
            "ended" => format!("{} in all", event["count"]),
            other => format!("{other} {:?}", event["path"].as_str().unwrap()),
        };
        events.iter().map(named).collect()
    };
    let mut asked = request(&root);
    asked["known"] = json!([]);
    let all = client.walk_events(&asked).await.unwrap();
    let told = ["digest \"a/b\"", "digest \"a\"", "digest \"empty\"", "digest \"\""];
    assert_eq!(shape(&all).into_iter().filter(|text| text.starts_with("digest")).collect::<Vec<_>>(), told);
    let digests: Vec<Value> = all
        .iter()
        .filter(|event| event["event"] == "digest")
        .map(|event| json!({"path": event["path"], "digest": event["digest"]}))
        .collect();
    asked["known"] = json!(digests);
    let same = ["same \"\"", "same \"a\"", "same \"a/b\"", "same \"empty\"", "6 in all"];
    assert_eq!(shape(&client.walk_events(&asked).await.unwrap()), same);
    fs::write(root.join("a/b/y"), "changed").unwrap();
    let changed = ["same \"\"", "same \"a\"", "a/b/y", "digest \"a/b\"", "same \"empty\"", "6 in all"];
    assert_eq!(shape(&client.walk_events(&asked).await.unwrap()), changed);
    fs::write(root.join("empty/new"), "").unwrap();
    fs::remove_dir_all(root.join("a/b")).unwrap();
    let now = shape(&client.walk_events(&asked).await.unwrap());
    assert!(now.iter().all(|text| !text.starts_with("same")), "{now:?}");
    assert!(now.join(" ").contains("empty/new"), "{now:?}");
    asked["max_entries"] = json!(0);
    let cut = client.walk_events(&asked).await.unwrap();
    assert_eq!(cut.last().unwrap(), &json!({"event": "ended", "count": 0, "cut": true, "unlisted": 0}));
}
