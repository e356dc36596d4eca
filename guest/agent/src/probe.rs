//! The `probe` method: is something listening, serving or there? No process is started for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rustix::fs::{FileType, stat};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::agent::Agent;
use crate::failure::Failure;
use crate::messages::{ProbeRequest, ProbeResponse};

/// Time for one look.
const DEADLINE: Duration = Duration::from_secs(2);
/// What is read of an answer until its first line is over.
const MAX_HEAD: usize = 64 << 10;
const MAX_URL: usize = 2048;
const MAX_DETAIL: usize = 512;
/// Addresses of this machine, in the order in which they are tried.
pub const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
const CHUNK: usize = 4096;

/// Looks, and says what it saw; what takes too long is not there.
pub async fn probe(agent: &Agent, request: ProbeRequest) -> Result<ProbeResponse, Failure> {
    agent.require_setup()?;
    let (ok, mut detail) = match request {
        ProbeRequest::Tcp { port: 0 } => return Err(Failure::bad_request("port is 0")),
        ProbeRequest::Tcp { port } => in_time(listens(port)).await,
        ProbeRequest::Http { url } => {
            let target = Target::parse(&url)?;
            in_time(serves(&target)).await
        }
        ProbeRequest::File { path } if !path.starts_with('/') || path.contains('\0') => {
            return Err(Failure::bad_request("path is not an absolute path"));
        }
        ProbeRequest::File { path } => in_time(exists(path)).await,
    };
    let end = (0..=MAX_DETAIL).rev().find(|end| detail.is_char_boundary(*end)).unwrap_or(0);
    detail.truncate(end);
    Ok(ProbeResponse { ok, detail })
}

async fn in_time(look: impl Future<Output = (bool, String)>) -> (bool, String) {
    timeout(DEADLINE, look).await.unwrap_or_else(|_| (false, "no answer in 2 s".to_string()))
}

async fn listens(port: u16) -> (bool, String) {
    match connect(&LOOPBACK, port).await {
        Ok((_, address)) => (true, format!("{address} port {port} accepts connections")),
        Err(detail) => (false, detail),
    }
}

/// A connection to the first address that takes one.
pub async fn connect(addresses: &[IpAddr], port: u16) -> Result<(TcpStream, IpAddr), String> {
    let mut reason = String::new();
    for address in addresses {
        match TcpStream::connect((*address, port)).await {
            Ok(stream) => return Ok((stream, *address)),
            // What IPv4 says is the better reason: a machine need not have IPv6.
            Err(error) if reason.is_empty() => reason = format!("port {port}: {error}"),
            Err(_) => {}
        }
    }
    Err(reason)
}

/// Where a request goes: nowhere but to the loopback.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    authority: String,
    addresses: &'static [IpAddr],
    port: u16,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, Failure> {
        let refuse = |what: &str| Failure::bad_request(format!("url {what}"));
        if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("is too long, or has a character that a URL has not"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| refuse("does not begin with http://"))?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
        let addresses: &'static [IpAddr] = match host {
            "localhost" => &LOOPBACK,
            "127.0.0.1" => &LOOPBACK[..1],
            _ => return Err(refuse("is not of localhost or 127.0.0.1")),
        };
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port
            .parse()
            .ok()
            .filter(|port| digits && *port != 0)
            .ok_or_else(|| refuse("has no usable port"))?;
        let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
        Ok(Target { authority: authority.to_string(), addresses, port, path })
    }
}

async fn serves(target: &Target) -> (bool, String) {
    let stream = match connect(target.addresses, target.port).await {
        Ok((stream, _)) => stream,
        Err(detail) => return (false, detail),
    };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: pyro\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        target.path, target.authority
    );
    let line = match exchange(&stream, request.as_bytes()).await {
        Ok(line) => line,
        Err(error) => return (false, format!("no answer: {error}")),
    };
    match status(&line) {
        Some(status) => ((200..400).contains(&status), format!("status {status}")),
        None => (false, "the answer is not HTTP".to_string()),
    }
}

/// Sends a request, and reads until the first line of its answer is over.
async fn exchange(stream: &TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut sent = 0;
    while sent < request.len() {
        stream.ready(Interest::WRITABLE).await?;
        sent += again(stream.try_write(&request[sent..]))?.unwrap_or(0);
    }
    let mut head = vec![];
    let mut chunk = [0; CHUNK];
    while head.len() < MAX_HEAD && !head.contains(&b'\n') {
        stream.ready(Interest::READABLE).await?;
        match again(stream.try_read(&mut chunk))? {
            Some(0) => break,
            Some(length) => head.extend_from_slice(&chunk[..length]),
            None => {}
        }
    }
    Ok(head)
}

fn again(result: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        other => other.map(Some),
    }
}

/// The status of a status line.
fn status(head: &[u8]) -> Option<u16> {
    let version = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..))?;
    let digits = version.strip_prefix(b" ")?.get(..3)?;
    if version.get(4).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| (100..600).contains(status))
}

async fn exists(path: String) -> (bool, String) {
    let looked = spawn_blocking(move || stat(path).map(|found| FileType::from_raw_mode(found.st_mode)));
    match looked.await {
        Ok(Ok(kind)) => (true, name_of(kind).to_string()),
        Ok(Err(Errno::NOENT)) => (false, "nothing is there".to_string()),
        Ok(Err(errno)) => (false, errno.to_string()),
        Err(error) => (false, error.to_string()),
    }
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, status};

    #[test]
    fn only_the_loopback_is_a_target() {
        let target =
            |url: &str| Target::parse(url).ok().map(|found| (found.authority, found.port, found.path));
        let found = |authority: &str, port, path: &str| Some((authority.to_string(), port, path.to_string()));
        assert_eq!(target("http://localhost"), found("localhost", 80, "/"));
        assert_eq!(target("http://127.0.0.1:3000/a?b=c#d"), found("127.0.0.1:3000", 3000, "/a?b=c"));
        assert_eq!(target("http://localhost:8080?x"), found("localhost:8080", 8080, "/?x"));
        for url in [
            "",
            "localhost",
            "https://localhost/",
            "http://",
            "http://127.0.0.2/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "http://localhost:80@evil.example/",
            "http://evil.example@localhost:80/",
            "http://localhost:0/",
            "http://localhost:65536/",
            "http://localhost:+80/",
            "http://localhost:/",
            "http://localhost/a b",
            "http://localhost/\r\nX: y",
            "http://localhost/\u{e4}",
            "http://2130706433/",
        ] {
            assert_eq!(target(url), None, "{url:?}");
        }
        assert_eq!(target(&format!("http://localhost/{}", "x".repeat(2048))), None);
    }

    #[test]
    fn a_status_is_three_digits_of_http() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for line in [
            &b""[..],
            b"HTTP/2 200\r\n",
            b"HTTP/1.1 2000\r\n",
            b"HTTP/1.1 20",
            b"HTTP/1.1 999 x\r\n",
            b"220 smtp",
        ] {
            assert_eq!(status(line), None);
        }
    }
}
