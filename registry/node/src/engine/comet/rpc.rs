//! Asking CometBFT: JSON-RPC over the socket in its folder, one short connection for each question.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::mempool::Mempool;

/// The longest answer that is read: a header with the signatures of a thousand validators is far below it.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Validators on one page of an answer, the most that CometBFT gives.
const PAGE: usize = 100;
/// Pages of validators that are read at most.
const MAX_PAGES: usize = 10;

/// Names why a question got no answer.
#[derive(Debug, Error)]
pub(super) enum RpcError {
    /// The socket is not there, or the connection broke.
    #[error("CometBFT does not answer: {0}")]
    Io(#[from] io::Error),
    /// The answer is not one.
    #[error("CometBFT's answer to {method} is malformed: {reason}")]
    Malformed {
        /// What was asked.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// CometBFT refused.
    #[error("CometBFT refused {method}: {reason}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// What it said.
        reason: String,
    },
}

/// What other nodes' light clients ask.
const LIGHT: [&str; 3] = ["commit", "validators", "consensus_params"];
/// How many questions of other nodes CometBFT answers at once.
const AT_ONCE: usize = 8;
/// The longest id of another node's question, in characters.
const MAX_ID: usize = 64;

/// Names why another node's question was not passed on.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAsked {
    /// There is no CometBFT here.
    #[error("this is a solo ledger: there is no CometBFT to ask")]
    Solo,
    /// It is no JSON-RPC request.
    #[error(
        "a question is a JSON-RPC request with a method, params as an object and an id that is a whole number or at most {MAX_ID} characters"
    )]
    Malformed,
    /// So many are being answered that this one has to wait.
    #[error("{AT_ONCE} questions are being answered already: ask again")]
    Busy,
    /// It is none of those that are passed on.
    #[error("{method:?} is not passed on; commit, validators and consensus_params are")]
    Other {
        /// What was asked.
        method: String,
    },
    /// CometBFT does not answer now.
    #[error("CometBFT does not answer now")]
    Silent,
}

/// The RPC of one CometBFT process.
#[derive(Debug, Clone)]
pub(super) struct Rpc {
    socket: PathBuf,
    /// Room for the questions of other nodes.
    room: Arc<Semaphore>,
}

/// Another node's question, of which only these members are passed on.
#[derive(Deserialize)]
struct Question {
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    id: Id,
}

/// What tells the answers of one connection apart.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl Default for Id {
    fn default() -> Self {
        Self::Number(1)
    }
}

impl Rpc {
    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            socket,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Lets another node's question in; it holds its place until the permit goes.
    ///
    /// # Errors
    /// [`NotAsked::Busy`] when enough are being answered.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, NotAsked> {
        let room = Arc::clone(&self.room);
        room.try_acquire_owned().map_err(|_| NotAsked::Busy)
    }

    /// A way into the mempool of the same process.
    pub(super) fn mempool(&self) -> Mempool {
        Mempool::at(self.socket.clone())
    }

    /// The header of a block with the signatures that committed it.
    pub(super) fn signed_header(&self, height: u64) -> Result<SignedHeader, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            signed_header: SignedHeader,
        }
        let Answer { signed_header } =
            self.call("commit", &json!({"height": height.to_string()}))?;
        let found = signed_header.header.height.value();
        if found == height {
            Ok(signed_header)
        } else {
            Err(RpcError::Malformed {
                method: "commit",
                reason: format!("asked for block {height}, it is of {found}"),
            })
        }
    }

    /// The validators at a height, in Tendermint's order.
    pub(super) fn validators(&self, height: u64) -> Result<validator::Set, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            validators: Vec<validator::Info>,
        }
        let mut infos = Vec::new();
        for page in 1..=MAX_PAGES {
            let asked = json!({
                "height": height.to_string(),
                "page": page.to_string(),
                "per_page": PAGE.to_string(),
            });
            let Answer { validators } = self.call("validators", &asked)?;
            let last = validators.len() < PAGE;
            infos.extend(validators);
            if last {
                break;
            }
        }
        Ok(validator::Set::without_proposer(infos))
    }

    /// The node ids of the peers that are connected.
    pub(super) fn peers(&self) -> Result<Vec<String>, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            peers: Vec<Peer>,
        }
        #[derive(Deserialize)]
        struct Peer {
            node_info: Info,
        }
        #[derive(Deserialize)]
        struct Info {
            id: String,
        }
        let Answer { peers } = self.call("net_info", &json!({}))?;
        Ok(peers.into_iter().map(|peer| peer.node_info.id).collect())
    }

    /// Has peers dialled, each `<node id>@<host>:<port>`; what comes of it, [`Self::peers`] shows.
    pub(super) fn dial(&self, peers: &[&str]) -> Result<(), RpcError> {
        let asked =
            json!({"peers": peers, "persistent": false, "unconditional": false, "private": false});
        let _dialling: Value = self.call("dial_peers", &asked)?;
        Ok(())
    }

    /// Whether CometBFT still fetches blocks that the others have.
    pub(super) fn is_catching_up(&self) -> Result<bool, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            sync_info: Sync,
        }
        #[derive(Deserialize)]
        struct Sync {
            catching_up: bool,
        }
        let Answer { sync_info } = self.call("status", &json!({}))?;
        Ok(sync_info.catching_up)
    }

    /// Asks what another node's light client wants to know; gives the body of the answer.
    ///
    /// The question is written anew from what was understood of it: CometBFT's parser takes names in any case, and the
    /// last of two, so that bytes which were judged here could mean another method there.
    pub(super) fn pass_on(&self, question: &[u8]) -> Result<Vec<u8>, NotAsked> {
        let question: Question =
            serde_json::from_slice(question).map_err(|_| NotAsked::Malformed)?;
        let Question { method, params, id } = question;
        if matches!(&id, Id::Text(text) if text.chars().count() > MAX_ID) {
            return Err(NotAsked::Malformed);
        }
        if !LIGHT.contains(&method.as_str()) {
            return Err(NotAsked::Other { method });
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let answer = self.exchange(body.to_string().as_bytes());
        let answer = answer.map_err(|_| NotAsked::Silent)?;
        body_of(&answer).map(<[u8]>::to_vec).ok_or(NotAsked::Silent)
    }

    /// Asks anything, and reads the answer's result.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<T, RpcError> {
        let malformed = |reason: String| RpcError::Malformed { method, reason };
        let answer = self.exchange(&question(method, params))?;
        let body = body_of(&answer).ok_or_else(|| malformed("no HTTP answer".to_owned()))?;
        result(method, body)
    }

    /// HTTP/1.0: the answer ends where the connection does.
    fn exchange(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let head = format!(
            "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        let read = stream.take(MAX_ANSWER + 1).read_to_end(&mut answer)?;
        if read as u64 > MAX_ANSWER {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the answer has more than {MAX_ANSWER} bytes"),
            ));
        }
        Ok(answer)
    }
}

/// A question as CometBFT's JSON-RPC takes it.
pub(super) fn question(method: &str, params: &Value) -> Vec<u8> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    body.to_string().into_bytes()
}

/// The result in the body of an answer.
pub(super) fn result<T: DeserializeOwned>(
    method: &'static str,
    body: &[u8],
) -> Result<T, RpcError> {
    #[derive(Deserialize)]
    struct Envelope {
        result: Option<Value>,
        error: Option<Failure>,
    }
    #[derive(Deserialize)]
    struct Failure {
        message: String,
        #[serde(default)]
        data: String,
    }
    let malformed = |error: serde_json::Error| RpcError::Malformed {
        method,
        reason: error.to_string(),
    };
    let envelope: Envelope = serde_json::from_slice(body).map_err(malformed)?;
    if let Some(Failure { message, data }) = envelope.error {
        return Err(RpcError::Refused {
            method,
            reason: format!("{message}: {data}"),
        });
    }
    serde_json::from_value(envelope.result.unwrap_or_default()).map_err(malformed)
}

fn body_of(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    answer.get(end + 4..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    /// Answers one question with these bytes.
    fn answering(path: &Path, answer: &'static [u8]) -> Rpc {
        let listener = UnixListener::bind(path).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut bytes, mut length) = ([0; 4096], 0);
            // Head and body come in two writes.
            while body_of(&bytes[..length]).is_none_or(<[u8]>::is_empty) {
                length += stream.read(&mut bytes[length..]).unwrap();
            }
            let _ = stream.write_all(answer);
        });
        Rpc::at(path.to_owned())
    }

    /// Passes a question on to a socket; the body that arrived there, when one did.
    fn passed_on(question: &str) -> (Result<Vec<u8>, NotAsked>, Option<Value>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let rpc = Rpc::at(path);
        let asking = std::thread::spawn({
            let question = question.to_owned();
            move || rpc.pass_on(question.as_bytes())
        });
        let mut seen = None;
        while seen.is_none() && !asking.is_finished() {
            if let Ok((mut stream, _)) = listener.accept() {
                stream.set_nonblocking(false).unwrap();
                let mut bytes = [0; 4096];
                let mut length = 0;
                // Head and body come in two writes.
                while body_of(&bytes[..length]).is_none_or(<[u8]>::is_empty) {
                    length += stream.read(&mut bytes[length..]).unwrap();
                }
                seen = Some(serde_json::from_slice(body_of(&bytes[..length]).unwrap()).unwrap());
                stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{}").unwrap();
            }
            std::thread::yield_now();
        }
        (asking.join().unwrap(), seen)
    }

    #[test]
    fn writes_another_nodes_question_anew_so_that_no_second_method_comes_with_it() {
        let plain = r#"{"jsonrpc":"2.0","id":0,"method":"commit","params":{"height":"5"}}"#;
        let (answer, seen) = passed_on(plain);
        assert_eq!(answer.unwrap(), b"{}");
        let expected: Value = serde_json::from_str(plain).unwrap();
        assert_eq!(seen, Some(expected));
        let disguised = r#"{"method":"commit","Method":"net_info","PARAMS":{"a":1},"ID":7}"#;
        let (answer, seen) = passed_on(disguised);
        assert!(answer.is_ok());
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": "commit", "params": {}});
        assert_eq!(seen, Some(asked));
    }

    #[test]
    fn passes_nothing_on_that_no_light_client_asks() {
        let long = format!(r#"{{"method":"commit","id":"{}"}}"#, "x".repeat(MAX_ID + 1));
        for (question, expected) in [
            (r#"{"method":"net_info"}"#, "net_info"),
            (r#"{"method":"Commit"}"#, "Commit"),
            (r#"{"Method":"commit"}"#, ""),
            (r#"{"method":"commit","method":"commit"}"#, ""),
            (r#"{"method":"commit","params":["5"]}"#, ""),
            (r#"{"method":"commit","id":{}}"#, ""),
            ("{", ""),
            (long.as_str(), ""),
        ] {
            let (answer, seen) = passed_on(question);
            let method = expected.to_owned();
            let expected = match expected {
                "" => NotAsked::Malformed,
                _ => NotAsked::Other { method },
            };
            assert_eq!((answer, seen), (Err(expected), None), "{question}");
        }
    }

    #[test]
    fn answers_so_many_nodes_at_once_and_no_more() {
        let rpc = Rpc::at(PathBuf::from("/nonexistent/rpc.sock"));
        let held: Vec<_> = (0..AT_ONCE).map(|_| rpc.admit().unwrap()).collect();
        assert_eq!(rpc.clone().admit().unwrap_err(), NotAsked::Busy);
        drop(held);
        assert!(rpc.admit().is_ok());
    }

    #[test]
    fn hears_whether_cometbft_catches_up() {
        for (answer, expected) in [
            (
                br#"{"result":{"sync_info":{"catching_up":true}}}"#.as_slice(),
                Some(true),
            ),
            (
                br#"{"result":{"sync_info":{"catching_up":false}}}"#,
                Some(false),
            ),
            (br#"{"result":{"sync_info":{}}}"#, None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let whole: &'static [u8] =
                Box::leak([b"HTTP/1.0 200 OK\r\n\r\n", answer].concat().into());
            let rpc = answering(&folder.path().join("rpc.sock"), whole);
            assert_eq!(rpc.is_catching_up().ok(), expected);
        }
    }

    #[test]
    fn refuses_answers_that_are_none() {
        for answer in [
            b"".as_slice(),
            b"HTTP/1.0 200 OK\r\n\r\n{",
            b"{\"result\":{\"peers\":[]}}",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let rpc = answering(&folder.path().join("rpc.sock"), answer);
            assert!(matches!(
                rpc.peers(),
                Err(RpcError::Malformed { .. } | RpcError::Io(_))
            ));
        }
        let nobody = Rpc::at(PathBuf::from("/nonexistent/rpc.sock"));
        assert!(matches!(nobody.peers(), Err(RpcError::Io(_))));
    }
}
