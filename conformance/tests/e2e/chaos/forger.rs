//! A node that serves a forged state: it answers as the real one does, but for one letter of every value.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Serves what `honest`, a host and port, answers, forged; gives the address.
pub(crate) fn forge(honest: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let honest = honest.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let honest = honest.clone();
            std::thread::spawn(move || relay(stream, &honest));
        }
    });
    address
}

/// One request for each connection: the answer is read to its end before it is altered.
fn relay(mut client: TcpStream, honest: &str) -> io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && client.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let one = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut body = vec![0; length(&head)];
    client.read_exact(&mut body)?;
    let mut node = TcpStream::connect(honest)?;
    node.set_read_timeout(Some(Duration::from_secs(10)))?;
    node.write_all(one.as_bytes())?;
    node.write_all(&body)?;
    let mut answer = Vec::new();
    node.read_to_end(&mut answer)?;
    client.write_all(&forged(answer))?;
    client.shutdown(Shutdown::Both)
}

/// How long the body is that a head announces.
fn length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths
        .next()
        .map_or(0, |(_, value)| value.trim().parse().unwrap())
}

/// Puts another letter in the place of the first `a` of the value.
fn forged(mut answer: Vec<u8>) -> Vec<u8> {
    const VALUE: &[u8] = b"\"value\":";
    let value = answer.windows(VALUE.len()).position(|at| at == VALUE);
    let letter = value.and_then(|from| {
        let after = answer[from + VALUE.len()..]
            .iter()
            .position(|byte| *byte == b'a');
        after.map(|after| from + VALUE.len() + after)
    });
    if let Some(letter) = letter {
        answer[letter] = b'b';
    }
    answer
}
