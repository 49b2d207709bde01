//! The power fails in the middle of a commit, at every write there is.
//!
//! A backend in memory records every write and sync. A crash at some point leaves everything up to the last sync and,
//! of what came after, any part in any mixture: some writes whole, some torn, some not at all.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::Store;
use super::fixtures::{assert_holds, write_next, write_next_unsynced};

#[derive(Debug, Clone)]
enum Event {
    Write(u64, Vec<u8>),
    SetLength(u64),
    Sync,
}

#[derive(Debug, Default)]
struct Recording {
    bytes: Vec<u8>,
    events: Vec<Event>,
}

#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Recording>>);

impl Recorder {
    fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Recording {
            bytes,
            events: Vec::new(),
        })))
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }
}

fn apply(bytes: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write(offset, data) => {
            let offset = usize::try_from(*offset).unwrap();
            let end = offset + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[offset..end].copy_from_slice(data);
        }
        Event::SetLength(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
        Event::Sync => {}
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let recording = self.0.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let found = recording
            .bytes
            .get(offset..offset + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.record(Event::SetLength(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.record(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.record(Event::Write(offset, data.to_vec()));
        Ok(())
    }
}

impl Recorder {
    fn record(&self, event: Event) {
        let mut recording = self.0.lock().unwrap();
        apply(&mut recording.bytes, &event);
        recording.events.push(event);
    }
}

/// A small generator, so that a failure names the seed that shows it again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What the disk holds after a crash just before event `at`.
fn crashed(events: &[Event], at: usize, dice: &mut Dice) -> Vec<u8> {
    let synced = events[..at]
        .iter()
        .rposition(|event| matches!(event, Event::Sync))
        .map_or(0, |index| index + 1);
    let mut bytes = Vec::new();
    for event in &events[..synced] {
        apply(&mut bytes, event);
    }
    for event in &events[synced..at] {
        match (event, dice.roll(3)) {
            (_, 0) => {}
            (Event::Write(offset, data), 1) => {
                // Disks write whole sectors of 512 bytes.
                let sectors = (data.len() / 512).max(1) as u64;
                let kept = usize::try_from(dice.roll(sectors + 1) * 512)
                    .unwrap()
                    .min(data.len());
                apply(&mut bytes, &Event::Write(*offset, data[..kept].to_vec()));
            }
            (event, _) => apply(&mut bytes, event),
        }
    }
    bytes
}

#[test]
fn a_crash_at_any_write_leaves_the_last_acknowledged_block_or_the_whole_next_one() {
    let recorder = Recorder::default();
    let store = Store::over(recorder.clone()).unwrap();
    // How many events there were when each block was acknowledged; block 0 is the empty database.
    let mut acknowledged = vec![recorder.events().len()];
    for _ in 1..=12 {
        write_next(&store).unwrap();
        acknowledged.push(recorder.events().len());
    }
    let events = recorder.events();
    drop(store);

    let mut outcomes = [0_u32; 2];
    for at in acknowledged[0]..=acknowledged[12] {
        for seed in 0..3 {
            let mut dice = Dice(seed * 1_000_003 + at as u64);
            let store = Store::over(Recorder::of(crashed(&events, at, &mut dice))).unwrap();
            let durable = acknowledged
                .iter()
                .rposition(|events| *events <= at)
                .unwrap() as u64;
            let found = store
                .snapshot()
                .unwrap()
                .last_block()
                .unwrap()
                .map_or(0, |(height, _)| height);
            assert!(
                found == durable || found == durable + 1,
                "event {at}, seed {seed}: {found}, {durable} acknowledged"
            );
            outcomes[usize::try_from(found - durable).unwrap()] += 1;
            assert_holds(&store, found);
            // And it goes on from there.
            write_next(&store).unwrap();
            assert_holds(&store, found + 1);
        }
    }
    assert!(outcomes[0] > 0, "{outcomes:?}");
}

#[test]
fn a_crash_takes_back_whole_blocks_and_none_that_was_synced() {
    let recorder = Recorder::default();
    let store = Store::over(recorder.clone()).unwrap();
    let begun = recorder.events().len();
    // How many events there were when each block was written, and when it was synced at the latest.
    let (mut written, mut synced) = (vec![begun], vec![begun]);
    for height in 1..=12 {
        write_next_unsynced(&store).unwrap();
        written.push(recorder.events().len());
        if height % 4 == 0 {
            store.sync().unwrap();
            synced.resize(height + 1, recorder.events().len());
        }
    }
    let events = recorder.events();
    drop(store);

    let mut lost = 0;
    for at in begun..=events.len() {
        let mut dice = Dice(at as u64);
        let store = Store::over(Recorder::of(crashed(&events, at, &mut dice))).unwrap();
        let before = |marks: &[usize]| marks.iter().rposition(|mark| *mark <= at).unwrap() as u64;
        let snapshot = store.snapshot().unwrap();
        let newest = snapshot.last_block().unwrap();
        let found = newest.map_or(0, |(height, _)| height);
        // A sync or the first block, under way just then, may have come whole.
        assert!(
            (before(&synced)..=before(&written) + 1).contains(&found),
            "event {at}: {found}, {} synced",
            before(&synced)
        );
        lost += before(&written).saturating_sub(found);
        assert_holds(&store, found);
        // And it goes on from there.
        write_next(&store).unwrap();
        assert_holds(&store, found + 1);
    }
    assert!(lost > 0, "nothing was ever taken back");
}
