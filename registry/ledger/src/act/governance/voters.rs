//! Who decides.

use chop_did::ChopDid;
use chop_protocol::membership::MAX_MEMBERS;
use chop_protocol::{Member, Role, keys};

use crate::act::is_live;
use crate::state::{StateReader, Stop, View};

/// The members with a vote: live, no supervisors, and with a DID that has not ended; ordered by scid.
pub(super) struct Voters {
    voters: Vec<ChopDid>,
    records: usize,
}

impl Voters {
    pub(super) fn read<S: StateReader>(view: &View<'_, S>) -> Result<Self, Stop<S::Error>> {
        let members: Vec<(String, Member)> =
            view.scan(keys::MEMBERS, &keys::after(keys::MEMBERS), MAX_MEMBERS)?;
        let records = members.len();
        let mut voters = Vec::new();
        for (_, member) in members {
            // One whose DID has ended can never sign again: waiting for its vote would stop the others.
            if member.is_live() && member.role == Role::Member && is_live(view, &member.did)? {
                voters.push(member.did);
            }
        }
        Ok(Self { voters, records })
    }

    pub(super) fn contains(&self, did: &ChopDid) -> bool {
        self.voters.contains(did)
    }

    /// Those who decide on a change that concerns one of them.
    pub(super) fn beside<'a>(
        &'a self,
        concerned: Option<&'a ChopDid>,
    ) -> impl Iterator<Item = &'a ChopDid> {
        self.voters
            .iter()
            .filter(move |voter| concerned != Some(*voter))
    }

    /// How many member records there are, those without a vote included.
    pub(super) const fn records(&self) -> usize {
        self.records
    }
}
