//! The addresses of egress: the machine's own, and one of each family for every name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The machine's own address, from which programs connect and where the resolver listens (RFC 2544's range, which nothing real has).
pub const OWN_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The same of the other family, from a unique local prefix (RFC 4193).
pub const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd70, 0x7972, 0x6f00, 0, 0, 0, 0, 1);
/// Most names that have addresses at a time.
pub const MAX_NAMES: u32 = 65_000;
/// Distance of the first name's addresses from the beginning of their ranges.
const OFFSET: u32 = 256;
const RANGE_V4: u32 = 0xc612_0000;
const RANGE_V6: u128 = 0xfd70_7972_6f00 << 80;

/// The addresses of the name with this number.
pub fn of_number(number: u32) -> (Ipv4Addr, Ipv6Addr) {
    let at = number + OFFSET;
    (Ipv4Addr::from_bits(RANGE_V4 + at), Ipv6Addr::from_bits(RANGE_V6 + u128::from(at)))
}

/// The number of the name that may have this address.
pub fn number_of(address: IpAddr) -> Option<u32> {
    let at = match address {
        IpAddr::V4(address) => address.to_bits().checked_sub(RANGE_V4)?,
        IpAddr::V6(address) => u32::try_from(address.to_bits().checked_sub(RANGE_V6)?).ok()?,
    };
    at.checked_sub(OFFSET).filter(|number| *number < MAX_NAMES)
}

/// Whether an address is this machine's own, whatever its routes say.
pub fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || address == IpAddr::V4(OWN_V4) || address == IpAddr::V6(OWN_V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_two_addresses_that_lead_back_to_it() {
        for number in [0, 1, 255, 256, 40_000, MAX_NAMES - 1] {
            let (v4, v6) = of_number(number);
            assert_eq!(number_of(v4.into()), Some(number));
            assert_eq!(number_of(v6.into()), Some(number));
            assert!(v4.octets()[0] == 198 && (v4.octets()[1] & 0xfe) == 18, "{v4}");
            assert_eq!(v6.segments()[..4], OWN_V6.segments()[..4]);
        }
    }

    #[test]
    fn other_addresses_are_nobodys() {
        for address in ["198.18.0.1", "198.17.255.255", "198.19.255.255", "0.0.0.0", "255.255.255.255"] {
            assert_eq!(number_of(address.parse().unwrap()), None, "{address}");
        }
        for address in ["::", "::1", "fd70:7972:6f00::1", "fd70:7972:6f00::1:0:0", "ffff::"] {
            assert_eq!(number_of(address.parse().unwrap()), None, "{address}");
        }
        assert_eq!(number_of(of_number(MAX_NAMES).0.into()), None);
    }
}
