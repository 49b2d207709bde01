//! Requests as they come over a socket, taken from it before their turn.
//!
//! CometBFT's client arms a timer of 20 nanoseconds with every request (`flushThrottleMS` of `abci/client/socket_client.go`),
//! and as long as a write of its own waits for this side it fires, fails and is armed again, on a core that the answer needs.
//! So the socket is emptied between two answers, however many requests wait.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;

use prost::Message as _;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tendermint_proto::v0_38::abci::Request;
use tendermint_proto::v0_38::abci::request::Value as Ask;

/// The longest frame: a block of four megabytes, with room for its frame and for a genesis.
const MAX_FRAME: usize = 16 * 1024 * 1024;
/// Bytes that are taken before their turn, beside a frame that is not whole yet: as many as wait when a full mempool is
/// checked anew.
const AHEAD: usize = 8 * 1024 * 1024;
/// Bytes that one read takes at most.
const CHUNK: usize = 256 * 1024;

/// What came and waits for its turn.
pub(super) struct Inbox<'a> {
    stream: &'a UnixStream,
    bytes: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
    /// Where reads put what comes: cleared once, for it is looked for after every answer, and mostly nothing is there.
    room: Box<[u8]>,
}

impl<'a> Inbox<'a> {
    pub(super) fn of(stream: &'a UnixStream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            at: 0,
            room: vec![0; CHUNK].into_boxed_slice(),
        }
    }

    /// The next request, when it is here as a whole.
    pub(super) fn waiting(&mut self) -> io::Result<Option<Ask>> {
        let unread = self.bytes.get(self.at..).unwrap_or_default();
        let Some((start, length)) = length(unread)? else {
            return Ok(None);
        };
        if length > MAX_FRAME {
            return Err(invalid(format!(
                "a frame of {length} bytes, at most {MAX_FRAME} are read"
            )));
        }
        let end = start + length;
        let Some(frame) = unread.get(start..end) else {
            return Ok(None);
        };
        let request = Request::decode(frame).map_err(|error| invalid(error.to_string()))?;
        self.at += end;
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
        let ask = request.value;
        ask.map(Some)
            .ok_or_else(|| invalid("a request of no kind".to_owned()))
    }

    /// Waits for more.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let mut stream = self.stream;
        loop {
            match self.read(|room| stream.read(room)) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what is there by now, without waiting.
    pub(super) fn take(&mut self) -> io::Result<()> {
        while self.bytes.len() - self.at < AHEAD {
            let stream = self.stream;
            let taken = self.read(|room| match recv(stream, room, RecvFlags::DONTWAIT) {
                Ok((taken, _)) => Ok(taken),
                Err(Errno::AGAIN | Errno::INTR) => Ok(0),
                Err(error) => Err(error.into()),
            })?;
            // Whether nothing came or the other side has closed, waiting will show.
            if taken < CHUNK {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let taken = read(&mut self.room)?;
        // What was answered goes before the buffer grows.
        if self.at > 0 && self.bytes.capacity() - self.bytes.len() < taken {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        let came = self.room.get(..taken).unwrap_or_default();
        self.bytes.extend_from_slice(came);
        Ok(taken)
    }
}

/// Reads an unsigned varint of at most five bytes: where what it counts begins, and how long that is. `None` where its end is
/// not here yet.
fn length(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut length = 0_u64;
    for (at, shift) in [0, 7, 14, 21, 28].into_iter().enumerate() {
        let Some(byte) = bytes.get(at) else {
            return Ok(None);
        };
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let length = usize::try_from(length).map_err(|error| invalid(error.to_string()))?;
            return Ok(Some((at + 1, length)));
        }
    }
    Err(invalid(
        "the length of a frame has more than five bytes".to_owned(),
    ))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tendermint_proto::v0_38::abci::RequestEcho;

    use super::*;

    fn echo(message: &str) -> Vec<u8> {
        let value = Ask::Echo(RequestEcho {
            message: message.to_owned(),
        });
        Request { value: Some(value) }.encode_length_delimited_to_vec()
    }

    fn message(ask: Option<Ask>) -> Option<String> {
        match ask? {
            Ask::Echo(RequestEcho { message }) => Some(message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_waits_until_it_is_whole() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::of(&here);
        let long = "x".repeat(300);
        let bytes = [echo("first"), echo(&long)].concat();
        for byte in &bytes {
            assert_eq!(inbox.take().map_err(|error| error.kind()), Ok(()));
            there.write_all(&[*byte]).unwrap();
        }
        inbox.take().unwrap();
        assert_eq!(message(inbox.waiting().unwrap()).as_deref(), Some("first"));
        assert_eq!(message(inbox.waiting().unwrap()), Some(long));
        assert!(inbox.waiting().unwrap().is_none());
        drop(there);
        inbox.take().unwrap();
        assert_eq!(
            inbox.wait().unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn nobody_who_writes_waits_for_answers() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let messages: Vec<String> = (0..400).map(|n| n.to_string().repeat(1_000)).collect();
        let mut inbox = Inbox::of(&here);
        there.set_nonblocking(true).unwrap();
        for message in &messages {
            // It would fail where the socket is full.
            there.write_all(&echo(message)).unwrap();
            inbox.take().unwrap();
        }
        for expected in &messages {
            let found = message(inbox.waiting().unwrap());
            assert_eq!(found.as_ref(), Some(expected));
        }
    }

    #[test]
    fn takes_no_more_than_its_room_before_its_turn() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::of(&here);
        there.set_nonblocking(true).unwrap();
        let mut written = 0;
        while written < 2 * AHEAD {
            match there.write(&[1; 4_096]) {
                Ok(taken) => written += taken,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    if inbox.bytes.len() >= AHEAD {
                        break;
                    }
                }
            }
            inbox.take().unwrap();
        }
        assert!(inbox.bytes.len() <= AHEAD + CHUNK, "{}", inbox.bytes.len());
    }
}
