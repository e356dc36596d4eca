//! Uploads: what they make of a tree, and what they refuse.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::files::{Upload, leftovers, shown, tree};
use crate::machine::Machine;

#[tokio::test]
async fn an_empty_tree_is_filled() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let upload = Upload::new(&root)
        .directory("d", 0o750)
        .file("d/file", "content")
        .entry("d/run", "file", json!({"mode": 0o6777}))
        .file("implied/inner/file", "")
        .directory("implied", 0o700)
        .symlink("link", "/nowhere")
        .file(b"odd\n\x1b\xff\\", "x")
        .file("-rf", "y")
        .commit();
    assert_eq!(client.write(upload).await, Ok(json!({"entries": 8, "bytes": 9})));
    let expected = [
        "-rf 644 y",
        "d/ 750",
        "d/file 644 content",
        "d/run 777 ",
        "implied/ 700",
        "implied/inner/ 755",
        "implied/inner/file 644 ",
        "link -> /nowhere",
        "odd\\n\\x1b\\xff\\\\ 644 x",
    ];
    assert_eq!(shown(&root), expected);
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn an_upload_lies_over_what_is_there() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir_all(root.join("d/stays")).unwrap();
    fs::set_permissions(root.join("d"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(root.join("d/old"), "old").unwrap();
    fs::write(root.join("file"), "old").unwrap();
    symlink("old", root.join("link")).unwrap();
    fs::hard_link(root.join("file"), machine.directory.join("other-name")).unwrap();
    let upload = Upload::new(&root)
        .file("d/new", "new")
        .file("file", "new")
        .symlink("link", "new")
        .directory("d/stays", 0o700)
        .commit();
    client.write(upload).await.unwrap();
    let expected =
        ["d/ 711", "d/new 644 new", "d/old 644 old", "d/stays/ 700", "file 644 new", "link -> new"];
    assert_eq!(shown(&root), expected);
    assert_eq!(fs::read_to_string(machine.directory.join("other-name")).unwrap(), "old");
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn a_destination_is_made_and_kept_to() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::write(root.join("file"), "").unwrap();
    fs::create_dir(machine.directory.join("out")).unwrap();
    symlink("../out", root.join("link")).unwrap();
    let at = |dest: &str| Upload::with(&json!({"root": root, "dest": dest, "replace": true}));
    client.write(at("new/dest").file("a", "x").commit()).await.unwrap();
    client.write(at("empty").commit()).await.unwrap();
    let before = shown(&root);
    assert!(before.contains(&"new/dest/a 644 x".to_string()) && before.contains(&"empty/ 755".to_string()));
    for (dest, code) in [
        ("file", "dest_not_directory"),
        ("link", "dest_not_directory"),
        ("link/x", "dest_not_directory"),
        ("..", "bad_request"),
        ("/etc", "bad_request"),
        ("../tree2", "bad_request"),
        ("a\0b", "bad_request"),
    ] {
        let refused = client.write(at(dest).file("a", "x").commit()).await;
        assert_eq!(refused, Err(code.to_string()), "{dest}");
    }
    assert_eq!(shown(&root), before);
    assert_eq!(fs::read_dir(machine.directory.join("out")).unwrap().count(), 0);
    let linked = machine.directory.canonicalize().unwrap().join("linked");
    symlink(&root, &linked).unwrap();
    let refused = client.write(Upload::new(&linked).file("a", "x").commit()).await;
    assert_eq!(refused, Err("dest_not_directory".to_string()));
}

#[tokio::test]
async fn an_upload_at_odds_with_itself_is_refused() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let new = || Upload::new(&root);
    let sized = |size: u64| new().entry("a", "file", json!({"size_bytes": size})).record(1, b"12345");
    let table: [(Upload, &str); 20] = [
        (new().symlink("a", "/etc").file("a/x", ""), "path_escape"),
        (new().directory("d", 0o755).file("d/ok", "").symlink("d", "../out"), "duplicate_entry"),
        (new().file("a", "1").file("a", "2"), "duplicate_entry"),
        (new().file("a", "").directory("a", 0o755), "duplicate_entry"),
        (new().directory("a", 0o755).directory("a", 0o755), "duplicate_entry"),
        (new().file("a", "").file("a/b", ""), "path_not_directory"),
        (new().symlink("l", "d").directory("l", 0o755), "duplicate_entry"),
        (new().file("../x", ""), "bad_request"),
        (new().file("/x", ""), "bad_request"),
        (new().file("", ""), "bad_request"),
        (new().file("a/./b", ""), "bad_request"),
        (new().file("n".repeat(256), ""), "path_too_long"),
        (new().file(vec!["d"; 257].join("/"), ""), "bad_request"),
        (new().entry("a", "symlink", json!({})), "bad_request"),
        (new().entry("a", "file", json!({"link_target": "b"})), "bad_request"),
        (new().entry("a", "directory", json!({"size_bytes": 1})), "bad_request"),
        (new().entry("a", "fifo", json!({})), "bad_request"),
        (sized(4), "bad_request"),
        (sized(6), "bad_request"),
        (new().file("a", "").record(1, b"more"), "bad_request"),
    ];
    for (number, (upload, code)) in table.into_iter().enumerate() {
        assert_eq!(client.write(upload.commit()).await, Err(code.to_string()), "case {number}");
    }
    for cut in [Upload(vec![]), Upload(vec![0]), Upload(vec![9; 9]), new(), new().file("a", "x"), sized(10)] {
        assert_eq!(client.write(cut).await, Err("bad_request".to_string()));
    }
    assert_eq!(shown(&root), [""; 0]);
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn deletions_are_named_one_by_one() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir_all(root.join("d/e")).unwrap();
    fs::write(root.join("d/e/file"), "x").unwrap();
    fs::write(root.join("file"), "x").unwrap();
    symlink("d", root.join("link")).unwrap();
    let before = shown(&root);
    for (upload, code) in [
        (Upload::new(&root).delete("file").delete("d"), "directory_not_empty"),
        (Upload::new(&root).delete("file").delete("file"), "path_not_found"),
        (Upload::new(&root).delete("nonesuch"), "path_not_found"),
        (Upload::new(&root).delete("link/e/file"), "path_escape"),
        (Upload::new(&root).file("d", "x"), "is_a_directory"),
        (Upload::new(&root).file("file/x", "x"), "dest_not_directory"),
    ] {
        assert_eq!(client.write(upload.commit()).await, Err(code.to_string()));
        assert_eq!(shown(&root), before);
    }
    let upload = Upload::new(&root).delete("d/e/file").delete("d/e").delete("d").file("d", "now a file");
    client.write(upload.delete("file").directory("file", 0o755).delete("link").commit()).await.unwrap();
    assert_eq!(shown(&root), ["d 644 now a file", "file/ 755"]);
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn expectations_are_kept_to() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::write(root.join("file"), "old").unwrap();
    let request = json!({"root": root, "paths": ["file"], "max_bytes": 0, "offset": 0, "follow": false});
    let stat = client.read_entries(&request).await.unwrap()[0]["stat"].clone();
    let mut known = json!({"state": "present"});
    for field in ["kind", "size_bytes", "mtime_ns", "ctime_ns", "inode"] {
        known[field] = stat[field].clone();
    }
    let absent = json!({"state": "absent"});
    let expecting = |path: &str, expect: &Value| {
        Upload::new(&root).file("new", "new").entry(path, "file", json!({"expect": expect})).commit()
    };
    let changed = Err("path_changed".to_string());
    for field in ["size_bytes", "mtime_ns", "ctime_ns", "inode"] {
        let mut wrong = known.clone();
        wrong[field] = if field == "size_bytes" { json!(4) } else { json!("5") };
        assert_eq!(client.write(expecting("file", &wrong)).await, changed, "{field}");
    }
    assert_eq!(client.write(expecting("file", &absent)).await, changed);
    assert_eq!(client.write(expecting("nonesuch", &known)).await, changed);
    assert_eq!(shown(&root), ["file 644 old"]);
    client.write(expecting("file", &known)).await.unwrap();
    client.write(expecting("other", &absent)).await.unwrap();
    assert_eq!(client.write(expecting("file", &known)).await, changed);
    assert_eq!(shown(&root), ["file 644 ", "new 644 new", "other 644 "]);
    let keeping = Upload::with(&json!({"root": root, "dest": "", "replace": false}));
    assert_eq!(
        client.write(keeping.file("x", "").file("file", "y").commit()).await,
        Err("path_exists".to_string())
    );
    assert_eq!(shown(&root), ["file 644 ", "new 644 new", "other 644 "]);
}
