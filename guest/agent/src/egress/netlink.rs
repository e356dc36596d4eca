//! Requests to the kernel's routing (rtnetlink): addresses and routes of one interface, added and removed.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const HEADER: usize = 16;
const ERROR: u16 = 2;
const IS_REQUEST: u16 = 0x001;
const WANTS_ACK: u16 = 0x004;
const IS_NEW: u16 = 0x200 | 0x400;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const ADDRESS_LOCAL: u16 = 2;
const ROUTE_DESTINATION: u16 = 1;
const ROUTE_INTERFACE: u16 = 4;
const ROUTE_PRIORITY: u16 = 6;
const ROUTE_SOURCE: u16 = 7;
const TABLE_MAIN: u8 = 254;
const PROTOCOL_STATIC: u8 = 4;
const SCOPE_HOST: u8 = 254;
const SCOPE_EVERYWHERE: u8 = 0;
const TYPE_LOCAL: u8 = 2;
const TYPE_UNREACHABLE: u8 = 7;
/// No duplicate address detection, which a loopback device does not do anyway.
const NO_DETECTION: u8 = 0x02;
/// Whatever a user adds is preferred.
const LAST: u32 = 0x7fff_ffff;

/// The kernel's end of a conversation.
#[derive(Debug)]
pub struct Routing(OwnedFd);

/// What a route does with its packets.
#[derive(Debug, Clone, Copy)]
pub enum Route {
    /// They are for this machine, on the interface with this number; its programs use this source
    Local {
        /// Number of the interface
        interface: u32,
        /// Address of this machine
        source: IpAddr,
    },
    /// Whoever sends one is told at once
    Unreachable,
}

impl Routing {
    /// A conversation.
    pub fn open() -> io::Result<Self> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Routing(socket))
    }

    /// Adds or removes an address of an interface.
    pub fn address(&self, exists: bool, interface: u32, address: IpAddr) -> io::Result<()> {
        let bytes = octets(address);
        let length = u8::try_from(bytes.len() * 8).unwrap_or_default();
        let head = [family(address), length, NO_DETECTION, SCOPE_HOST];
        let mut body = [&head[..], &interface.to_ne_bytes()].concat();
        attribute(&mut body, ADDRESS_LOCAL, &bytes);
        self.request(if exists { NEW_ADDRESS } else { DELETE_ADDRESS }, exists, &body)
    }

    /// Adds or removes a route to what begins with the first `bits` of an address.
    pub fn route(&self, exists: bool, to: IpAddr, bits: u8, route: Route) -> io::Result<()> {
        let (kind, scope) = match route {
            Route::Local { .. } => (TYPE_LOCAL, SCOPE_HOST),
            Route::Unreachable => (TYPE_UNREACHABLE, SCOPE_EVERYWHERE),
        };
        let mut body = vec![family(to), bits, 0, 0, TABLE_MAIN, PROTOCOL_STATIC, scope, kind, 0, 0, 0, 0];
        if bits > 0 {
            attribute(&mut body, ROUTE_DESTINATION, &octets(to));
        }
        attribute(&mut body, ROUTE_PRIORITY, &LAST.to_ne_bytes());
        if let Route::Local { interface, source } = route {
            attribute(&mut body, ROUTE_INTERFACE, &interface.to_ne_bytes());
            attribute(&mut body, ROUTE_SOURCE, &octets(source));
        }
        self.request(if exists { NEW_ROUTE } else { DELETE_ROUTE }, exists, &body)
    }

    fn request(&self, kind: u16, is_new: bool, body: &[u8]) -> io::Result<()> {
        let flags = IS_REQUEST | WANTS_ACK | if is_new { IS_NEW } else { 0 };
        let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend_from_slice(body);
        send(&self.0, &message, SendFlags::empty())?;
        let mut answer = [0; 1024];
        let (_, length) = recv(&self.0, &mut answer[..], RecvFlags::empty())?;
        outcome(&answer[..length.min(answer.len())])
    }
}

/// What an acknowledgement says: 0, or an error number below it.
fn outcome(answer: &[u8]) -> io::Result<()> {
    match *answer {
        [_, _, _, _, k, i, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..]
            if u16::from_ne_bytes([k, i]) == ERROR =>
        {
            match i32::from_ne_bytes([a, b, c, d]) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(-error)),
            }
        }
        _ => Err(io::Error::other("the kernel's routing gave no acknowledgement")),
    }
}

fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AddressFamily::INET.as_raw().to_le_bytes()[0],
        IpAddr::V6(_) => AddressFamily::INET6.as_raw().to_le_bytes()[0],
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Every value is 4 or 16 bytes long, so that nothing has to be padded.
fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_understood() {
        let answer = |kind: u16, error: i32| {
            let head = [&36_u32.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 10], &error.to_ne_bytes()];
            outcome(&[&head.concat()[..], &[0; 16]].concat())
        };
        assert!(answer(ERROR, 0).is_ok());
        assert_eq!(answer(ERROR, -17).unwrap_err().raw_os_error(), Some(17));
        assert!(answer(3, 0).is_err());
        assert!(outcome(&[0; 19]).is_err());
    }

    #[test]
    fn attributes_lie_as_the_kernel_reads_them() {
        let mut message = vec![];
        attribute(&mut message, ROUTE_PRIORITY, &7_u32.to_ne_bytes());
        assert_eq!(message, [&8_u16.to_ne_bytes()[..], &6_u16.to_ne_bytes(), &7_u32.to_ne_bytes()].concat());
    }
}
