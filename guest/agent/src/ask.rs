//! In a guest: connects to a host by its name, as any program would, and hands on what the other end says.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest silence of the other end.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is handed on at most.
const MAX_BYTES: u64 = 65_536;

/// Writes what `host` says at `port` to `output`, until it ends the connection.
pub fn run(host: &str, port: &str, output: &mut impl Write) -> io::Result<()> {
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let connection = TcpStream::connect((host, port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    io::copy(&mut connection.take(MAX_BYTES), output).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_said_is_handed_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let server = thread::spawn(move || listener.accept().unwrap().0.write_all(b"a word").unwrap());
        let mut output = vec![];
        run("localhost", &port, &mut output).unwrap();
        server.join().unwrap();
        assert_eq!(output, b"a word");
        assert!(run("localhost", &port, &mut output).is_err());
        assert!(run("localhost", "none", &mut output).is_err());
    }
}
