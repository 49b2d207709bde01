//! Whose nodes are connected, and whom a block convicts.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, Document, Genesis, KeySet, Relationship, UpdateKeys};
use chop_keys::Signer as _;
use chop_protocol::governance::{Admission, MemberChange};
use chop_protocol::{
    BindingTerms, Change, MemberName, Propose, Role, SignedBinding, UnbindCertificate, spki_hash,
};

use super::super::super::home::node_id;
use super::*;

/// What the nodes of the tests are told: of key 7 where it is, of key 6 that it is the second member's.
pub(super) fn peering(members_only: bool) -> Peering {
    Peering {
        listen: "127.0.0.1:26656".parse().unwrap(),
        external: None,
        peers: vec![format!("{}@127.0.0.1:26657", node(7))],
        members: BTreeMap::from([(node(6), second().did())]),
        members_only,
    }
}

fn node(seed: u8) -> String {
    node_id(key(seed).public_key())
}

/// The organisation that becomes a member beside the founder: key 12 acts, key 13 updates.
fn second() -> Genesis {
    let document = Document::empty()
        .with_key(
            "#key-1",
            key(12).public_key(),
            &[Relationship::CapabilityInvocation],
        )
        .unwrap();
    let update = UpdateKeys {
        current: KeySet::new([key(13).public_key().clone()], 1).unwrap(),
        next: None,
    };
    GenesisDraft::own_keys(Class::Service, update, [2; 16])
        .with_document(document)
        .build(&genesis().id())
        .unwrap()
}

/// A member's word that a node's key is its own, signed by its update key.
pub(super) fn binding(member: ChopDid, updates: u8, node: u8) -> Action {
    let terms = BindingTerms {
        ledger: genesis().id(),
        member,
        public_key: key(node).public_key().clone(),
    };
    let signed = terms.signed_by(&key(node), &[&key(updates)]).unwrap();
    Action::Bind(Box::new(SignedBinding::try_from(signed).unwrap()))
}

/// Asks as CometBFT asks about a peer.
pub(super) fn lets_in(app: &App, seed: u8) -> bool {
    let asked = format!("/p2p/filter/id/{}", node(seed));
    app.query(&asked).unwrap().code == 0
}

/// A node with a clock, and blocks of one envelope.
struct Node {
    app: App,
    clock: TestClock,
    height: i64,
    _folder: tempfile::TempDir,
}

impl Node {
    fn new(members_only: bool) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
        Self {
            app: open_among(folder.path(), &peering(members_only), &clock),
            clock,
            height: 0,
            _folder: folder,
        }
    }

    /// With the second member.
    fn of_two() -> Self {
        let mut node = Self::new(false);
        let create = build::create(&second()).signed_by(&[&key(13)]).unwrap();
        node.act(founder(), 2, Action::Did(Box::new(create)));
        node.propose(Change::Admit(Admission {
            did: second().did(),
            name: MemberName::parse("Second").unwrap(),
            // One without a vote, whom the only voter may put out.
            role: Role::Supervisor,
            quota: None,
        }));
        node
    }

    /// Commits a block with an envelope of one action, signed by the key of this seed.
    fn act(&mut self, actor: ChopDid, seed: u8, action: Action) {
        self.height += 1;
        let n = u8::try_from(self.height).unwrap();
        let signed = acting_as((actor, seed), n, action);
        let answer = decide(&self.app, self.height, vec![tx(&[&signed])]);
        assert_eq!(codes(&answer), [0], "{answer:?}");
    }

    fn propose(&mut self, change: Change) {
        let propose = Propose { change, note: None };
        self.act(founder(), 2, Action::Propose(Box::new(propose)));
    }

    fn bind(&mut self, member: ChopDid, (acts, updates): (u8, u8), node: u8) {
        self.act(member, acts, binding(member, updates, node));
    }

    fn unbind(&mut self, node: u8) {
        let spki = spki_hash(key(node).public_key()).unwrap();
        self.act(founder(), 2, Action::Unbind(UnbindCertificate { spki }));
    }

    fn standing(&self, seed: u8) -> Guest {
        let view = self.app.shared.view();
        self.app.guests.standing(&view, &node(seed)).unwrap()
    }

    fn lets_in(&self, seed: u8) -> bool {
        lets_in(&self.app, seed)
    }

    /// Has the last block come an hour ago.
    fn falls_behind(&self) {
        let ago = Instant::now().checked_sub(Duration::from_hours(1));
        *self.app.shared.beat.lock().unwrap() = ago.unwrap();
    }
}

#[test]
fn a_node_whose_key_was_unbound_is_connected_no_longer() {
    let mut world = Node::new(false);
    assert!(world.lets_in(8));
    world.bind(founder(), (2, 3), 8);
    assert!(world.lets_in(8));
    world.unbind(8);
    assert!(!world.lets_in(8));
    // Its member decides that alone, so it is no reason to start CometBFT again.
    assert_eq!(world.standing(8), Guest::Unbound);
    // Others are not meant, and addresses say nothing.
    for seed in [6, 7, 9] {
        assert!(world.lets_in(seed), "{seed}");
    }
    let address = world.app.query("/p2p/filter/addr/127.0.0.1:1").unwrap();
    assert_eq!(address.code, 0);
    assert_eq!(world.app.query("/state").unwrap().code, REFUSED);
}

#[test]
fn a_closed_node_lets_in_whom_it_was_told_of_and_whom_the_ledger_knows() {
    let mut world = Node::new(true);
    let lets_in = |world: &Node| [6, 7, 8, 9].map(|seed| world.lets_in(seed));
    assert_eq!(lets_in(&world), [true, true, false, false]);
    world.bind(founder(), (2, 3), 8);
    assert_eq!(lets_in(&world), [true, true, true, false]);
    world.bind(founder(), (2, 3), 9);
    assert_eq!(lets_in(&world), [true, true, true, true]);
    // However old its state is.
    world.falls_behind();
    assert!(world.app.shared.is_behind());
    assert!(!world.lets_in(10));
}

#[test]
fn a_suspended_and_a_removed_members_nodes_have_gone_whether_told_or_bound() {
    let mut world = Node::of_two();
    let member = second().did();
    world.bind(member, (12, 13), 18);
    let standing = |world: &Node| [6, 18, 7].map(|seed| world.standing(seed));
    let (all, gone) = (
        [Guest::Welcome; 3],
        [Guest::Gone, Guest::Gone, Guest::Welcome],
    );
    assert_eq!(standing(&world), all);
    world.propose(Change::Suspend(MemberChange { member }));
    assert_eq!(standing(&world), gone);
    assert!(!world.lets_in(6) && !world.lets_in(18));
    world.propose(Change::Reinstate(MemberChange { member }));
    assert_eq!(standing(&world), all);
    world.propose(Change::Remove(MemberChange { member }));
    assert_eq!(standing(&world), gone);
    assert!(!world.lets_in(6) && !world.lets_in(18));
}

#[test]
fn a_node_that_is_behind_keeps_out_nobody_whom_newer_blocks_may_have_let_in() {
    let mut world = Node::of_two();
    let member = second().did();
    world.propose(Change::Suspend(MemberChange { member }));
    world.bind(founder(), (2, 3), 8);
    world.unbind(8);
    assert!(!world.lets_in(6) && !world.lets_in(8));
    world.falls_behind();
    assert!(world.lets_in(6) && world.lets_in(8));
    // CometBFT starts, and the first block that it brings is not the newest.
    world.app.shared.starts();
    world.propose(Change::Reinstate(MemberChange { member }));
    world.propose(Change::Suspend(MemberChange { member }));
    assert!(world.lets_in(6) && world.lets_in(8));
    world.app.shared.catching_up.store(false, Ordering::Relaxed);
    assert!(!world.lets_in(6) && !world.lets_in(8));
    // One that was away for a moment is not behind.
    world.app.shared.starts();
    assert!(!world.lets_in(6) && !world.lets_in(8));
}

#[test]
fn a_wrong_clock_lets_in_nobody_who_has_gone() {
    let mut world = Node::of_two();
    let member = second().did();
    world.propose(Change::Suspend(MemberChange { member }));
    world.clock.advance(3_600_000);
    assert!(!world.app.shared.is_current());
    assert!(!world.lets_in(6));
}

#[test]
fn a_node_that_was_away_for_long_is_behind_until_cometbft_has_caught_up() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    clock.advance(3_600_000);
    let app = open_among(folder.path(), &peering(false), &clock);
    assert!(app.shared.is_behind());
    app.shared.catching_up.store(false, Ordering::Relaxed);
    assert!(!app.shared.is_behind());
}

#[test]
fn a_block_is_of_now_for_a_heartbeat_more_than_none_may_come() {
    let world = Node::of_two();
    let heartbeat_ms = genesis().terms().parameters.heartbeat_ms;
    // Its header time is one behind the clock for every block.
    world
        .clock
        .advance(4 * heartbeat_ms + 10_000 + 1_000 * world.height);
    assert!(world.app.shared.is_current());
    world.clock.advance(1_000);
    assert!(!world.app.shared.is_current());
}

#[test]
fn a_state_from_before_a_snapshot_does_not_say_all_who_are_bound() {
    let mut world = Node::new(true);
    let guests = Guests::new(&peering(true));
    let before = world.app.shared.view();
    world.bind(founder(), (2, 3), 8);
    let after = world.app.shared.view();
    guests.forget(after.last_block());
    assert_eq!(guests.standing(&before, &node(8)).unwrap(), Guest::Stranger);
    assert_eq!(guests.standing(&after, &node(8)).unwrap(), Guest::Welcome);
}

#[test]
fn every_block_tells_of_a_conviction_however_old_it_is() {
    let world = Node::new(false);
    let mut heard = world.app.shared.offences.subscribe();
    let convicting = |height| {
        let mut block = block(height, Vec::new());
        block.misbehavior = vec![pb::Misbehavior {
            validator: Some(pb::Validator {
                address: vec![5; 20].into(),
                power: 1,
            }),
            height: 1,
            ..pb::Misbehavior::default()
        }];
        block
    };
    world.app.finalize(&convicting(1)).unwrap();
    world.app.commit().unwrap();
    assert_eq!(heard.try_recv().unwrap().address, [5; 20]);
    world.clock.advance(3_600_000);
    // As the first one after an outage is: its time is that of the votes before.
    world.app.finalize(&convicting(2)).unwrap();
    assert_eq!(heard.try_recv().unwrap().reported, 2);
}
