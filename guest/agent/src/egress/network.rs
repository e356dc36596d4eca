//! The machine's network while egress is on: addresses of its own on the loopback device, and routes that make it the receiver of everything.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketType, socket};

use crate::egress::addresses::{OWN_V4, OWN_V6};
use crate::egress::netlink::{Route, Routing};

/// What is on while egress is: no address of this machine answers pings for others, and an accepted connection has its client's mark.
const SETTINGS: [(&str, &str); 3] = [
    ("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1"),
    ("/proc/sys/net/ipv6/icmp/echo_ignore_all", "1"),
    ("/proc/sys/net/ipv4/tcp_fwmark_accept", "1"),
];
/// Addresses of nobody, in their ranges: many receivers, or none.
const MULTICAST: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0));
const MULTICAST_BITS: u8 = 3;
const MULTICAST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0));
const MULTICAST_V6_BITS: u8 = 8;
const ANY: [(IpAddr, IpAddr); 2] = [
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(OWN_V4)),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(OWN_V6)),
];

/// Undone when it is dropped.
#[derive(Debug)]
pub struct Network {
    loopback: u32,
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Setting(PathBuf, Vec<u8>),
    Address(u32, IpAddr),
    Route(IpAddr, u8, Route),
}

impl Network {
    /// Addresses and settings, after which the agent's own sockets can be bound; `lead_here` does the rest.
    pub fn begin() -> io::Result<Self> {
        let loopback = name_to_index(socket(AddressFamily::INET, SocketType::DGRAM, None)?, "lo")?;
        let mut network = Network { loopback, undo: vec![] };
        for (path, value) in SETTINGS {
            network.set(path, value)?;
        }
        let routing = Routing::open()?;
        for (_, own) in ANY {
            routing.address(true, loopback, own)?;
            network.undo.push(Undo::Address(loopback, own));
        }
        Ok(network)
    }

    /// From here on every address that is nobody else's is this machine's.
    pub fn lead_here(&mut self) -> io::Result<()> {
        let routing = Routing::open()?;
        let here = |source| Route::Local { interface: self.loopback, source };
        let mut routes: Vec<_> = ANY.iter().map(|(any, own)| (*any, 0, here(*own))).collect();
        routes.push((MULTICAST, MULTICAST_BITS, Route::Unreachable));
        routes.push((MULTICAST_V6, MULTICAST_V6_BITS, Route::Unreachable));
        for (to, bits, route) in routes {
            routing.route(true, to, bits, route)?;
            self.undo.push(Undo::Route(to, bits, route));
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: &str) -> io::Result<()> {
        let before = fs::read(path)?;
        fs::write(path, value)?;
        self.undo.push(Undo::Setting(path.into(), before));
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let routing = Routing::open();
        while let Some(step) = self.undo.pop() {
            // What a user has removed meanwhile is gone already.
            let _ = match (step, &routing) {
                (Undo::Setting(path, before), _) => fs::write(path, before),
                (Undo::Address(interface, address), Ok(routing)) => {
                    routing.address(false, interface, address)
                }
                (Undo::Route(to, bits, route), Ok(routing)) => routing.route(false, to, bits, route),
                (_, Err(_)) => Ok(()),
            };
        }
    }
}
