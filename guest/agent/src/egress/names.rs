//! Which name has which addresses: one pair for each, remembered both ways, and given anew when there are too many.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use crate::egress::addresses::{self, MAX_NAMES};

/// All names of a machine.
#[derive(Debug, Clone)]
pub struct Names(Rc<RefCell<Table>>);

#[derive(Debug)]
struct Table {
    capacity: usize,
    numbers: HashMap<Rc<[u8]>, u32>,
    entries: Vec<Entry>,
    /// Names without connections, by the moment of their last use
    idle: BTreeMap<u64, u32>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    name: Rc<[u8]>,
    connections: u32,
    used: u64,
}

/// A name that keeps its addresses as long as this is held.
#[derive(Debug)]
pub struct Held {
    table: Rc<RefCell<Table>>,
    number: u32,
    /// The name
    pub name: Rc<[u8]>,
}

impl Default for Names {
    fn default() -> Self {
        Names::with_capacity(MAX_NAMES as usize)
    }
}

impl Names {
    fn with_capacity(capacity: usize) -> Self {
        let (numbers, entries, idle) = (HashMap::new(), vec![], BTreeMap::new());
        Names(Rc::new(RefCell::new(Table { capacity, numbers, entries, idle, clock: 0 })))
    }

    /// The addresses of a name; none where every place is taken by a name with connections.
    pub fn addresses(&self, name: &[u8]) -> Option<(Ipv4Addr, Ipv6Addr)> {
        let name = name.to_ascii_lowercase();
        let mut table = self.0.borrow_mut();
        let number = match table.numbers.get(name.as_slice()) {
            Some(number) => *number,
            None => table.add(name.into())?,
        };
        table.touch(number);
        Some(addresses::of_number(number))
    }

    /// Whose address this is.
    pub fn hold(&self, address: IpAddr) -> Option<Held> {
        let number = addresses::number_of(address)?;
        let mut table = self.0.borrow_mut();
        let entry = table.entries.get_mut(usize::try_from(number).ok()?)?;
        entry.connections += 1;
        let (name, used) = (Rc::clone(&entry.name), entry.used);
        table.idle.remove(&used);
        Some(Held { table: Rc::clone(&self.0), number, name })
    }
}

impl Table {
    fn add(&mut self, name: Rc<[u8]>) -> Option<u32> {
        let number = if self.entries.len() < self.capacity {
            let number = u32::try_from(self.entries.len()).ok()?;
            self.entries.push(Entry { name: Rc::clone(&name), connections: 0, used: 0 });
            number
        } else {
            let (_, number) = self.idle.pop_first()?;
            let entry = self.entries.get_mut(number as usize)?;
            self.numbers.remove(&entry.name);
            entry.name = Rc::clone(&name);
            number
        };
        self.numbers.insert(name, number);
        Some(number)
    }

    fn touch(&mut self, number: u32) {
        let Some(entry) = self.entries.get_mut(number as usize) else { return };
        self.clock += 1;
        self.idle.remove(&entry.used);
        entry.used = self.clock;
        if entry.connections == 0 {
            self.idle.insert(self.clock, number);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.table.borrow_mut();
        if let Some(entry) = table.entries.get_mut(self.number as usize) {
            entry.connections -= 1;
        }
        table.touch(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(names: &Names, address: IpAddr) -> Option<Vec<u8>> {
        names.hold(address).map(|held| held.name.to_vec())
    }

    #[test]
    fn a_name_keeps_its_addresses_both_ways_whatever_its_case() {
        let names = Names::default();
        let (v4, v6) = names.addresses(b"Example.com").unwrap();
        assert_eq!(names.addresses(b"example.COM"), Some((v4, v6)));
        assert_ne!(names.addresses(b"example.org").unwrap().0, v4);
        assert_eq!(name_of(&names, v4.into()), Some(b"example.com".to_vec()));
        assert_eq!(name_of(&names, v6.into()), Some(b"example.com".to_vec()));
        assert_eq!(name_of(&names, "198.18.9.9".parse().unwrap()), None);
    }

    #[test]
    fn the_name_that_was_not_used_for_longest_goes_first() {
        let names = Names::with_capacity(2);
        let (a, _) = names.addresses(b"a").unwrap();
        let (b, _) = names.addresses(b"b").unwrap();
        names.addresses(b"a").unwrap();
        assert_eq!(names.addresses(b"c").unwrap().0, b);
        assert_eq!(name_of(&names, b.into()), Some(b"c".to_vec()));
        assert_eq!(name_of(&names, a.into()), Some(b"a".to_vec()));
    }

    #[test]
    fn a_name_with_a_connection_stays() {
        let names = Names::with_capacity(2);
        let (a, _) = names.addresses(b"a").unwrap();
        let (b, _) = names.addresses(b"b").unwrap();
        let (first, second) = (names.hold(a.into()).unwrap(), names.hold(a.into()).unwrap());
        drop(first);
        assert_eq!(names.addresses(b"c").unwrap().0, b);
        let other = names.hold(b.into()).unwrap();
        assert_eq!(names.addresses(b"d"), None);
        assert_eq!(&*second.name, b"a");
        drop(second);
        assert_eq!(names.addresses(b"d").unwrap().0, a);
        drop(other);
    }

    #[test]
    fn a_full_table_takes_any_number_of_names() {
        let names = Names::default();
        for number in 0..MAX_NAMES * 2 {
            assert!(names.addresses(format!("{number}.example").as_bytes()).is_some());
        }
        let table = names.0.borrow();
        assert_eq!(table.entries.len(), MAX_NAMES as usize);
        assert_eq!((table.numbers.len(), table.idle.len()), (table.entries.len(), table.entries.len()));
    }
}
