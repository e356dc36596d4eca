//! The stub resolver: names that the host allows have addresses here, other names do not exist.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::egress::addresses::OWN_V4;
use crate::egress::asked::Grant;
use crate::egress::dns::{Answer, Question, Wanted};
use crate::egress::names::Names;

const PORT: u16 = 53;
/// More than any question has.
const MAX_PACKET: usize = 4096;
/// Packets and connections that are dealt with at a time; what comes beyond that is dropped.
const MAX_PACKETS: usize = 2048;
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_secs(10);
/// How long the host's word holds, so that a program that asks for both families asks once.
const FRESH: Duration = Duration::from_secs(2);
/// Words that are kept before stale ones are forgotten.
const MAX_WORDS: usize = 2048;

/// The sockets, before anybody is answered.
#[derive(Debug)]
pub struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// What the host said of a name, or is about to say; outer none where it was not asked.
#[derive(Debug)]
struct Word {
    asked: Instant,
    verdict: watch::Receiver<Option<Option<bool>>>,
}

#[derive(Debug)]
struct Resolver {
    grant: Rc<Grant>,
    names: Names,
    words: RefCell<HashMap<Vec<u8>, Word>>,
}

impl Sockets {
    /// Binds both.
    pub fn bind() -> io::Result<Self> {
        let address = SocketAddr::from((OWN_V4, PORT));
        let (udp, tcp) = (StdSocket::bind(address)?, StdListener::bind(address)?);
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        Ok(Sockets { udp: UdpSocket::from_std(udp)?, tcp: TcpListener::from_std(tcp)? })
    }

    /// Answers as long as the grant lasts.
    pub fn serve(self, grant: &Rc<Grant>, names: &Names) {
        let (names, words) = (names.clone(), RefCell::default());
        let resolver = Rc::new(Resolver { grant: Rc::clone(grant), names, words });
        let same = Rc::clone(&resolver);
        grant.spawn(async move { packets(&resolver, Rc::new(self.udp)).await });
        grant.spawn(async move { connections(&same, &self.tcp).await });
    }
}

async fn packets(resolver: &Rc<Resolver>, socket: Rc<UdpSocket>) {
    let mut buffer = [0; MAX_PACKET];
    loop {
        // An error is what became of an earlier answer.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(question) = Question::parse(&buffer[..length]) else { continue };
        if Rc::strong_count(&socket) > MAX_PACKETS {
            continue;
        }
        let (same, socket) = (Rc::clone(resolver), Rc::clone(&socket));
        resolver.grant.spawn(async move {
            let answer = same.answer(&question).await;
            // Whoever asked may be gone.
            let _ = socket.send_to(&question.reply(answer), from).await;
        });
    }
}

async fn connections(resolver: &Rc<Resolver>, listener: &TcpListener) {
    let seats = Rc::new(());
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        if Rc::strong_count(&seats) > MAX_CONNECTIONS {
            continue;
        }
        let (same, seat) = (Rc::clone(resolver), Rc::clone(&seats));
        resolver.grant.spawn(async move {
            // An error is the end of the connection.
            let _ = converse(&same, socket).await;
            drop(seat);
        });
    }
}

async fn converse(resolver: &Resolver, mut socket: TcpStream) -> io::Result<()> {
    loop {
        let mut packet = vec![];
        timeout(IDLE, async {
            let length = socket.read_u16().await?;
            packet.resize(usize::from(length), 0);
            socket.read_exact(&mut packet).await
        })
        .await??;
        let Some(question) = Question::parse(&packet) else { return Ok(()) };
        let reply = question.reply(resolver.answer(&question).await);
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &reply].concat();
        timeout(IDLE, socket.write_all(&framed)).await??;
    }
}

impl Resolver {
    async fn answer(&self, question: &Question) -> Answer {
        let name = match (&question.name, question.wanted) {
            (_, Wanted::Other) => return Answer::Nothing,
            (None, _) => return Answer::NoName,
            (Some(name), _) => name,
        };
        match self.ask(name).await {
            Some(true) => match (self.names.addresses(name), question.wanted) {
                (Some((v4, _)), Wanted::V4) => Answer::V4(v4),
                (Some((_, v6)), _) => Answer::V6(v6),
                (None, _) => Answer::Refused,
            },
            Some(false) => Answer::NoName,
            None => Answer::Refused,
        }
    }

    /// What the host says of a name; none where it could not be asked.
    async fn ask(&self, name: &[u8]) -> Option<bool> {
        let mut verdict = self.word(name);
        let said = verdict.wait_for(Option::is_some).await.ok()?;
        said.flatten()
    }

    fn word(&self, name: &[u8]) -> watch::Receiver<Option<Option<bool>>> {
        let key = name.to_ascii_lowercase();
        let mut words = self.words.borrow_mut();
        let is_good = |word: &Word| match *word.verdict.borrow() {
            None => true,
            Some(said) => said.is_some() && word.asked.elapsed() < FRESH,
        };
        if let Some(word) = words.get(&key).filter(|word| is_good(word)) {
            return word.verdict.clone();
        }
        if words.len() >= MAX_WORDS {
            words.retain(|_, word| is_good(word));
        }
        let (sender, verdict) = watch::channel(None);
        words.insert(key, Word { asked: Instant::now(), verdict: verdict.clone() });
        let (grant, name) = (Rc::clone(&self.grant), name.to_vec());
        self.grant.spawn(async move {
            sender.send_replace(Some(grant.lookup(name).await));
        });
        verdict
    }
}
