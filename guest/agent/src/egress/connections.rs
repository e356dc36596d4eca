//! Connections of programs to other machines: accepted here, asked for, and joined with the host's end.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::agent::Agent;
use crate::egress::addresses;
use crate::egress::asked::Grant;
use crate::forward::join;
use crate::sys;

/// Connections at a time, those that wait for the host's answer among them.
pub const MAX_CONNECTIONS: usize = 256;
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 512;
/// Where the sockets are, which nobody has to know: the kernel gives them connections to any other address.
const PLACES: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

/// The listening sockets, of either family.
#[derive(Debug)]
pub struct Listeners([TcpListener; 2]);

impl Listeners {
    /// Makes them.
    pub fn bind() -> io::Result<Self> {
        let [v4, v6] = PLACES;
        Ok(Listeners([listener(v4)?, listener(v6)?]))
    }

    /// The sockets themselves, the first family's first.
    pub fn sockets(&self) -> [impl AsFd + '_; 2] {
        let Listeners([v4, v6]) = self;
        [v4.as_fd(), v6.as_fd()]
    }

    /// Accepts as long as the grant lasts.
    pub fn serve(self, agent: &Rc<Agent>, grant: &Rc<Grant>) {
        let seats = Rc::new(());
        for listener in self.0 {
            let (agent, of, seats) = (Rc::clone(agent), Rc::clone(grant), Rc::clone(&seats));
            grant.spawn(async move { accept(&listener, &agent, &of, &seats).await });
        }
    }
}

fn listener(place: &str) -> io::Result<TcpListener> {
    let address: SocketAddr = place.parse().map_err(io::Error::other)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    sys::answer_for_any_address(&socket, address.is_ipv6())?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener, agent: &Rc<Agent>, grant: &Rc<Grant>, seats: &Rc<()>) {
    loop {
        // An error is one connection's, or says that descriptors are used up, as many as this process may have.
        let Ok((socket, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        // The two listeners hold one each.
        if Rc::strong_count(seats) >= MAX_CONNECTIONS + 2 {
            refuse(&socket);
            continue;
        }
        let (agent, of, seat) = (Rc::clone(agent), Rc::clone(grant), Rc::clone(seats));
        grant.spawn(async move {
            let connection = Connection { socket: Some(socket) };
            connection.run(&agent, &of).await;
            drop(seat);
        });
    }
}

/// A connection that ends with a reset, unless it came to its end.
struct Connection {
    socket: Option<TcpStream>,
}

impl Connection {
    async fn run(mut self, agent: &Agent, grant: &Grant) {
        let Some((socket, to)) =
            self.socket.as_ref().and_then(|socket| Some((socket, socket.local_addr().ok()?)))
        else {
            return;
        };
        // Somebody connects to the listener itself, which is no address of another machine.
        if addresses::is_own(to.ip()) {
            return;
        }
        let held = agent.egress.names.hold(to.ip());
        let host = held.as_ref().map_or_else(|| to.ip().to_string().into_bytes(), |held| held.name.to_vec());
        let pid =
            sys::mark_of(socket).ok().filter(|mark| *mark != 0).and_then(|mark| agent.trees.of_group(mark));
        // A connection without this setting is a slower one.
        let _ = socket.set_nodelay(true);
        let Some(tunnel) = grant.open(host, to.port(), pid).await else { return };
        if let Some(socket) = self.socket.as_ref() {
            join(socket, tunnel.body, tunnel.respond).await;
            self.socket = None;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            refuse(socket);
        }
    }
}

/// Has the end of a socket be a reset.
fn refuse(socket: &TcpStream) {
    // Without this setting its end is a common one, which a program understands less well.
    let _ = socket.set_zero_linger();
}
