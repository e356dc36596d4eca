//! Uploads that do not come to their end: the tree is as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;

use crate::files::{Exchange, Upload, leftovers, shown, tree};
use crate::machine::{Machine, eventually};

#[tokio::test]
async fn a_conflict_in_the_middle_takes_everything_back() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::create_dir_all(root.join("d/e")).unwrap();
    fs::set_permissions(root.join("d"), fs::Permissions::from_mode(0o711)).unwrap();
    for name in ["a", "d/file", "gone", "z-file"] {
        fs::write(root.join(name), "old").unwrap();
    }
    symlink("old", root.join("link")).unwrap();
    let before = shown(&root);
    let upload = Upload::new(&root)
        .delete("gone")
        .file("a", "new")
        .file("b/new", "new")
        .directory("d", 0o700)
        .file("d/file", "new")
        .file("d/e/new", "new")
        .symlink("link", "new")
        .file("z-file/inner", "new");
    assert_eq!(client.write(upload.commit()).await, Err("dest_not_directory".to_string()));
    assert_eq!(shown(&root), before);
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    fs::write(root.join("file"), "old").unwrap();
    let half = Upload::new(&root).file("file", "new").file("other", &"x".repeat(300_000));
    let half = half.entry("last", "file", json!({"size_bytes": 10})).record(1, b"12345");
    for is_reset in [true, false] {
        let connection = machine.connect().await;
        let mut exchange = Exchange::open(&connection, "write").await;
        assert!(exchange.input.try_send(half.0.clone()).await);
        eventually("the staging", || !leftovers(&machine).is_empty()).await;
        if is_reset {
            exchange.input.0.send_reset(h2::Reason::CANCEL);
        } else {
            connection.connection.abort();
        }
        eventually("the end of the staging", || leftovers(&machine).is_empty()).await;
        assert_eq!(shown(&root), ["file 644 old"]);
    }
    client.write(Upload::new(&root).file("file", "new").commit()).await.unwrap();
    assert_eq!(shown(&root), ["file 644 new"]);
}

#[tokio::test]
async fn a_commit_that_waits_can_be_cancelled() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    client.call("freeze", r#"{"deadline_ms":60000}"#).await;
    let mut exchange = Exchange::open(&client, "write").await;
    assert!(exchange.input.try_send(Upload::new(&root).file("a", "x").commit().0).await);
    exchange.input.end();
    tokio::time::sleep(Duration::from_millis(50)).await;
    exchange.input.0.send_reset(h2::Reason::CANCEL);
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.call("thaw", "{}").await;
    eventually("the end of the staging", || leftovers(&machine).is_empty()).await;
    assert_eq!(shown(&root), [""; 0]);
}

#[tokio::test]
async fn a_full_disk_takes_everything_back() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let disk = machine.directory.canonicalize().unwrap().join("disk");
    fs::create_dir(&disk).unwrap();
    if let Err(error) = mount("tmpfs", &disk, "tmpfs", MountFlags::empty(), Some(c"size=1m")) {
        return eprintln!("skipped: a small file system cannot be mounted here: {error}");
    }
    let root = disk.join("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), "old").unwrap();
    let large = "x".repeat(600_000);
    let upload = Upload::new(&root).file("a", "new").file("b", &large).file("c", &large).commit();
    let refused = client.write(upload).await;
    let (left, beside) = (shown(&root), fs::read_dir(&disk).unwrap().count());
    let fits = client.write(Upload::new(&root).file("b", &large).commit()).await;
    unmount(&disk, UnmountFlags::DETACH).unwrap();
    assert_eq!(refused, Err("guest_disk_full".to_string()));
    assert_eq!((left, beside), (vec!["a 644 old".to_string()], 1));
    assert!(fits.is_ok());
}

#[tokio::test]
async fn a_refusal_comes_before_the_end_of_a_long_upload() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let mut upload = Upload::new(&root).file("a", "1").file("a", "2");
    for number in 0..100 {
        upload = upload.file(format!("{number}"), &"x".repeat(100_000));
    }
    assert_eq!(client.write(upload.commit()).await, Err("duplicate_entry".to_string()));
    assert!(leftovers(&machine).is_empty());
}

#[tokio::test]
async fn a_path_that_changes_meanwhile_never_leads_out() {
    let machine = Machine::start().await;
    let client = machine.connect().await;
    let root = tree(&machine);
    let out = machine.directory.join("out");
    fs::create_dir(root.join("d")).unwrap();
    fs::create_dir(&out).unwrap();
    symlink("../out", root.join("l")).unwrap();
    let (one, other) = (root.join("d"), root.join("l"));
    let flipping = Arc::new(AtomicBool::new(true));
    let goes_on = Arc::clone(&flipping);
    let flipper = std::thread::spawn(move || {
        while goes_on.load(Ordering::Relaxed) {
            renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
        }
    });
    let (mut done, mut refused) = (0, 0);
    for number in 0..300 {
        let upload = Upload::new(&root).file(format!("d/{number}"), "x").file(format!("d/s/{number}"), "x");
        match client.write(upload.commit()).await {
            Ok(_) => done += 1,
            Err(code) => {
                assert!(
                    ["dest_not_directory", "path_escape", "path_changed"].contains(&code.as_str()),
                    "{code}"
                );
                refused += 1;
            }
        }
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    }
    flipping.store(false, Ordering::Relaxed);
    flipper.join().unwrap();
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    assert!(leftovers(&machine).is_empty());
}
