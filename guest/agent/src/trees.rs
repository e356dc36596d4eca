//! The trees of the commands that are being answered for, by the pid of each one's first process, so that all of a tree can be signalled.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use rustix::process::Signal;

use crate::tree::Tree;

type Listed = RefCell<HashMap<u32, Rc<Member>>>;

/// All of them.
#[derive(Debug, Default)]
pub struct Trees(Rc<Listed>);

/// A tree, and whether it was told to end.
#[derive(Debug)]
struct Member {
    tree: Tree,
    is_told: Cell<bool>,
}

/// A tree that is listed as long as this is held.
#[derive(Debug)]
pub struct Entry {
    listed: Rc<Listed>,
    pid: u32,
    member: Rc<Member>,
}

impl Trees {
    /// Lists a tree. A number that is given anew while processes of its last bearer live on is the new one's.
    pub fn enter(&self, pid: u32, tree: Tree) -> Entry {
        let member = Rc::new(Member { tree, is_told: Cell::new(false) });
        self.0.borrow_mut().insert(pid, Rc::clone(&member));
        Entry { listed: Rc::clone(&self.0), pid, member }
    }

    /// The pid under which the tree is listed whose control group has this number.
    pub fn of_group(&self, group: u32) -> Option<u32> {
        let listed = self.0.borrow();
        listed.iter().find(|(_, member)| member.tree.group() == Some(group)).map(|(pid, _)| *pid)
    }

    /// Signals all of a tree, after SIGKILL until nothing is left; false where no such tree is listed.
    pub async fn signal(&self, pid: u32, signal: Signal) -> bool {
        let Some(member) = self.0.borrow().get(&pid).map(Rc::clone) else { return false };
        member.is_told.set(true);
        match signal {
            Signal::KILL => member.tree.kill().await,
            _ => member.tree.signal(signal),
        }
        true
    }
}

impl Entry {
    /// Whether all of it was signalled, so that what lives on may be about to end.
    pub fn is_told(&self) -> bool {
        self.member.is_told.get()
    }
}

impl Deref for Entry {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        &self.member.tree
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut listed = self.listed.borrow_mut();
        if listed.get(&self.pid).is_some_and(|member| Rc::ptr_eq(member, &self.member)) {
            listed.remove(&self.pid);
        }
    }
}
