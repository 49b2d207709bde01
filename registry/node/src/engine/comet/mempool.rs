//! CometBFT's mempool: transactions go in over a connection that stays open between them.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request};
use data_encoding::BASE64;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::rpc::{RpcError, question, result};

/// The longest answer that is read; a refusal has a line of text.
const MAX_ANSWER: usize = 64 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const METHOD: &str = "broadcast_tx_sync";

/// What the mempool made of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broadcast {
    /// It waits for a block, now or since earlier.
    Taken,
    /// The application refused it.
    Refused {
        /// The stable code of the rule.
        rule: String,
        /// The refusal in words.
        detail: String,
    },
    /// The mempool is full.
    Full,
}

/// A way into the mempool, for one transaction at a time.
pub(super) struct Mempool {
    socket: PathBuf,
    /// How long an answer may take.
    pub(super) patience: Duration,
    open: Option<SendRequest<Body>>,
}

impl Mempool {
    /// Goes in by the socket of CometBFT's RPC.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            socket,
            patience: PATIENCE,
            open: None,
        }
    }

    /// Puts a transaction into the mempool, once the application has checked it.
    pub(super) async fn broadcast(&mut self, tx: &[u8]) -> Result<Broadcast, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            code: u32,
            #[serde(default)]
            log: String,
            #[serde(default)]
            codespace: String,
        }
        let body = Bytes::from(question(METHOD, &json!({"tx": BASE64.encode(tx)})));
        let was_open = self.open.is_some();
        let mut answer = self.ask(body.clone()).await;
        let broke = |answer: &io::Result<_>| {
            answer
                .as_ref()
                .is_err_and(|error| error.kind() != ErrorKind::TimedOut)
        };
        if was_open && broke(&answer) {
            // CometBFT closes a connection that was idle. What it took all the same, it takes once.
            answer = self.ask(body).await;
        }
        match result(METHOD, &answer?) {
            Ok(Answer { code: 0, .. }) => Ok(Broadcast::Taken),
            Ok(Answer { log, codespace, .. }) => Ok(Broadcast::Refused {
                rule: codespace,
                detail: log,
            }),
            Err(RpcError::Refused { reason, .. }) if reason.contains("already exists in cache") => {
                Ok(Broadcast::Taken)
            }
            Err(RpcError::Refused { reason, .. }) if reason.contains("mempool is full") => {
                Ok(Broadcast::Full)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks over the open connection, or a new one; keeps it when the answer was whole.
    async fn ask(&mut self, body: Bytes) -> io::Result<Bytes> {
        let mut sender = match self.open.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(io::Error::other)?;
        let exchange = async {
            sender.ready().await.map_err(io::Error::other)?;
            let answer = sender.send_request(request).await;
            let body = answer.map_err(io::Error::other)?.into_body();
            to_bytes(Body::new(body), MAX_ANSWER)
                .await
                .map_err(io::Error::other)
        };
        let answer = timeout(self.patience, exchange)
            .await
            .map_err(|_| io::Error::new(ErrorKind::TimedOut, "no answer in time"))??;
        self.open = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> io::Result<SendRequest<Body>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // It ends with its sender, or when CometBFT does.
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    /// A mempool that gives these answers, as many on a connection as are told; with the count of its connections.
    pub(in super::super) fn answering(
        answers: Vec<&'static str>,
        each: usize,
    ) -> (tempfile::TempDir, Mempool, Arc<AtomicUsize>) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("rpc.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            let mut mute = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                for body in answers.by_ref().take(each) {
                    let mut asked = Vec::new();
                    while !is_whole(&asked) {
                        assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
                    }
                    if body == MUTE {
                        mute.push(stream);
                        break;
                    }
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        (folder, Mempool::at(socket), connections)
    }

    /// Whether a request is here with its body.
    fn is_whole(asked: &[u8]) -> bool {
        let asked = String::from_utf8_lossy(asked);
        asked.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let mut lines = head.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.unwrap().parse().unwrap()
        })
    }

    /// No answer, on a connection that stays open.
    pub(in super::super) const MUTE: &str = "";
    pub(in super::super) const FULL: &str =
        r#"{"error":{"message":"Internal error","data":"mempool is full: number of txs 5000"}}"#;
    pub(in super::super) const REFUSED: &str =
        r#"{"result":{"code":1,"codespace":"envelope.replayed","log":"no"}}"#;
    pub(in super::super) const TAKEN: &str = r#"{"result":{"code":0}}"#;

    #[tokio::test]
    async fn tells_taken_refused_and_full_apart_over_one_connection() {
        let (_folder, mut mempool, connections) = answering(
            vec![
                TAKEN,
                r#"{"error":{"message":"Internal error","data":"tx already exists in cache"}}"#,
                FULL,
                REFUSED,
            ],
            4,
        );
        assert_eq!(mempool.broadcast(b"tx").await.unwrap(), Broadcast::Taken);
        assert_eq!(mempool.broadcast(b"tx").await.unwrap(), Broadcast::Taken);
        assert_eq!(mempool.broadcast(b"tx").await.unwrap(), Broadcast::Full);
        assert_eq!(
            mempool.broadcast(b"tx").await.unwrap(),
            Broadcast::Refused {
                rule: "envelope.replayed".to_owned(),
                detail: "no".to_owned()
            }
        );
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn connects_again_where_the_other_side_has_closed() {
        let (_folder, mut mempool, connections) = answering(vec![TAKEN; 3], 1);
        for _ in 0..3 {
            assert_eq!(mempool.broadcast(b"tx").await.unwrap(), Broadcast::Taken);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn asks_no_second_time_where_no_answer_came_in_time() {
        let (_folder, mut mempool, connections) = answering(vec![TAKEN, MUTE, TAKEN], 3);
        assert_eq!(mempool.broadcast(b"tx").await.unwrap(), Broadcast::Taken);
        mempool.patience = Duration::from_millis(100);
        let answer = mempool.broadcast(b"tx").await;
        assert!(
            matches!(&answer, Err(RpcError::Io(error)) if error.kind() == ErrorKind::TimedOut),
            "{answer:?}"
        );
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn refuses_answers_that_are_none() {
        let (_folder, mut mempool, _) = answering(vec!["{", "[]"], 2);
        for _ in 0..2 {
            let answer = mempool.broadcast(b"tx").await;
            assert!(
                matches!(answer, Err(RpcError::Malformed { .. })),
                "{answer:?}"
            );
        }
        let mut nobody = Mempool::at(PathBuf::from("/nonexistent/rpc.sock"));
        assert!(matches!(
            nobody.broadcast(b"tx").await,
            Err(RpcError::Io(_))
        ));
    }
}
