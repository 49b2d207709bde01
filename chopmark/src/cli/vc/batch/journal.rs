//! The journal: the one file that says which rows are done, and holds what was issued for them.
//!
//! Each line is one JSON object. The first describes the batch; each further one is a row, in order, done the moment its
//! line is whole:
//!
//! ```text
//! {"batch":{"version":1,"template":{…},…}}
//! {"row":1,"sha256":"…","credential":{…}}
//! {"row":2,"sha256":"…","refused":{"rule":"…","reason":"…"}}
//! {"amended":{"bytes":…,"sha256":"…"}}
//! ```
//!
//! A process that ends leaves at most a last line that is not whole, which is cut off. Lines are forced to the disk every
//! 8 MiB, at least once a second, and at the end; a machine that loses power may lose rows of the last second, of which nobody was told.

mod line;

use super::source::FileDigest;
use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) use line::{Entry, Refusal, amended_line, issued_line, refused_line};

/// How long lines may stay in memory of the operating system.
const SYNC: Duration = Duration::from_secs(1);
/// How many bytes of them may: what is left at the end is then soon on the disk.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes of a line: the largest credential as a token, and what stands around it.
const MAX_LINE: u64 = 8 * 1024 * 1024;
/// The version of the journal's form that is written.
pub(super) const VERSION: u32 = 1;
/// How every first line begins.
const FIRST: &[u8] = b"{\"batch\":{\"version\":1,";

/// Is the first line.
#[derive(Serialize, Deserialize)]
struct First<B> {
    batch: B,
}

/// Describes a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    /// The version of the journal's form.
    pub(super) version: u32,
    /// The template, as it was completed.
    pub(super) template: Map<String, Value>,
    /// The issuer.
    pub(super) issuer: String,
    /// The verification method whose key signs.
    pub(super) verification_method: String,
    /// The key, as a multikey.
    pub(super) public_key: String,
    /// How the credentials are secured.
    pub(super) form: String,
    /// The names in the first line of the CSV file.
    pub(super) columns: Vec<String>,
    /// The CSV file.
    pub(super) rows: FileDigest,
}

/// An open journal, locked against other processes.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The length of what is whole.
    length: u64,
    disk: Disk,
}

/// Forces a file to the disk beside the writing, so that a slow disk does not keep the cores waiting.
struct Disk {
    ask: Option<SyncSender<()>>,
    syncing: Option<JoinHandle<io::Result<()>>>,
    asked: Instant,
    /// Bytes that were written since.
    written: u64,
}

impl Journal {
    /// Opens or makes the file, takes it for this process alone, and reads which batch it is of, if any yet.
    ///
    /// # Errors
    /// When it cannot be opened, another process has it, or it is something else than a journal.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Option<Batch>)> {
        let shown = path.display();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot open {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another process is writing {shown}"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {shown}"));
            }
        }
        let disk = Disk::of(file.try_clone()?);
        let mut journal = Self {
            path: path.to_owned(),
            file,
            length: 0,
            disk,
        };
        let mut first = Vec::new();
        let mut reader = journal.reader()?.take(MAX_LINE);
        reader.read_until(b'\n', &mut first)?;
        if first.pop() != Some(b'\n') {
            // The process ended while it wrote the first line, or before.
            first.truncate(FIRST.len());
            ensure!(
                FIRST.starts_with(&first) || first.starts_with(FIRST),
                "{shown} is there already and is no journal of a batch"
            );
            journal.cut()?;
            return Ok((journal, None));
        }
        ensure!(
            first.starts_with(FIRST),
            "{shown} is there already and is no journal of a batch"
        );
        journal.length = u64::try_from(first.len() + 1)?;
        let First { batch } = serde_json::from_slice(&first)
            .with_context(|| format!("the first line of {shown} is damaged"))?;
        Ok((journal, Some(batch)))
    }

    /// Writes the first line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&First { batch })?;
        line.push(b'\n');
        self.append(&line)?;
        // Rows need not wait for it: whatever forces one of them to the disk forces this line with it.
        self.disk.force().with_context(|| self.cannot_force())
    }

    /// Visits each line after the first, and cuts off one at the end that is not whole.
    ///
    /// # Errors
    /// When the file cannot be read, a line is damaged, or `visit` fails.
    pub(super) fn replay(
        &mut self,
        mut visit: impl FnMut(Entry<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut reader = self.reader()?;
        reader.seek(SeekFrom::Start(self.length))?;
        let mut line = Vec::new();
        for number in 2_u64.. {
            line.clear();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
            if read == 0 || (line.last() != Some(&b'\n') && u64::try_from(read)? < MAX_LINE) {
                break;
            }
            let entry = std::str::from_utf8(&line).ok().and_then(Entry::read);
            let damaged = || format!("line {number} of {} is damaged", self.path.display());
            visit(entry.with_context(damaged)?)?;
            self.length += u64::try_from(read)?;
        }
        self.cut()
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// When they cannot be written; what was written of them is taken back.
    pub(super) fn append(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        if let Err(error) = self.file.write_all(lines) {
            // When even that fails, the next run cuts it off.
            let _ = self.file.set_len(self.length);
            return Err(error).with_context(|| format!("cannot write {}", self.path.display()));
        }
        let written = u64::try_from(lines.len())?;
        self.length += written;
        self.disk
            .wrote(written)
            .with_context(|| self.cannot_force())
    }

    /// Forces what was appended to the disk.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) fn sync(&mut self) -> anyhow::Result<()> {
        self.file.sync_data().with_context(|| self.cannot_force())
    }

    fn cannot_force(&self) -> String {
        format!("cannot write {} to the disk", self.path.display())
    }

    fn reader(&self) -> anyhow::Result<BufReader<File>> {
        let file = File::open(&self.path)
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(BufReader::with_capacity(256 * 1024, file))
    }

    /// Cuts off what is not whole.
    fn cut(&mut self) -> anyhow::Result<()> {
        self.file
            .set_len(self.length)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Disk {
    fn of(file: File) -> Self {
        let (ask, asked) = sync_channel(1);
        let syncing = std::thread::spawn(move || {
            while asked.recv().is_ok() {
                file.sync_data()?;
            }
            Ok(())
        });
        Self {
            ask: Some(ask),
            syncing: Some(syncing),
            asked: Instant::now(),
            written: 0,
        }
    }

    /// Asks for it when the last time was a while or many bytes ago, and says whether it failed since.
    fn wrote(&mut self, bytes: u64) -> io::Result<()> {
        self.written += bytes;
        if self.asked.elapsed() < SYNC && self.written < SYNC_BYTES {
            return Ok(());
        }
        self.force()
    }

    /// Asks for it, and says whether it failed since the last time.
    fn force(&mut self) -> io::Result<()> {
        (self.asked, self.written) = (Instant::now(), 0);
        match self.ask.as_ref().map(|ask| ask.try_send(())) {
            Some(Err(TrySendError::Disconnected(()))) => self.end(),
            // When the disk is behind, the next time comes after it.
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.ask = None;
        let ended = self.syncing.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| {
            ended.unwrap_or_else(|_| Err(io::Error::other("the writing thread broke off")))
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The lock on the file goes with its last handle. A failure was told by the last `sync`, or the batch failed anyway.
        let _ = self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn batch() -> Batch {
        Batch {
            version: VERSION,
            template: Map::new(),
            issuer: "did:example:i".to_owned(),
            verification_method: "did:example:i#k".to_owned(),
            public_key: "z6Mk".to_owned(),
            form: "jcs".to_owned(),
            columns: Vec::new(),
            rows: FileDigest {
                bytes: 7,
                sha256: SHA256.to_owned(),
            },
        }
    }

    fn lines() -> Vec<u8> {
        let mut lines = Vec::new();
        issued_line(&mut lines, 1, SHA256, |out| {
            out.extend_from_slice(b"{\"a\":1}");
            Ok::<_, ()>(())
        })
        .unwrap();
        let refused = Refusal {
            rule: "model.url".to_owned(),
            reason: "\"no\"\n".to_owned(),
        };
        refused_line(&mut lines, 2, SHA256, &refused);
        lines.extend(amended_line(&batch().rows));
        lines
    }

    fn replayed(journal: &mut Journal) -> anyhow::Result<Vec<String>> {
        let mut seen = Vec::new();
        journal.replay(|entry| {
            seen.push(match entry {
                Entry::Issued {
                    row,
                    sha256,
                    credential,
                } => format!("{row} {sha256} {credential}"),
                Entry::Refused { row, refused, .. } => format!("{row} {}", refused.reason),
                Entry::Amended(rows) => format!("amended {}", rows.bytes),
            });
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, known) = Journal::open(&path).unwrap();
        assert!(known.is_none());
        journal.begin(&batch()).unwrap();
        journal.append(&lines()).unwrap();
        drop(journal);
        let (mut journal, known) = Journal::open(&path).unwrap();
        assert_eq!(known, Some(batch()));
        assert_eq!(
            replayed(&mut journal).unwrap(),
            [
                &format!("1 {SHA256} {{\"a\":1}}"),
                "2 \"no\"\n",
                "amended 7"
            ]
        );
    }

    #[test]
    fn wherever_writing_broke_off_whole_lines_stay_and_the_rest_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.begin(&batch()).unwrap();
        journal.append(&lines()).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let ends = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            let (mut journal, known) = Journal::open(&path).unwrap();
            assert_eq!(known.is_some(), ends > 0, "{length}");
            if known.is_some() {
                assert_eq!(replayed(&mut journal).unwrap().len(), ends - 1, "{length}");
            }
            let left = std::fs::read(&path).unwrap();
            assert!(left.is_empty() || left.ends_with(b"\n"), "{length}");
            assert!(whole.starts_with(&left), "{length}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        for text in [
            "a,b\n1,2\n",
            "precious",
            "{\"batch\":{\"version\":2,\"x\":1}}\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Journal::open(&path).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.begin(&batch()).unwrap();
        journal.append(b"{\"row\":1,\"sha2\n").unwrap();
        journal.append(&lines()).unwrap();
        drop(journal);
        let before = std::fs::read(&path).unwrap();
        let (mut journal, _) = Journal::open(&path).unwrap();
        let refused = replayed(&mut journal).unwrap_err().to_string();
        assert!(refused.contains("line 2"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn two_do_not_write_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (_held, _) = Journal::open(&path).unwrap();
        let refused = Journal::open(&path).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("another process"), "{refused}");
    }
}
