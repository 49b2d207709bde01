//! A proposer that sends invalid blocks: between a node's application and its CometBFT, something adds to what is proposed.

use crate::support::consortium::until;
use crate::support::stack::signal;
use prost::Message as _;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tendermint_proto::v0_38::abci::Response;
use tendermint_proto::v0_38::abci::response::Value as Answer;

/// Stands between the two until it goes.
pub(crate) struct Dishonest {
    home: PathBuf,
    /// Blocks that were spoilt.
    spoilt: Arc<AtomicUsize>,
    engines: Box<dyn Fn() -> Vec<u32>>,
}

impl Dishonest {
    /// Takes the application's place, and has CometBFT, whose processes `engines` lists, connect anew.
    pub(crate) fn at(node: &Path, engines: impl Fn() -> Vec<u32> + 'static) -> Self {
        let home = node.join("cometbft");
        std::fs::rename(home.join("abci.sock"), home.join("honest.sock")).unwrap();
        let listener = UnixListener::bind(home.join("abci.sock")).unwrap();
        let spoilt = Arc::new(AtomicUsize::new(0));
        let (honest, count) = (home.join("honest.sock"), Arc::clone(&spoilt));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (honest, count) = (honest.clone(), Arc::clone(&count));
                std::thread::spawn(move || relay(&stream, &honest, &count));
            }
        });
        let dishonest = Self {
            home,
            spoilt,
            engines: Box::new(engines),
        };
        dishonest.restart_engine();
        dishonest
    }

    pub(crate) fn spoilt(&self) -> usize {
        self.spoilt.load(Ordering::SeqCst)
    }

    /// The node starts its CometBFT again.
    fn restart_engine(&self) {
        let before = (self.engines)();
        for pid in &before {
            signal(*pid, "KILL");
        }
        until("its CometBFT is started again", || {
            let now = (self.engines)();
            !now.is_empty() && now.iter().all(|pid| !before.contains(pid))
        });
    }
}

impl Drop for Dishonest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let _replaced = std::fs::rename(self.home.join("honest.sock"), self.home.join("abci.sock"));
        self.restart_engine();
    }
}

fn relay(engine: &UnixStream, honest: &Path, spoilt: &AtomicUsize) {
    let Ok(application) = UnixStream::connect(honest) else {
        return;
    };
    let asks = (
        engine.try_clone().unwrap(),
        application.try_clone().unwrap(),
    );
    let asking = std::thread::spawn(move || {
        let (mut from, mut to) = asks;
        let _ended = io::copy(&mut from, &mut to);
        let _closed = to.shutdown(std::net::Shutdown::Both);
    });
    let _ended = answers(&application, engine, spoilt);
    let _closed = engine.shutdown(std::net::Shutdown::Both);
    let _ended = asking.join();
}

/// Passes answers on; to every proposed block it adds what is no transaction.
fn answers(
    application: &UnixStream,
    mut engine: &UnixStream,
    spoilt: &AtomicUsize,
) -> io::Result<()> {
    let mut reader = BufReader::new(application);
    loop {
        let mut response =
            Response::decode(frame(&mut reader)?.as_slice()).map_err(io::Error::other)?;
        if let Some(Answer::PrepareProposal(proposal)) = &mut response.value {
            proposal.txs.push(b"no transaction".to_vec().into());
            spoilt.fetch_add(1, Ordering::SeqCst);
        }
        engine.write_all(&response.encode_length_delimited_to_vec())?;
    }
}

fn frame(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let mut byte = [0_u8];
        reader.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let mut frame = vec![0; length];
    reader.read_exact(&mut frame)?;
    Ok(frame)
}
