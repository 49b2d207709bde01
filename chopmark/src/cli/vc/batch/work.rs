//! The work: one thread reads rows, one for each core issues them, and one writes what they made, in the order of the rows.
//!
//! Rows travel in chunks, and only so many chunks are under way, so memory does not grow with the number of rows.

use super::journal::{Journal, Refusal, issued_line, refused_line};
use super::outlet::Outlet;
use super::source::{Row, Rows};
use anyhow::Context as _;
use chop_credential::issuing::batch::{BatchIssuer, Moment, RowError};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Rows of one chunk.
const CHUNK: usize = 128;
/// Bytes of rows after which a chunk is closed early.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Chunks under way for each thread that issues.
const UNDER_WAY: usize = 4;

/// Says how rows become credentials.
pub(super) struct Plan<'a> {
    /// Issues a row.
    pub(super) issuer: BatchIssuer<'a>,
    /// Where in a row the template's cells stand.
    pub(super) places: Vec<usize>,
    /// The names of the CSV file's columns.
    pub(super) columns: &'a [String],
    /// Whether a row that is refused is passed over, rather than the end.
    pub(super) skip_bad: bool,
    /// Threads that issue.
    pub(super) threads: usize,
}

/// Tells how far a batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows that were issued.
    pub(super) issued: u64,
    /// Rows that were refused and passed over.
    pub(super) refused: u64,
    /// Bytes of the CSV file that lie behind.
    pub(super) bytes: u64,
}

/// Is the row that ended a batch.
#[derive(Debug, thiserror::Error)]
#[error("row {row} is refused: {reason}")]
pub(super) struct BadRow {
    row: u64,
    reason: String,
}

struct Chunk {
    index: usize,
    rows: Vec<Row>,
    /// Bytes of the CSV file up to its end.
    bytes: u64,
}

/// What became of a chunk.
struct Made {
    index: usize,
    lines: Vec<u8>,
    /// The rows that were issued, and where in the lines their credentials stand.
    credentials: Vec<(u64, Range<usize>)>,
    passed_over: Vec<(Row, Refusal)>,
    ended_by: Option<BadRow>,
    bytes: u64,
}

/// Issues the rows that are left, until they end or one is refused; `tell` hears of each chunk that is written.
///
/// # Errors
/// [`BadRow`] when a row is refused and not passed over, after the rows before it are written; others when something cannot
/// be read or written.
pub(super) fn issue(
    plan: &Plan<'_>,
    rows: Rows,
    journal: &mut Journal,
    outlet: &mut Outlet,
    tell: &mut dyn FnMut(&Tally),
) -> anyhow::Result<()> {
    let under_way = plan.threads * UNDER_WAY;
    let (turns, done) = sync_channel::<()>(under_way);
    let (read, chunks) = sync_channel(under_way);
    let (give, made) = sync_channel(under_way);
    let chunks = Mutex::new(chunks);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read_chunks(rows, &turns, &read));
        for _ in 0..plan.threads {
            let (give, chunks) = (give.clone(), &chunks);
            scope.spawn(move || {
                while let Some(chunk) = next(chunks) {
                    // Nobody listens any more when the batch has ended.
                    if give.send(plan.make(chunk)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(give);
        let written = write(&made, &done, journal, outlet, tell);
        drop((made, done));
        let read = reading.join();
        written?;
        read.map_err(|_| anyhow::anyhow!("reading broke off"))?
    })
}

fn next(chunks: &Mutex<Receiver<Chunk>>) -> Option<Chunk> {
    chunks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

/// Cuts the rows into chunks and waits for a turn with each; ends when nobody takes them any more.
fn read_chunks(
    mut rows: Rows,
    turns: &SyncSender<()>,
    chunks: &SyncSender<Chunk>,
) -> anyhow::Result<()> {
    for index in 0.. {
        let mut chunk = Chunk {
            index,
            rows: Vec::with_capacity(CHUNK),
            bytes: 0,
        };
        let mut size = 0;
        let mut failed = None;
        while chunk.rows.len() < CHUNK && size < CHUNK_BYTES {
            match rows.next() {
                Ok(Some(row)) => {
                    size += row.fields.as_slice().len();
                    chunk.rows.push(row);
                }
                Ok(None) => break,
                // The rows before it are issued all the same.
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        chunk.bytes = rows.bytes();
        let is_last = chunk.rows.is_empty() || failed.is_some();
        let sent = chunk.rows.is_empty() || (turns.send(()).is_ok() && chunks.send(chunk).is_ok());
        if let Some(error) = failed {
            return Err(error);
        }
        if is_last || !sent {
            break;
        }
    }
    Ok(())
}

/// Writes what was made, in order.
fn write(
    made: &Receiver<Made>,
    done: &Receiver<()>,
    journal: &mut Journal,
    outlet: &mut Outlet,
    tell: &mut dyn FnMut(&Tally),
) -> anyhow::Result<()> {
    let mut tally = Tally::default();
    let mut waiting = BTreeMap::new();
    let mut due = 0;
    while let Ok(chunk) = made.recv() {
        waiting.insert(chunk.index, chunk);
        while let Some(chunk) = waiting.remove(&due) {
            due += 1;
            journal.append(&chunk.lines)?;
            for (row, place) in &chunk.credentials {
                let text = chunk.lines.get(place.clone()).unwrap_or_default();
                outlet.issued(*row, text)?;
            }
            for (row, refused) in &chunk.passed_over {
                outlet.refused(row, &refused.reason)?;
            }
            tally.issued += u64::try_from(chunk.credentials.len())?;
            tally.refused += u64::try_from(chunk.passed_over.len())?;
            tally.bytes = chunk.bytes;
            tell(&tally);
            if let Some(bad) = chunk.ended_by {
                journal.sync()?;
                return Err(bad.into());
            }
            // A turn was taken for this chunk, so there is one to give back.
            done.recv().context("reading broke off")?;
        }
    }
    journal.sync()
}

impl Plan<'_> {
    /// Issues the rows of a chunk.
    fn make(&self, chunk: Chunk) -> Made {
        let moment = self.issuer.moment(Timestamp::from_unix_ms(clock::now_ms()));
        let mut made = Made {
            index: chunk.index,
            lines: Vec::with_capacity(CHUNK * 2_048),
            credentials: Vec::with_capacity(chunk.rows.len()),
            passed_over: Vec::new(),
            ended_by: None,
            bytes: chunk.bytes,
        };
        // Drawn at once: asking the operating system for each row takes longer than making a UUID of what it gives.
        let mut random = vec![[0; 16]; chunk.rows.len()];
        random::fill(random.as_flattened_mut());
        for (row, random) in chunk.rows.into_iter().zip(random) {
            let uuid = chop_issuer::uuid(random);
            match self.row(&row, &uuid, &moment, &mut made.lines) {
                Ok(place) => made.credentials.push((row.number, place)),
                Err(refused) if self.skip_bad && refused.is_of_row => {
                    let hash = row.hash(&self.places);
                    refused_line(&mut made.lines, row.number, &hash, &refused.refusal);
                    made.passed_over.push((row, refused.refusal));
                }
                Err(refused) => {
                    made.ended_by = Some(BadRow {
                        row: row.number,
                        reason: refused.refusal.reason,
                    });
                    break;
                }
            }
        }
        made
    }

    /// Appends the line of a row, and says where in it the credential stands.
    fn row(
        &self,
        row: &Row,
        uuid: &str,
        moment: &Moment,
        lines: &mut Vec<u8>,
    ) -> Result<Range<usize>, Refused> {
        let cells = row
            .cells(&self.places, self.columns)
            .map_err(|reason| Refused {
                is_of_row: true,
                refusal: Refusal {
                    rule: "batch.row".to_owned(),
                    reason,
                },
            })?;
        let mut place = 0..0;
        issued_line(lines, row.number, &row.hash(&self.places), |out| {
            place.start = out.len();
            self.issuer.issue(&cells, uuid, moment, out)?;
            place.end = out.len();
            Ok::<_, RowError>(())
        })?;
        Ok(place)
    }
}

/// A row that was refused, and whether it is at fault itself.
struct Refused {
    is_of_row: bool,
    refusal: Refusal,
}

impl From<RowError> for Refused {
    fn from(error: RowError) -> Self {
        Self {
            is_of_row: error.is_of_row(),
            refusal: Refusal {
                rule: error.rule().to_owned(),
                reason: error.to_string(),
            },
        }
    }
}
