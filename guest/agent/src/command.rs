//! Starting a command: checks, the search for its program, its pipes.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, open};
use rustix::io::Errno;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Resource, Rlimit};

use crate::failure::Failure;
use crate::messages::{ExecParams, TerminalSize};
use crate::sys::{self, Launch};
use crate::terminal;
use crate::tree::Tree;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Enough for a command to work on while the host is slow to read.
const PIPE_SIZE: usize = 1 << 20;
/// Open files a command may have in the guest: soft and hard limit.
const FILES: (u64, u64) = (1024, 524_288);

/// A running command.
#[derive(Debug)]
pub struct Command {
    /// Process id, also of its session
    pub pid: Pid,
    /// Write end of its standard input, where it has one
    pub stdin: Option<OwnedFd>,
    /// Read end of its standard output
    pub stdout: OwnedFd,
    /// Read end of its standard error; none where a terminal has it
    pub stderr: Option<OwnedFd>,
    /// The other end of its terminal
    pub terminal: Option<OwnedFd>,
}

/// Starts the command as the root of `tree`.
pub fn start(params: &ExecParams, tree: &Tree, is_guest: bool) -> Result<Command, Failure> {
    let (argv, envp) = strings(params)?;
    let candidates = candidates(&params.argv[0], params.env.get("PATH").map(String::as_str));
    let cwd = open_directory(&params.cwd)?;
    let mut limits = tree.limits();
    if is_guest {
        limits.push((Resource::Nofile, Rlimit { current: Some(FILES.0), maximum: Some(FILES.1) }));
    }
    let failed = |error: io::Error| Failure::internal("command", &error);
    let cgroup = tree.open().map_err(failed)?;
    let has_terminal = params.pty.is_some();
    let launch = Launch { candidates, argv, envp, cwd, cgroup, limits, has_terminal, is_ordinary: is_guest };
    let ends = match params.pty {
        Some(size) => {
            terminal::check(size.cols, size.rows)?;
            terminal_ends(size).map_err(failed)?
        }
        None => pipe_ends(params.stdin).map_err(failed)?,
    };
    let [child_stdin, child_stdout, child_stderr] = ends.child;
    let pid = sys::spawn(launch, child_stdin, child_stdout, child_stderr)
        .map_err(|errno| not_started(&params.argv[0], errno))?;
    Ok(Command { pid, stdin: ends.stdin, stdout: ends.stdout, stderr: ends.stderr, terminal: ends.terminal })
}

/// What a command reads and writes, and our ends of it.
struct Ends {
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: Option<OwnedFd>,
    terminal: Option<OwnedFd>,
    child: [Stdio; 3],
}

fn pipe_ends(has_stdin: bool) -> io::Result<Ends> {
    let (stdin, child_stdin) = stdin_pipe(has_stdin)?;
    let (stdout, child_stdout) = output_pipe()?;
    let (stderr, child_stderr) = output_pipe()?;
    let child = [child_stdin, child_stdout, child_stderr];
    Ok(Ends { stdin, stdout, stderr: Some(stderr), terminal: None, child })
}

fn terminal_ends(size: TerminalSize) -> io::Result<Ends> {
    let (ours, theirs) = terminal::open(size)?;
    let child = [theirs.try_clone()?.into(), theirs.try_clone()?.into(), theirs.into()];
    let stdin = Some(ours.try_clone()?);
    Ok(Ends { stdin, stdout: ours.try_clone()?, stderr: None, terminal: Some(ours), child })
}

fn stdin_pipe(is_wanted: bool) -> io::Result<(Option<OwnedFd>, Stdio)> {
    if !is_wanted {
        return Ok((None, Stdio::null()));
    }
    let (reader, writer) = io::pipe()?;
    Ok((Some(writer.into()), reader.into()))
}

fn output_pipe() -> io::Result<(OwnedFd, Stdio)> {
    let (reader, writer) = io::pipe()?;
    // An ordinary user may be over their share of pipe memory; a smaller pipe works as well.
    let _ = fcntl_setpipe_size(&reader, PIPE_SIZE);
    Ok((reader.into(), writer.into()))
}

fn not_started(program: &str, errno: Errno) -> Failure {
    let (code, reason) = match errno {
        Errno::NOENT | Errno::NOTDIR => ("command_not_found", "was not found"),
        Errno::ACCESS | Errno::NOEXEC | Errno::ISDIR => ("command_not_executable", "cannot be executed"),
        Errno::TOOBIG => ("argument_too_long", "has too long arguments or environment"),
        _ => ("spawn_failed", "could not be started"),
    };
    Failure::exec(code, format!("{program:?} {reason}"), Some(errno))
}

fn open_directory(path: &str) -> Result<OwnedFd, Failure> {
    let refuse = |errno| {
        Failure::exec("cwd_not_found", format!("working directory {path:?} cannot be entered"), Some(errno))
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty()).map_err(refuse)?;
    accessat(CWD, path, Access::EXEC_OK, AtFlags::empty()).map_err(refuse)?;
    Ok(directory)
}

type Strings = Vec<CString>;

fn strings(params: &ExecParams) -> Result<(Strings, Strings), Failure> {
    let Some(program) = params.argv.first() else {
        return Err(Failure::bad_request("argv is empty"));
    };
    let argv = params.argv.iter().map(|argument| string(argument.clone())).collect::<Result<_, _>>()?;
    let envp = environment(&params.env)?;
    string(params.cwd.clone())?;
    if program.is_empty() {
        return Err(not_started(program, Errno::NOENT));
    }
    Ok((argv, envp))
}

fn environment(env: &BTreeMap<String, String>) -> Result<Strings, Failure> {
    if let Some(name) = env.keys().find(|name| name.is_empty() || name.contains('=')) {
        return Err(Failure::bad_request(format!("{name:?} is no name of a variable")));
    }
    env.iter().map(|(name, value)| string(format!("{name}={value}"))).collect()
}

fn string(text: String) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::bad_request("argv, env and cwd must not hold a NUL"))
}

/// The paths at which a program may be, in the order of the search.
fn candidates(program: &str, path: Option<&str>) -> Strings {
    let place = |directory: &str| match directory {
        "" => program.to_string(),
        directory => format!("{directory}/{program}"),
    };
    let paths = match program.contains('/') {
        true => vec![program.to_string()],
        false => path.unwrap_or(DEFAULT_PATH).split(':').map(place).collect(),
    };
    paths.into_iter().filter_map(|path| CString::new(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(program: &str, path: Option<&str>) -> Vec<String> {
        candidates(program, path).into_iter().map(|path| path.into_string().unwrap()).collect()
    }

    #[test]
    fn a_name_is_searched_along_the_path() {
        assert_eq!(search("ls", Some("/a:/b")), ["/a/ls", "/b/ls"]);
        assert_eq!(search("ls", Some("/a::b")), ["/a/ls", "ls", "b/ls"]);
        assert_eq!(search("ls", None).len(), 6);
        assert_eq!(search("ls", None)[5], "/bin/ls");
    }

    #[test]
    fn a_path_is_not_searched() {
        assert_eq!(search("./ls", Some("/a")), ["./ls"]);
        assert_eq!(search("/bin/ls", None), ["/bin/ls"]);
    }

    #[test]
    fn names_of_variables_are_checked() {
        let env = |name: &str| environment(&BTreeMap::from([(name.to_string(), "v".to_string())]));
        assert_eq!(env("A").unwrap(), [c"A=v".to_owned()]);
        for bad in ["", "=", "A=B", "A\0"] {
            assert_eq!(env(bad).unwrap_err().code, "bad_request");
        }
    }
}
