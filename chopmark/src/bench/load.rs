//! A small closed-loop load generator over HTTP/1.1 keep-alive: each connection sends the next request when the answer to
//! the last one is whole, so the rate is the server's and not the generator's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

/// What a run did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Requests answered as expected, per second.
    pub per_second: f64,
    /// The mean length of an answer's body in bytes.
    pub body: usize,
}

impl Rate {
    /// Microseconds per request at this rate.
    pub(super) fn micros(self) -> f64 {
        1e6 / self.per_second
    }
}

/// Sends `requests` (whole HTTP/1.1 messages), round and round, over `connections` connections for `lasting`.
///
/// # Errors
/// A connection that breaks, or an answer whose status is not `status`.
pub(super) async fn run(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    status: u16,
    connections: usize,
    lasting: Duration,
) -> anyhow::Result<Rate> {
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let until = started + lasting;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        workers.spawn(async move {
            let mut connection = Connection::open(&At::Tcp(address)).await?;
            let (mut answered, mut bytes) = (0_usize, 0_usize);
            while Instant::now() < until {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let request = requests
                    .get(turn % requests.len())
                    .context("no requests to send")?;
                let (got, body) = connection.exchange(request).await?;
                ensure!(got == status, "expected status {status}, got {got}");
                answered += 1;
                bytes += body;
            }
            anyhow::Ok((answered, bytes))
        });
    }
    let (mut answered, mut bytes) = (0, 0);
    while let Some(worker) = workers.join_next().await {
        let (a, b) = worker.context("a load worker ended early")??;
        answered += a;
        bytes += b;
    }
    ensure!(answered > 0, "no request was answered in {lasting:?}");
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a run of seconds are far below 2^52"
    )]
    let per_second = answered as f64 / started.elapsed().as_secs_f64();
    Ok(Rate {
        per_second,
        body: bytes / answered,
    })
}

/// Sends each of `requests` once over `connections` connections and gives the rate.
///
/// # Errors
/// As [`run`].
pub(super) async fn once(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    status: u16,
    connections: usize,
) -> anyhow::Result<Rate> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        workers.spawn(async move {
            let mut connection = Connection::open(&At::Tcp(address)).await?;
            let mut bytes = 0_usize;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (got, body) = connection.exchange(request).await?;
                ensure!(got == status, "expected status {status}, got {got}");
                bytes += body;
            }
            anyhow::Ok(bytes)
        });
    }
    let mut bytes = 0;
    while let Some(worker) = workers.join_next().await {
        bytes += worker.context("a load worker ended early")??;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a run of seconds are far below 2^52"
    )]
    let per_second = requests.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Rate {
        per_second,
        body: bytes / requests.len().max(1),
    })
}

/// Sends one request and gives the body of its answer.
///
/// # Errors
/// A connection that breaks, or an answer that is not whole.
pub(super) async fn answer(address: SocketAddr, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut connection = Connection::open(&At::Tcp(address)).await?;
    let (_, length) = connection.exchange(request).await?;
    Ok(connection.body(length).to_vec())
}

/// A GET request as bytes.
pub(super) fn get(path: &str, accept: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\r\n").into_bytes()
}

/// A POST request with a JSON body as bytes.
pub(super) fn post(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// On a port.
    Tcp(SocketAddr),
    /// At a path.
    Unix(PathBuf),
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that is kept alive between requests.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(super) async fn open(at: &At) -> anyhow::Result<Self> {
        let stream: Box<dyn Duplex> = match at {
            At::Tcp(address) => {
                let stream = TcpStream::connect(address)
                    .await
                    .context("cannot connect")?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            At::Unix(path) => Box::new(UnixStream::connect(path).await.context("cannot connect")?),
        };
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// The body of the last answer, whose length [`Self::exchange`] gave.
    pub(super) fn body(&self, length: usize) -> &[u8] {
        let start = self.buffer.len().saturating_sub(length);
        self.buffer.get(start..).unwrap_or_default()
    }

    /// Sends one request and reads its whole answer: status and length of the body.
    ///
    /// # Errors
    /// A connection that breaks, or an answer that is not HTTP with a known length.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let text = std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?;
        let status = text.split(' ').nth(1).context("no status line")?.parse()?;
        let length: usize = text
            .lines()
            .find_map(|line| {
                line.split_once(':')
                    .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            })
            .context("an answer without content-length")?
            .1
            .trim()
            .parse()?;
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        Ok((status, length))
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
