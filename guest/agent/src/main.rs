//! The story of the agent: as PID 1 it boots the machine and serves its host; otherwise it does what its arguments say.

use std::io;
use std::panic;
use std::path::Path;
use std::process::ExitCode;

use pyro_agent::agent::{BUILD, VERSION};
use pyro_agent::{ask, boot, console, launch, listen, port, send, sys, tsc};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

const USAGE: &str = "usage: pyro-agent --listen SOCKET [--die-with-parent] | --stdin | --version | tsc-khz |
       launch LAST_FD PROGRAM [ARGUMENT...] | attend FD PROGRAM [ARGUMENT...] | send TEXT |
       ask HOST PORT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--version"] => print(&format!("pyro-agent {VERSION} {BUILD}")),
        ["tsc-khz"] => print(&tsc::frequency_khz().to_string()),
        ["launch", last_fd, command @ ..] => launched(last_fd, command),
        ["attend", fd, command @ ..] => attended(fd, command),
        ["send", text] => sent(text),
        ["ask", host, port] => asked(host, port),
        ["--stdin"] => ordinary_process("standard input", listen::run_on_stdin()),
        ["--listen", socket] => fake_machine(socket, false),
        ["--listen", socket, "--die-with-parent"] | ["--die-with-parent", "--listen", socket] => {
            fake_machine(socket, true)
        }
        _ if std::process::id() == 1 => guest(),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn guest() -> ! {
    panic::set_hook(Box::new(|panic| {
        console::print(&format!("panic: {panic}"));
        console::power_off()
    }));
    listen::raise_file_limit();
    match boot::run() {
        Ok(booted) => end_of_service(&block_on(port::serve(booted))),
        Err(failure) => console::fail(&failure),
    }
}

fn end_of_service(result: &io::Result<()>) -> ! {
    if let Err(error) = result {
        console::print(&format!("service failed: {error}"));
    }
    console::power_off()
}

fn asked(host: &str, port: &str) -> ExitCode {
    match ask::run(host, port, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pyro-agent: {host:?} port {port:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fake_machine(socket: &str, dies_with_parent: bool) -> ExitCode {
    ordinary_process(socket, listen::run(Path::new(socket), dies_with_parent))
}

fn launched(last_fd: &str, command: &[&str]) -> ExitCode {
    let Ok(last_fd) = last_fd.parse() else {
        return not_begun(command, &io::Error::new(io::ErrorKind::InvalidInput, USAGE));
    };
    match launch::run(last_fd, command) {
        Ok(status) => match status.terminating_signal() {
            Some(signal) => sys::end_by(signal),
            None => ExitCode::from(
                status.exit_status().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX),
            ),
        },
        Err(error) => not_begun(command, &error),
    }
}

fn attended(fd: &str, command: &[&str]) -> ExitCode {
    match fd.parse() {
        Ok(fd) => not_begun(command, &launch::attend(fd, command)),
        Err(_) => not_begun(command, &io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    }
}

fn not_begun(command: &[&str], error: &io::Error) -> ExitCode {
    eprintln!("pyro-agent: {}: {error}", command.first().unwrap_or(&"a program"));
    ExitCode::from(2)
}

fn sent(text: &str) -> ExitCode {
    match send::run(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pyro-agent: send: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ordinary_process(channel: &str, story: impl Future<Output = io::Result<()>>) -> ExitCode {
    listen::raise_file_limit();
    match block_on(story) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pyro-agent: {channel}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(story: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, story)
}

fn print(line: &str) -> ExitCode {
    println!("{line}");
    ExitCode::SUCCESS
}
