//! The machine's console and its end: how PID 1 says its last words.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::sync;
use rustix::system::{RebootCommand, reboot};
use serde::Serialize;

/// Why the machine did not come up
#[derive(Debug, Serialize)]
pub struct BootFailure {
    /// Step that failed
    pub stage: &'static str,
    /// Error number of the system call
    pub errno: Option<i32>,
    /// One sentence
    pub message: String,
}

/// Writes one line to the console.
pub fn print(line: &str) {
    if let Ok(mut console) = OpenOptions::new().write(true).open("/dev/console") {
        // Without a console there is nobody to tell.
        let _ = console.write_all(format!("pyro-agent: {line}\n").as_bytes());
    }
}

/// Says that the machine did not come up, and ends it.
pub fn fail(failure: &BootFailure) -> ! {
    let record = serde_json::to_string(failure).unwrap_or_default();
    print(&format!("boot failed {record}"));
    power_off()
}

/// Ends the machine: QEMU runs with `-no-reboot`, so a reboot is the end everywhere.
pub fn power_off() -> ! {
    sync();
    loop {
        // Nothing is left to do when it fails; PID 1 must not return.
        let _ = reboot(RebootCommand::Restart);
        sleep(Duration::from_secs(1));
    }
}
