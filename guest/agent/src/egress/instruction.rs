//! Instructions of the kernel's own machine (eBPF), as far as egress needs them.

/// One instruction, as the kernel reads it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    code: u8,
    /// Destination in the lower half, source in the upper one
    registers: u8,
    offset: i16,
    immediate: i32,
}

const LOAD_WIDE: u8 = 0x18;
const LOAD: u8 = 0x61;
const STORE: u8 = 0x63;
const ADD: u8 = 0x07;
const AND: u8 = 0x57;
const SET: u8 = 0xb7;
const COPY: u8 = 0xbf;
const JUMP: u8 = 0x05;
const JUMP_IF_EQUAL: u8 = 0x15;
const JUMP_IF_OTHER: u8 = 0x56;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// Source register of a wide load whose value is a map's descriptor
const FROM_MAP: u8 = 1;

impl Instruction {
    const fn new(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Self {
        Instruction { code, registers: from << 4 | to, offset, immediate }
    }

    /// Loads 32 bits from behind a register.
    pub const fn load(to: u8, from: u8, offset: i16) -> Self {
        Self::new(LOAD, to, from, offset, 0)
    }

    /// Stores 32 bits of a register behind another.
    pub const fn store(to: u8, from: u8, offset: i16) -> Self {
        Self::new(STORE, to, from, offset, 0)
    }

    /// Copies a register.
    pub const fn copy(to: u8, from: u8) -> Self {
        Self::new(COPY, to, from, 0, 0)
    }

    /// Sets a register.
    pub const fn set(to: u8, value: i32) -> Self {
        Self::new(SET, to, 0, 0, value)
    }

    /// Adds to a register.
    pub const fn add(to: u8, value: i32) -> Self {
        Self::new(ADD, to, 0, 0, value)
    }

    /// Leaves some bits of a register.
    pub const fn and(to: u8, bits: i32) -> Self {
        Self::new(AND, to, 0, 0, bits)
    }

    /// Jumps over so many instructions.
    pub const fn jump(offset: i16) -> Self {
        Self::new(JUMP, 0, 0, offset, 0)
    }

    /// Jumps where the register is this value.
    pub const fn jump_if_equal(register: u8, value: i32, offset: i16) -> Self {
        Self::new(JUMP_IF_EQUAL, register, 0, offset, value)
    }

    /// Jumps where the lower half of the register is another value.
    pub const fn jump_if_other(register: u8, value: i32, offset: i16) -> Self {
        Self::new(JUMP_IF_OTHER, register, 0, offset, value)
    }

    /// Calls one of the kernel's helpers, by its number.
    pub const fn call(number: i32) -> Self {
        Self::new(CALL, 0, 0, 0, number)
    }

    /// Ends the program with what is in register 0.
    pub const fn exit() -> Self {
        Self::new(EXIT, 0, 0, 0, 0)
    }

    /// Sets a register to the map with this descriptor.
    pub const fn map(to: u8, descriptor: i32) -> [Self; 2] {
        [Self::new(LOAD_WIDE, to, FROM_MAP, 0, descriptor), Self::new(0, 0, 0, 0, 0)]
    }
}
