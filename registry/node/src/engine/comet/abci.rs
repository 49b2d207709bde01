//! The socket on which CometBFT talks to the application: ABCI 2.0, length-delimited protobuf, one thread per connection.
//!
//! ADR 0007 says why this is written here: the socket lies in the node's own folder, takes CometBFT's four connections and
//! no fifth, bounds every frame, and a panic in a handler ends the process.

mod inbox;

use std::io::{self, BufWriter, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use prost::Message;
use tendermint_proto::v0_38::abci::Response;
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tracing::{error, warn};

use inbox::Inbox;

/// CometBFT connects for consensus, mempool, queries and snapshots.
const CONNECTIONS: usize = 4;

/// Most answers that go to CometBFT together.
const TOGETHER: usize = 32;

/// What answers CometBFT.
pub(super) trait Application: Send + Sync + 'static {
    /// Answers one request; `None` when the application failed and must not go on. It has logged why.
    fn answer(&self, ask: Ask) -> Option<Answer>;
}

/// A listening socket; it closes when this goes.
pub(super) struct Server {
    path: PathBuf,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at a path, in the place of what a process that was killed left there.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(super) fn start(path: &Path, application: Arc<impl Application>) -> io::Result<Self> {
        remove(path)?;
        let listener = UnixListener::bind(path)?;
        let ending = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("abci".to_owned()).spawn({
            let ending = Arc::clone(&ending);
            move || accept(&listener, &application, &ending)
        })?;
        Ok(Self {
            path: path.to_owned(),
            ending,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ended = thread.join();
        }
        let _removed = remove(&self.path);
    }
}

/// Removes a socket, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn accept(listener: &UnixListener, application: &Arc<impl Application>, ending: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if ending.load(Ordering::SeqCst) {
            return;
        }
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                warn!(%error, "a connection to the application failed");
                std::thread::sleep(std::time::Duration::from_millis(50));
                continue;
            }
        };
        let place = Place::take(&open);
        if place.is_none() {
            warn!("refused a fifth connection to the application: CometBFT has its four");
        }
        let Some(place) = place else { continue };
        let application = Arc::clone(application);
        let spawned = std::thread::Builder::new()
            .name("abci-connection".to_owned())
            .spawn(move || {
                let _place = place;
                let _guard = AbortOnPanic;
                if let Err(error) = serve(&stream, &*application)
                    && error.kind() != io::ErrorKind::UnexpectedEof
                {
                    warn!(%error, "a connection of CometBFT broke");
                }
            });
        if let Err(error) = spawned {
            error!(%error, "no thread for a connection of CometBFT");
        }
    }
}

/// One of the four.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| {
            (open < CONNECTIONS).then_some(open + 1)
        });
        taken.ok().map(|_| Self(Arc::clone(open)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends the process when the thread panics: a validator whose state may be half changed must not vote on.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!("the application panicked; the process ends");
            std::process::abort();
        }
    }
}

/// Answers requests in their order until the other side closes. Answers wait in a buffer until CometBFT asks to flush, as
/// it does after everything that it waits for, and until no further request is here or [`TOGETHER`] were answered.
fn serve(stream: &UnixStream, application: &impl Application) -> io::Result<()> {
    let mut inbox = Inbox::of(stream);
    let mut writer = BufWriter::with_capacity(64 * 1024, stream);
    let (mut is_due, mut answered) = (false, 0);
    loop {
        inbox.take()?;
        let ask = inbox.waiting()?;
        if is_due && (ask.is_none() || answered >= TOGETHER) {
            writer.flush()?;
            (is_due, answered) = (false, 0);
        }
        let Some(ask) = ask else {
            inbox.wait()?;
            continue;
        };
        is_due |= matches!(ask, Ask::Flush(_));
        answered += 1;
        let Some(answer) = application.answer(ask) else {
            return Ok(());
        };
        let response = Response {
            value: Some(answer),
        };
        writer.write_all(&response.encode_length_delimited_to_vec())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::time::Duration;
    use tendermint_proto::v0_38::abci::{
        Request, RequestEcho, RequestFlush, ResponseEcho, ResponseFlush,
    };

    struct Echo;

    impl Application for Echo {
        fn answer(&self, ask: Ask) -> Option<Answer> {
            match ask {
                Ask::Echo(RequestEcho { message }) if message == "fail" => None,
                Ask::Echo(RequestEcho { message }) if message == "panic" => panic!("as asked"),
                Ask::Echo(RequestEcho { message }) => Some(Answer::Echo(ResponseEcho { message })),
                _ => Some(Answer::Flush(ResponseFlush {})),
            }
        }
    }

    fn connect(path: &Path) -> UnixStream {
        let stream = UnixStream::connect(path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }

    fn echo(stream: &mut UnixStream, message: &str) -> io::Result<String> {
        for ask in [
            Ask::Echo(RequestEcho {
                message: message.to_owned(),
            }),
            Ask::Flush(RequestFlush {}),
        ] {
            let request = Request { value: Some(ask) };
            stream.write_all(&request.encode_length_delimited_to_vec())?;
        }
        let mut answers = Vec::new();
        for _ in 0..2 {
            // Each is shorter than 128 bytes.
            let mut length = [0];
            stream.read_exact(&mut length)?;
            let mut frame = vec![0; usize::from(length[0])];
            stream.read_exact(&mut frame)?;
            answers.push(Response::decode(frame.as_slice()).unwrap().value.unwrap());
        }
        match answers.as_slice() {
            [Answer::Echo(echo), Answer::Flush(_)] => Ok(echo.message.clone()),
            others => panic!("{others:?}"),
        }
    }

    #[test]
    fn takes_four_connections_and_no_fifth_until_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abci.sock");
        let _server = Server::start(&path, Arc::new(Echo)).unwrap();
        let mut four: Vec<_> = (0..4).map(|_| connect(&path)).collect();
        for stream in &mut four {
            assert_eq!(echo(stream, "hello").unwrap(), "hello");
        }
        let mut fifth = connect(&path);
        assert!(echo(&mut fifth, "let me in").is_err());
        assert_eq!(echo(&mut four[3], "still here").unwrap(), "still here");

        drop(four.pop());
        let again = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            echo(&mut connect(&path), "now").is_ok()
        });
        assert!(again, "a place that was left is not given to another");
    }

    #[test]
    fn closes_the_connection_when_the_application_fails_or_a_frame_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abci.sock");
        let _server = Server::start(&path, Arc::new(Echo)).unwrap();
        assert!(echo(&mut connect(&path), "fail").is_err());
        for start in [
            [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            let mut stream = connect(&path);
            stream.write_all(&start).unwrap();
            assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
        }
        assert_eq!(
            echo(&mut connect(&path), "others go on").unwrap(),
            "others go on"
        );
    }

    #[test]
    fn takes_the_place_of_a_socket_that_a_killed_process_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abci.sock");
        drop(UnixListener::bind(&path).unwrap());
        let server = Server::start(&path, Arc::new(Echo)).unwrap();
        assert_eq!(echo(&mut connect(&path), "hello").unwrap(), "hello");
        drop(server);
        assert!(!path.exists());
    }

    /// The child is this very test, which then panics inside a handler.
    #[test]
    fn a_panic_in_a_handler_ends_the_process() {
        const CHILD: &str = "CHOP_TEST_PANICS";
        if std::env::var_os(CHILD).is_some() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("abci.sock");
            let _server = Server::start(&path, Arc::new(Echo)).unwrap();
            let _broken = echo(&mut connect(&path), "panic");
            std::thread::sleep(Duration::from_secs(10));
            return;
        }
        let name = std::thread::current().name().unwrap().to_owned();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name])
            .env(CHILD, "1")
            .output()
            .unwrap();
        // An abort is a signal; a test that passes or fails ends with a code.
        assert_eq!(output.status.code(), None, "{output:?}");
    }
}
