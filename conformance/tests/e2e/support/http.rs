//! A plain HTTP/1.1 client: it sends bytes as they are, so that it can also send wrong ones.

use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// From the first byte sent to the last received.
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("no JSON ({e}) in {}: {}", self.status, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request in the making.
pub(crate) struct Request<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, media_type: &str, body: &'a [u8]) -> Self {
        self.body = Some(body);
        self.header("Content-Type", media_type)
    }

    /// Sends to `host:port`; the connection closes afterwards.
    pub(crate) fn send(&self, authority: &str) -> io::Result<Answer> {
        let started = Instant::now();
        let stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        let named = self.headers.iter().any(|(name, _)| *name == "Host");
        let host = if named {
            String::new()
        } else {
            format!("Host: {authority}\r\n")
        };
        let mut head = format!(
            "{} {} HTTP/1.1\r\n{host}Connection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(body) = self.body {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        let writer = stream.try_clone()?;
        // A server may answer before it has read everything, so both directions run at once.
        std::thread::scope(|scope| {
            let body = self.body;
            let sent = scope.spawn(move || send_all(writer, head.as_bytes(), body));
            let answer = read(&stream, started);
            // A write that fails because the server has closed is no failure of the request.
            let _ = sent.join();
            answer
        })
    }
}

fn send_all(mut stream: TcpStream, head: &[u8], body: Option<&[u8]>) -> io::Result<()> {
    stream.write_all(head)?;
    stream.write_all(body.unwrap_or_default())?;
    stream.flush()
}

fn read(stream: &TcpStream, started: Instant) -> io::Result<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .ok_or_else(|| invalid(&line))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
        took: Duration::ZERO,
    };
    if answer
        .header("transfer-encoding")
        .is_some_and(|e| e.eq_ignore_ascii_case("chunked"))
    {
        read_chunks(&mut reader, &mut answer.body)?;
    } else if let Some(length) = answer.header("content-length").and_then(|l| l.parse().ok()) {
        reader.take(length).read_to_end(&mut answer.body)?;
    } else {
        reader.read_to_end(&mut answer.body)?;
    }
    answer.took = started.elapsed();
    Ok(answer)
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim_end(), 16).map_err(|_| invalid(&line))?;
        reader.by_ref().take(length).read_to_end(body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn invalid(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {line:?}"))
}
