//! A consortium in memory, for tests: founders that propose and vote.

use super::world::{Party, World, consortium, key};
use chop_integrity::Hash;
use chop_keys::Signer;
use chop_ledger::Executed;
use chop_protocol::governance::{Admission, MemberChange, ValidatorChange, ValidatorsChange};
use chop_protocol::{
    Action, CastVote, Change, Choice, DecisionKind, ExecutionResult, Member, MemberName,
    MemberStanding, Proposal, Propose, Role, SignedEnvelope, ValidatorSet, keys,
};

/// A world whose founders each run a validator of power 10.
pub(crate) struct Council {
    pub(crate) world: World,
    pub(crate) members: Vec<Party>,
}

impl Council {
    /// Founders of seeds 1, 11, 12, …
    pub(crate) fn of(count: u8) -> Self {
        let seeds: Vec<u8> = (0..count)
            .map(|n| if n == 0 { 1 } else { 10 + n })
            .collect();
        let world = World::of(consortium(&seeds));
        let party = |seed: &u8| Party::new(*seed, &world.ledger());
        let members = seeds.iter().map(party).collect();
        Self { world, members }
    }

    /// An action of a member that sponsors itself.
    pub(crate) fn by(&mut self, who: usize, action: Action) -> SignedEnvelope {
        let mut envelope = self.world.envelope(self.members[who].did, vec![action]);
        envelope.sponsor = envelope.actor;
        envelope.sign(&[&self.members[who].act]).unwrap()
    }

    pub(crate) fn proposing(&mut self, who: usize, change: Change) -> SignedEnvelope {
        self.by(
            who,
            Action::Propose(Box::new(Propose { change, note: None })),
        )
    }

    pub(crate) fn voting(&mut self, who: usize, proposal: Hash, choice: Choice) -> SignedEnvelope {
        self.by(who, Action::Vote(CastVote { proposal, choice }))
    }

    /// Proposes, and returns the proposal's id.
    pub(crate) fn propose(&mut self, who: usize, change: Change) -> Hash {
        let envelope = self.proposing(who, change);
        self.world.commit(std::slice::from_ref(&envelope));
        envelope.hash()
    }

    /// Votes, and returns what the block did.
    pub(crate) fn vote(&mut self, who: usize, proposal: Hash, choice: Choice) -> Executed {
        let envelope = self.voting(who, proposal, choice);
        let executed = self.world.block(&[envelope]);
        assert_eq!(executed.outcomes[0].result, ExecutionResult::Committed);
        executed
    }

    /// Has the first member propose and as many others agree as there are in `yes`; the change takes effect.
    pub(crate) fn pass(&mut self, change: Change, yes: &[usize]) -> Executed {
        let id = self.propose(0, change);
        let mut last = None;
        for who in yes {
            last = Some(self.vote(*who, id, Choice::Yes));
        }
        assert_eq!(self.decided(&id), Some(DecisionKind::Accepted));
        last.unwrap()
    }

    /// Has the change proposed, and returns the rule that refuses it at once.
    pub(crate) fn refusal(&mut self, who: usize, change: Change) -> String {
        let envelope = self.proposing(who, change);
        self.world.refusal(&envelope)
    }

    pub(crate) fn proposal(&self, id: &Hash) -> Proposal {
        self.world.read(&keys::proposal(id)).unwrap()
    }

    pub(crate) fn decided(&self, id: &Hash) -> Option<DecisionKind> {
        self.proposal(id).decision.map(|decision| decision.kind)
    }

    pub(crate) fn member(&self, who: usize) -> Member {
        let key = keys::member(&self.members[who].did.scid());
        self.world.read(&key).unwrap()
    }

    pub(crate) fn standing(&self, who: usize) -> MemberStanding {
        self.member(who).standing()
    }

    pub(crate) fn validators(&self) -> ValidatorSet {
        self.world.read(keys::VALIDATORS).unwrap()
    }

    /// Registers a DID that is no member yet, sponsored by the first member.
    pub(crate) fn newcomer(&mut self, seed: u8) -> usize {
        let party = self.world.add(seed);
        self.members.push(party);
        self.members.len() - 1
    }

    pub(crate) fn admission(&self, who: usize) -> Admission {
        Admission {
            did: self.members[who].did,
            name: MemberName::parse("Fruit Co").unwrap(),
            role: Role::Member,
            quota: None,
        }
    }

    pub(crate) fn change_of(&self, who: usize) -> MemberChange {
        MemberChange {
            member: self.members[who].did,
        }
    }
}

pub(crate) fn set(validators: Vec<ValidatorChange>) -> Change {
    Change::SetValidators(ValidatorsChange { validators })
}

/// The new power of the validator that a founder runs.
pub(crate) fn power(founder: u8, power: u64) -> ValidatorChange {
    let seed = if founder == 0 { 1 } else { 10 + founder };
    ValidatorChange {
        public_key: key(seed, 9).public_key().clone(),
        power,
        member: None,
    }
}
