//! The system call behind eBPF: maps of sockets, programs, and where they are attached.

use std::ffi::{CStr, c_int, c_long};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::egress::instruction::Instruction;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

const BPF: c_long = 321;
const MAP_CREATE: c_int = 0;
const MAP_UPDATE: c_int = 2;
const PROGRAM_LOAD: c_int = 5;
const LINK_CREATE: c_int = 28;
const SOCKET_MAP: u32 = 15;
const KEY_BYTES: u32 = 4;
const VALUE_BYTES: u32 = 8;
const LICENSE: &CStr = c"Apache-2.0";

/// What a program decides about.
#[derive(Debug, Clone, Copy)]
pub enum ProgramKind {
    /// Who receives a connection
    SocketLookup,
    /// A socket that is being made
    CgroupSocket,
}

/// Where a program is called.
#[derive(Debug, Clone, Copy)]
pub enum Attachment {
    /// In a network namespace
    SocketLookup,
    /// In a control group and those below it
    SocketCreation,
}

#[repr(C)]
struct Map {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
}

#[repr(C)]
struct Update {
    map: u64,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log: [u64; 2],
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attachment: u32,
}

#[repr(C)]
struct Link {
    program: u32,
    target: u32,
    attachment: u32,
    flags: u32,
}

impl Attachment {
    fn number(self) -> u32 {
        match self {
            Attachment::SocketCreation => 2,
            Attachment::SocketLookup => 36,
        }
    }
}

impl ProgramKind {
    fn numbers(self) -> (u32, Attachment) {
        match self {
            ProgramKind::CgroupSocket => (9, Attachment::SocketCreation),
            ProgramKind::SocketLookup => (30, Attachment::SocketLookup),
        }
    }
}

/// A map in which programs find these sockets by their places.
pub fn socket_map(sockets: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let entries = u32::try_from(sockets.len()).map_err(io::Error::other)?;
    let map = Map { kind: SOCKET_MAP, key_bytes: KEY_BYTES, value_bytes: VALUE_BYTES, entries };
    // SAFETY: the structure has no pointer.
    let map = unsafe { descriptor(MAP_CREATE, &map) }?;
    for (key, socket) in (0_u32..).zip(sockets) {
        let value = u64::from(socket.as_raw_fd().unsigned_abs());
        let update = Update {
            map: u64::from(map.as_raw_fd().unsigned_abs()),
            key: ptr::from_ref(&key).addr() as u64,
            value: ptr::from_ref(&value).addr() as u64,
            flags: 0,
        };
        // SAFETY: key and value live on, and have the sizes with which the map was made.
        unsafe { call(MAP_UPDATE, &update) }?;
    }
    Ok(map)
}

/// Has the kernel check a program.
pub fn load_program(kind: ProgramKind, instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let (kind, attachment) = kind.numbers();
    let load = Load {
        kind,
        count: u32::try_from(instructions.len()).map_err(io::Error::other)?,
        instructions: instructions.as_ptr().addr() as u64,
        license: LICENSE.as_ptr().addr() as u64,
        log: [0; 2],
        kernel_version: 0,
        flags: 0,
        name: [0; 16],
        interface: 0,
        attachment: attachment.number(),
    };
    // SAFETY: the kernel reads `count` instructions, and the license up to its NUL.
    unsafe { descriptor(PROGRAM_LOAD, &load) }
}

/// Has the kernel call a program, as long as what this returns is held.
pub fn attach(program: impl AsFd, target: impl AsFd, attachment: Attachment) -> io::Result<OwnedFd> {
    let link = Link {
        program: program.as_fd().as_raw_fd().unsigned_abs(),
        target: target.as_fd().as_raw_fd().unsigned_abs(),
        attachment: attachment.number(),
        flags: 0,
    };
    // SAFETY: the structure has no pointer.
    unsafe { descriptor(LINK_CREATE, &link) }
}

/// # Safety
///
/// As for `call`; the command makes a descriptor.
unsafe fn descriptor<Attributes>(command: c_int, attributes: &Attributes) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = unsafe { call(command, attributes) }?;
    // SAFETY: the kernel has just made it for this process, with close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// # Safety
///
/// `Attributes` is the command's part of `union bpf_attr`, without padding, and its pointers are good for the command.
unsafe fn call<Attributes>(command: c_int, attributes: &Attributes) -> io::Result<c_int> {
    // SAFETY: the kernel reads `size` bytes of `attributes`; what they point to is the caller's promise.
    let result = unsafe { syscall(BPF, command, ptr::from_ref(attributes), size_of::<Attributes>()) };
    match c_int::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
