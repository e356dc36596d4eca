//! Every `unsafe` of the crate: the start of a child, descriptors by number, kernel interfaces without a safe binding, the time stamp counter.
#![allow(unsafe_code)]

pub mod bpf;

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::ptr;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd, write};
use rustix::ioctl::{self, Opcode, opcode};
use rustix::mm::{Advice, madvise};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, fchdir, getpid, getppid, ioctl_tiocsctty, set_parent_process_death_signal,
    setpriority_process, setrlimit, setsid,
};
use rustix::stdio::stdin;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

unsafe extern "C" {
    fn execve(path: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int;
    fn signal(number: c_int, action: usize) -> usize;
    fn raise(number: c_int) -> c_int;
    fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_int, length: *mut c_uint) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_int, length: c_uint) -> c_int;
}

/// A program about to start.
#[derive(Debug)]
pub struct Launch {
    /// Paths to try, in order
    pub candidates: Vec<CString>,
    /// Program and arguments
    pub argv: Vec<CString>,
    /// The whole environment, as `NAME=value`
    pub envp: Vec<CString>,
    /// Working directory
    pub cwd: OwnedFd,
    /// Opened `cgroup.procs` of the control group to join
    pub cgroup: Option<OwnedFd>,
    /// Resource limits to set
    pub limits: Vec<(Resource, Rlimit)>,
    /// Whether standard input is a terminal to be had as the controlling one
    pub has_terminal: bool,
    /// Whether to give up what the agent is ahead of others: protection from the out-of-memory killer, and its priority
    pub is_ordinary: bool,
}

/// Starts the program in a session of its own; an error is the errno of `execve` or of a step before it.
pub fn spawn(launch: Launch, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Result<Pid, Errno> {
    let argv = Pointers::new(&launch.argv);
    let envp = Pointers::new(&launch.envp);
    // The closure below replaces the process itself or fails, so this program is never looked at.
    let mut command = Command::new("/");
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    // SAFETY: between fork and exec the closure makes system calls only: it takes no lock and allocates nothing.
    unsafe { command.pre_exec(move || Err(become_program(&launch, &argv, &envp).into())) };
    let errno = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    Ok(Pid::from_child(&command.spawn().map_err(errno)?))
}

/// A null-terminated array of pointers to strings that live elsewhere.
struct Pointers(Vec<*const c_char>);

// SAFETY: the pointers are only read, by the one thread of the forked child.
unsafe impl Send for Pointers {}
// SAFETY: as above.
unsafe impl Sync for Pointers {}

impl Pointers {
    fn new(strings: &[CString]) -> Self {
        Pointers(strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect())
    }
}

fn become_program(launch: &Launch, argv: &Pointers, envp: &Pointers) -> Errno {
    match prepare_child(launch) {
        Ok(()) => execute(launch, argv, envp),
        Err(errno) => errno,
    }
}

fn prepare_child(launch: &Launch) -> Result<(), Errno> {
    setsid()?;
    if launch.has_terminal {
        ioctl_tiocsctty(stdin())?;
    }
    if let Some(cgroup) = &launch.cgroup {
        write(cgroup, b"0")?;
    }
    if launch.is_ordinary {
        setpriority_process(None, 0)?;
        let file = open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        write(file, b"0")?;
    }
    for (resource, limit) in &launch.limits {
        setrlimit(*resource, *limit)?;
    }
    fchdir(&launch.cwd)
}

/// Tries every candidate as `execvp` does, but runs no shell on a file without a known format.
fn execute(launch: &Launch, argv: &Pointers, envp: &Pointers) -> Errno {
    let mut reason = Errno::NOENT;
    for path in &launch.candidates {
        // SAFETY: `path` ends with NUL; both arrays end with null, and their strings are owned by `launch`.
        unsafe { execve(path.as_ptr(), argv.0.as_ptr(), envp.0.as_ptr()) };
        match Errno::from_io_error(&io::Error::last_os_error()) {
            Some(Errno::NOENT | Errno::NOTDIR) => {}
            Some(Errno::ACCESS) => reason = Errno::ACCESS,
            errno => return errno.unwrap_or(Errno::IO),
        }
    }
    reason
}

/// Bytes that one `RNDADDENTROPY` may carry.
pub const MAX_ENTROPY: usize = 512;
const RNDADDENTROPY: Opcode = opcode::write::<[c_int; 2]>(b'R', 0x03);
const RNDRESEEDCRNG: Opcode = opcode::none(b'R', 0x07);

#[repr(C)]
struct RandPoolInfo {
    entropy_count: c_int,
    buf_size: c_int,
    buf: [u8; MAX_ENTROPY],
}

/// Credits `entropy` (at most `MAX_ENTROPY` bytes) to the kernel in full and reseeds its generator from it.
pub fn reseed(random: impl AsFd, entropy: &[u8]) -> Result<(), Errno> {
    let length = entropy.len().min(MAX_ENTROPY);
    let size = c_int::try_from(length).map_err(|_| Errno::INVAL)?;
    let mut pool = RandPoolInfo { entropy_count: size * 8, buf_size: size, buf: [0; MAX_ENTROPY] };
    pool.buf[..length].copy_from_slice(&entropy[..length]);
    // SAFETY: the opcode reads a `rand_pool_info` whose `buf` holds at least `buf_size` bytes.
    unsafe { ioctl::ioctl(&random, ioctl::Setter::<RNDADDENTROPY, _>::new(pool))? };
    // SAFETY: the opcode takes no argument.
    unsafe { ioctl::ioctl(&random, ioctl::NoArg::<RNDRESEEDCRNG>::new()) }
}

const SIOCSIFFLAGS: Opcode = 0x8914;
const IFF_UP_RUNNING: c_uint = 0x1 | 0x40;

#[repr(C)]
struct InterfaceFlags {
    name: [u8; 16],
    flags: [u8; 24],
}

/// Brings a network interface up, given any socket.
pub fn bring_up(socket: impl AsFd, interface: &CStr) -> Result<(), Errno> {
    let mut request = InterfaceFlags { name: [0; 16], flags: [0; 24] };
    let name = interface.to_bytes();
    request.name.get_mut(..name.len()).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(name);
    request.flags[..4].copy_from_slice(&IFF_UP_RUNNING.to_ne_bytes());
    // SAFETY: the opcode reads a `struct ifreq`: 16 bytes of name, then a union of 24 that begins with the flags.
    unsafe { ioctl::ioctl(socket, ioctl::Setter::<SIOCSIFFLAGS, _>::new(request)) }
}

const FIFREEZE: Opcode = opcode::read_write::<c_int>(b'X', 119);
const FITHAW: Opcode = opcode::read_write::<c_int>(b'X', 120);

/// Writes a file system out and lets nothing change it, given anything on it.
pub fn freeze(file: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the opcode takes no argument, whatever its number says.
    unsafe { ioctl::ioctl(file, ioctl::NoArg::<FIFREEZE>::new()) }
}

/// Lets a frozen file system change again.
pub fn thaw(file: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the opcode takes no argument, whatever its number says.
    unsafe { ioctl::ioctl(file, ioctl::NoArg::<FITHAW>::new()) }
}

/// Lets the runtime watch a descriptor.
pub fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the `AsyncFd` owns the one descriptor that it registers, so the number stays the same and open meanwhile.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, interest) }?)
}

/// Keeps a descriptor of this process from the programs it becomes or starts.
pub fn close_on_exec(descriptor: i32) {
    // SAFETY: the number is only passed to the kernel, which refuses one that is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    // The only error is that the descriptor is closed already.
    let _ = fcntl_setfd(borrowed, FdFlags::CLOEXEC);
}

/// Closes a descriptor that this process was started with; nothing here owns it.
pub fn close(descriptor: i32) {
    // SAFETY: the number is only passed to the kernel, which refuses one that is not open.
    unsafe { rustix::io::close(descriptor) };
}

/// Has the program that `command` starts end when this process does.
pub fn bind_to_us(command: &mut Command) {
    let us = getpid();
    let bind = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // A parent that ended before the signal was asked for has another parent in its place.
        if getppid() == Some(us) { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec the closure makes system calls only: it takes no lock and allocates nothing.
    unsafe { command.pre_exec(bind) };
}

/// Gives back the memory of this program's code: what is needed of it comes from its file again.
pub fn forget_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for range in maps.lines().filter_map(code_range) {
        // SAFETY: code is mapped from its file and never written to, so that the file has all of it.
        let _ = unsafe { madvise(range.start as *mut _, range.len(), Advice::LinuxDontNeed) };
    }
}

/// Addresses of a mapping of code, given its line in `/proc/self/maps`.
fn code_range(line: &str) -> Option<Range<usize>> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let is_code = rest.starts_with("r-xp ") && rest.contains(" /");
    let address = |text| usize::from_str_radix(text, 16).ok();
    if is_code { Some(address(start)?..address(end)?) } else { None }
}

/// Ends this process by a signal, without a core file.
pub fn end_by(number: i32) -> ! {
    const DEFAULT: usize = 0;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // SAFETY: the default action is no function of ours, and a number that is no signal is refused.
    unsafe {
        signal(number, DEFAULT);
        raise(number);
    }
    std::process::exit(128 + number)
}

/// A descriptor that this process was started with and never closes.
pub fn inherited(descriptor: i32) -> BorrowedFd<'static> {
    // SAFETY: the number is only passed to the kernel, which refuses one that is not open.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

/// Reads the processor's time stamp counter.
pub fn time_stamp_counter() -> u64 {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Lets a socket answer for addresses that are not its machine's, for IPv6 if `is_v6`.
pub fn answer_for_any_address(socket: impl AsFd, is_v6: bool) -> io::Result<()> {
    const IP_TRANSPARENT: (c_int, c_int) = (0, 19);
    const IPV6_TRANSPARENT: (c_int, c_int) = (41, 75);
    let (level, name) = if is_v6 { IPV6_TRANSPARENT } else { IP_TRANSPARENT };
    let (value, length) = (1, size_of::<c_int>() as c_uint);
    // SAFETY: the descriptor is open, and the kernel reads the `length` bytes of `value`.
    match unsafe { setsockopt(socket.as_fd().as_raw_fd(), level, name, &raw const value, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The mark of a socket.
pub fn mark_of(socket: impl AsFd) -> io::Result<u32> {
    const SOL_SOCKET: c_int = 1;
    const SO_MARK: c_int = 36;
    let (mut value, mut length) = (0, size_of::<c_int>() as c_uint);
    let (to, size) = (&raw mut value, &raw mut length);
    // SAFETY: the descriptor is open, and the kernel writes at most the `length` bytes of `value`.
    match unsafe { getsockopt(socket.as_fd().as_raw_fd(), SOL_SOCKET, SO_MARK, to, size) } {
        0 => Ok(value.cast_unsigned()),
        _ => Err(io::Error::last_os_error()),
    }
}
