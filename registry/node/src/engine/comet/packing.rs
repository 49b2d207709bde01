//! What a proposer puts into its block: by turns of sponsors and, within a sponsor's turn, of actors, as much as fits.

use std::collections::HashMap;

use chop_did::ChopDid;
use chop_protocol::Parameters;

use super::verified::Parsed;

/// What a transaction of a block takes beside its bytes: a tag and its length.
const FRAME_BYTES: usize = 8;

/// Picks the transactions of a block out of the mempool's, of which `parsed` are the contents; gives their places.
///
/// Nobody gets a second transaction into the block before everybody got a first: a member that floods fills what others
/// leave. What does not fit waits for another block.
pub(super) fn pack(
    sizes: &[usize],
    parsed: &[Option<Parsed>],
    parameters: &Parameters,
    max_bytes: usize,
) -> Vec<usize> {
    let mut room = Room {
        bytes: max_bytes,
        envelopes: parameters.block_envelopes,
        work: parameters.block_work,
        sponsor_work: parameters.sponsor_block_work,
        sponsors: HashMap::new(),
    };
    let mut packed: Vec<usize> = Vec::new();
    for index in by_turns(parsed) {
        let (Some(Some(bundle)), Some(size)) = (parsed.get(index), sizes.get(index)) else {
            continue;
        };
        if room.take(bundle, size.saturating_add(FRAME_BYTES)) {
            packed.push(index);
        }
    }
    packed
}

/// The places of all transactions: first everybody's first, then everybody's second, and so on.
fn by_turns(parsed: &[Option<Parsed>]) -> Vec<usize> {
    let mut of_actor: HashMap<(ChopDid, ChopDid), usize> = HashMap::new();
    let mut order: Vec<(usize, usize, ChopDid)> = Vec::new();
    for (index, bundle) in parsed.iter().enumerate() {
        // A gateway bundles the envelopes of one sponsor only; of another bundle the first one counts.
        let Some(first) = bundle.as_ref().and_then(|bundle| bundle.first()) else {
            continue;
        };
        let envelope = first.envelope();
        let turn = of_actor
            .entry((envelope.sponsor, envelope.actor))
            .or_default();
        order.push((*turn, index, envelope.sponsor));
        *turn += 1;
    }
    order.sort_unstable_by_key(|(turn, index, _)| (*turn, *index));
    let mut of_sponsor: HashMap<ChopDid, usize> = HashMap::new();
    let mut places: Vec<(usize, usize)> = order
        .into_iter()
        .map(|(_, index, sponsor)| {
            let turn = of_sponsor.entry(sponsor).or_default();
            let place = (*turn, index);
            *turn += 1;
            place
        })
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, index)| index).collect()
}

/// What still fits.
struct Room {
    bytes: usize,
    envelopes: u64,
    work: u64,
    sponsor_work: u64,
    sponsors: HashMap<ChopDid, u64>,
}

impl Room {
    fn take(&mut self, bundle: &Parsed, bytes: usize) -> bool {
        let mut work = 0_u64;
        let mut sponsors: HashMap<ChopDid, u64> = HashMap::new();
        for signed in bundle.iter() {
            let envelope = signed.envelope();
            work = work.saturating_add(envelope.work());
            let used = sponsors.entry(envelope.sponsor).or_default();
            *used = used.saturating_add(envelope.work());
        }
        let envelopes = bundle.len() as u64;
        let fits = bytes <= self.bytes
            && envelopes <= self.envelopes
            && work <= self.work
            && sponsors.iter().all(|(sponsor, more)| {
                let used = self.sponsors.get(sponsor).copied().unwrap_or(0);
                used.saturating_add(*more) <= self.sponsor_work
            });
        if fits {
            self.bytes -= bytes;
            self.envelopes -= envelopes;
            self.work -= work;
            for (sponsor, more) in sponsors {
                let used = self.sponsors.entry(sponsor).or_default();
                *used = used.saturating_add(more);
            }
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{envelope_of, party};
    use super::*;
    use std::sync::Arc;

    fn packed(txs: &[(u8, u64)], parameters: &Parameters, max_bytes: usize) -> Vec<usize> {
        let parsed: Vec<Option<Parsed>> = txs
            .iter()
            .map(|(who, n)| Some(Arc::new(vec![envelope_of(&party(*who), *n)])))
            .collect();
        pack(&vec![100; txs.len()], &parsed, parameters, max_bytes)
    }

    #[test]
    fn gives_everybody_a_first_before_anybody_a_second() {
        let flood: Vec<(u8, u64)> = (0..10).map(|n| (1, n)).chain([(2, 10), (3, 11)]).collect();
        let order = packed(&flood, &Parameters::default(), 1 << 20);
        assert_eq!(order[..4], [0, 10, 11, 1]);
        assert_eq!(order.len(), 12);
        // With room for three only, the flood does not keep the others out.
        assert_eq!(packed(&flood, &Parameters::default(), 3 * 108), [0, 10, 11]);
    }

    #[test]
    fn keeps_to_the_work_of_a_sponsor_and_of_a_block() {
        let work = envelope_of(&party(1), 0).envelope().work();
        let txs = [(1, 0), (1, 1), (1, 2), (2, 3)];
        let by_sponsor = Parameters {
            sponsor_block_work: 2 * work,
            ..Parameters::default()
        };
        assert_eq!(packed(&txs, &by_sponsor, 1 << 20), [0, 3, 1]);
        let by_block = Parameters {
            block_work: 2 * work,
            ..Parameters::default()
        };
        assert_eq!(packed(&txs, &by_block, 1 << 20), [0, 3]);
        let by_number = Parameters {
            block_envelopes: 3,
            ..Parameters::default()
        };
        assert_eq!(packed(&txs, &by_number, 1 << 20).len(), 3);
    }

    #[test]
    fn leaves_out_what_is_no_transaction() {
        let parsed = [None, Some(Arc::new(vec![envelope_of(&party(1), 0)]))];
        assert_eq!(
            pack(&[5, 100], &parsed, &Parameters::default(), 1 << 20),
            [1]
        );
    }
}
