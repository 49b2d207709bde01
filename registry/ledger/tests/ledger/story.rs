//! A generated story: parties ask for things in any order, and what must hold is checked after every step.

use super::schemas::{deprecate, publish, reference, schema};
use super::world::{Party, World, document};
use chop_did::{ChopDid, build};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{
    Accredit, Accreditation, Action, AnchorCredential, AnchorStatus, CredentialType,
    ExecutionResult, Jurisdiction, ReinstateAccreditation, RevocationReason, RevokeAccreditation,
    Schema, SchemaName, SchemaVersion, SetStatus, SignedEnvelope, Standing, SuspendAccreditation,
    accreditation_id, anchor_digest, keys,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use std::collections::BTreeMap;

/// How many act in a story: the founder, who sponsors, and three others.
const PARTIES: usize = 4;

/// One step; indices pick among what exists by then.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Accredit(Index, Grant),
    Switch(Index, Index, Switch),
    Anchor(Index, u8, Option<Index>),
    SetStatus(Index, u8, AnchorStatus),
    Update(Index, Index),
    Deactivate(Index),
    Product(Index, u16),
    Publish(Index, u8, (u8, u8), u8),
    Deprecate(Index, u8, (u8, u8), bool),
    Replay(Index),
    Wait(i64),
}

/// What is granted: subject, parent, depth, place, and milliseconds until its end.
type Grant = (Index, Option<Index>, u8, Option<&'static str>, Option<i64>);

/// What happens to an accreditation, and how many milliseconds ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch {
    Suspend(Option<i64>),
    Reinstate(Option<i64>),
    Revoke(Option<i64>),
    Void,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let ahead = || proptest::option::of(0..20_000_i64);
    let until = proptest::option::weighted(0.3, 0..200_000_i64);
    let place = proptest::option::weighted(0.3, prop_oneof![Just("CN"), Just("CN-SN"), Just("NZ")]);
    let parent = proptest::option::weighted(0.6, index());
    let grant = (index(), parent, 0..5_u8, place, until);
    let switch = prop_oneof![
        3 => ahead().prop_map(Switch::Suspend),
        2 => ahead().prop_map(Switch::Reinstate),
        2 => ahead().prop_map(Switch::Revoke),
        1 => Just(Switch::Void),
    ];
    let status = prop_oneof![
        Just(AnchorStatus::Live),
        Just(AnchorStatus::Suspended),
        Just(AnchorStatus::Revoked)
    ];
    prop_oneof![
        24 => (index(), grant).prop_map(|(by, grant)| Step::Accredit(by, grant)),
        14 => (index(), index(), switch).prop_map(|(by, which, switch)| Step::Switch(by, which, switch)),
        4 => (index(), 0..4_u8, proptest::option::of(index()))
            .prop_map(|(by, text, subject)| Step::Anchor(by, text, subject)),
        4 => (index(), 0..4_u8, status).prop_map(|(by, text, status)| Step::SetStatus(by, text, status)),
        4 => (index(), index()).prop_map(|(by, who)| Step::Update(by, who)),
        1 => index().prop_map(Step::Deactivate),
        2 => (index(), 0..3_u16).prop_map(|(by, nonce)| Step::Product(by, nonce)),
        6 => (index(), 0..2_u8, (1..3_u8, 0..4_u8), 0..8_u8)
            .prop_map(|(by, name, version, grades)| Step::Publish(by, name, version, grades)),
        2 => (index(), 0..2_u8, (1..3_u8, 0..4_u8), any::<bool>())
            .prop_map(|(by, name, version, replaced)| Step::Deprecate(by, name, version, replaced)),
        2 => index().prop_map(Step::Replay),
        2 => (0..30_000_i64).prop_map(Step::Wait),
        1 => (0..100_000_000_i64).prop_map(Step::Wait),
    ]
}

/// A world in which a story is told, and what is remembered of it.
pub(crate) struct Story {
    world: World,
    parties: Vec<Party>,
    granted: Vec<Hash>,
    told: Vec<SignedEnvelope>,
    history: BTreeMap<String, Vec<u8>>,
    judged: Vec<(Hash, Timestamp, Standing)>,
}

impl Story {
    pub(crate) fn begin() -> Self {
        let mut world = World::new();
        let ledger = world.ledger();
        let mut parties = vec![Party::new(1, &ledger), Party::new(2, &ledger)];
        parties.extend([world.add(3), world.add(4)]);
        let (granted, told, judged) = (vec![], vec![], vec![]);
        Self {
            world,
            parties,
            granted,
            told,
            history: BTreeMap::new(),
            judged,
        }
    }

    pub(crate) fn tell(&mut self, step: &Step) {
        match step {
            Step::Wait(ms) => self.world.time = self.world.time.plus_ms(*ms),
            Step::Replay(_) if self.told.is_empty() => {}
            Step::Replay(which) => self.execute(which.get(&self.told).clone(), false),
            _ => {
                let (actor, action) = self.action(step);
                let grants = matches!(action, Action::Accredit(_));
                let envelope = self.ask(actor, action);
                self.execute(envelope, grants);
            }
        }
    }

    /// A replay of all blocks reaches the same root and the same state.
    pub(crate) fn check_replay(&self) {
        let again = self.world.replayed();
        assert_eq!(again.root, self.world.root);
        assert_eq!(again.state, self.world.state);
    }

    fn ask(&mut self, actor: usize, action: Action) -> SignedEnvelope {
        let envelope = self.world.envelope(self.parties[actor].did, vec![action]);
        let (act, sponsor) = (&self.parties[actor].act, &self.parties[0].act);
        if actor == 0 {
            envelope.sign(&[sponsor])
        } else {
            envelope.sign(&[act, sponsor])
        }
        .unwrap()
    }

    /// Who does what in a step that is an action.
    fn action(&self, step: &Step) -> (usize, Action) {
        let party = |index: &Index| index.index(PARTIES);
        match step {
            Step::Accredit(by, grant) => self.grant(by.index(PARTIES), *grant),
            Step::Switch(by, which, switch) => {
                let id = self.pick(*which);
                let accreditor = self.stored(&id).filter(|_| by.index(4) > 0);
                let by = accreditor.map_or(party(by), |granted| self.place(&granted.accreditor));
                (by, self.switch(id, *switch))
            }
            Step::Anchor(by, text, subject) => {
                let subject = subject.map(|subject| self.parties[party(&subject)].did);
                let digest = anchor_digest(&[*text]);
                let body = AnchorCredential {
                    digest,
                    credential_type: None,
                    subject,
                };
                (party(by), Action::Anchor(body))
            }
            Step::SetStatus(by, text, status) => {
                let body = SetStatus {
                    digest: anchor_digest(&[*text]),
                    status: *status,
                };
                (party(by), Action::SetStatus(body))
            }
            Step::Update(by, who) => {
                let who = &self.parties[party(who)];
                let draft = build::update(&self.world.did(&who.did), &document(&who.act));
                (
                    party(by),
                    Action::Did(Box::new(draft.signed_by(&[&who.update]).unwrap())),
                )
            }
            Step::Deactivate(who) => {
                // The sponsor stays, or nothing else could be told.
                let who = &self.parties[1 + who.index(PARTIES - 1)];
                let draft = build::deactivate(&self.world.did(&who.did));
                (
                    0,
                    Action::Did(Box::new(draft.signed_by(&[&who.update]).unwrap())),
                )
            }
            Step::Product(by, nonce) => (
                party(by),
                self.world.product(by.get(&self.parties), *nonce).1,
            ),
            Step::Publish(by, name, version, grades) => {
                // Each bit is a grade that the schema allows: half of the successors allow less.
                let allowed: Vec<u8> = (0..3).filter(|bit| grades & (1 << bit) != 0).collect();
                let body = schema(json!({"properties": {"grade": {"enum": allowed}}}));
                (
                    party(by) % 2,
                    publish(&schema_name(*name), &number(*version), &body),
                )
            }
            Step::Deprecate(by, name, version, replaced) => {
                let successor = replaced.then(|| reference(&schema_name(1 - name), "1.0.0"));
                let action = deprecate(&schema_name(*name), &number(*version), successor);
                (party(by) % 2, action)
            }
            Step::Replay(_) | Step::Wait(_) => unreachable!("told without an action"),
        }
    }

    fn grant(&self, by: usize, (subject, parent, depth, place, until): Grant) -> (usize, Action) {
        let body = Accredit {
            subject: subject.get(&self.parties).did,
            credential_type: CredentialType::parse("QualityInspection").unwrap(),
            jurisdiction: place.map(|code| Jurisdiction::parse(code).unwrap()),
            valid_from: None,
            valid_until: until.map(|ms| self.world.now().plus_ms(ms)),
            depth,
            parent: parent.map(|parent| self.pick(parent)),
        };
        // Half of the grants are asked for by one who may make them, or hardly any would succeed.
        if !by.is_multiple_of(2) {
            return (by, Action::Accredit(body));
        }
        let Some(parent) = body.parent.and_then(|id| self.stored(&id)) else {
            return (
                0,
                Action::Accredit(Accredit {
                    parent: None,
                    ..body
                }),
            );
        };
        let body = Accredit {
            jurisdiction: body.jurisdiction.or(parent.jurisdiction),
            valid_until: body.valid_until.or(parent.valid_until),
            depth: depth.min(parent.depth.saturating_sub(1)),
            ..body
        };
        (self.place(&parent.subject), Action::Accredit(body))
    }

    fn switch(&self, accreditation: Hash, switch: Switch) -> Action {
        let at = |ahead: Option<i64>| ahead.map(|ms| self.world.now().plus_ms(ms));
        let revoke = |effective, reason| {
            Action::RevokeAccreditation(RevokeAccreditation {
                accreditation,
                effective,
                reason,
            })
        };
        match switch {
            Switch::Suspend(ahead) => {
                let body = SuspendAccreditation {
                    accreditation,
                    effective: at(ahead),
                };
                Action::SuspendAccreditation(body)
            }
            Switch::Reinstate(ahead) => {
                let body = ReinstateAccreditation {
                    accreditation,
                    effective: at(ahead),
                };
                Action::ReinstateAccreditation(body)
            }
            Switch::Revoke(ahead) => revoke(at(ahead), RevocationReason::Forward),
            Switch::Void => revoke(None, RevocationReason::AbInitio),
        }
    }

    fn pick(&self, which: Index) -> Hash {
        if self.granted.is_empty() {
            anchor_digest(b"nothing")
        } else {
            *which.get(&self.granted)
        }
    }

    fn execute(&mut self, envelope: SignedEnvelope, grants: bool) {
        let before = self.world.state.clone();
        let repeated = self.told.iter().any(|told| told.hash() == envelope.hash());
        let executed = self.world.block(std::slice::from_ref(&envelope));
        let written = |prefix: &str| {
            executed
                .delta
                .iter()
                .filter(|(key, value)| value.is_some() && key.starts_with(prefix))
                .count()
        };
        match &executed.outcomes[0].result {
            ExecutionResult::Committed => {
                assert!(!repeated, "a replay took effect");
                if grants {
                    self.granted.push(accreditation_id(&envelope.hash(), 0));
                }
            }
            ExecutionResult::Refused { rule, settled, .. } => {
                let all = written("");
                let marks = written(keys::NONCES) + written(keys::QUOTAS);
                assert_eq!(all, marks, "{rule} left something behind");
                assert_eq!(all, if *settled { 2 } else { 0 }, "{rule}");
            }
        }
        self.told.push(envelope);
        assert_eq!(
            before.0.get(keys::LEDGER),
            self.world.state.0.get(keys::LEDGER)
        );
        self.check_history();
        self.check_schemas(&before.0);
        self.check_scopes();
        self.check_standings();
    }

    /// A version once written stays as it is.
    fn check_history(&mut self) {
        for (key, value) in &self.history {
            assert_eq!(self.world.state.0.get(key), Some(value), "{key} changed");
        }
        let versions = self
            .world
            .state
            .0
            .iter()
            .filter(|(key, _)| key.starts_with("did/") && key.matches('/').count() == 2);
        self.history
            .extend(versions.map(|(key, value)| (key.clone(), value.clone())));
    }

    /// A document and what a version says of it never change; a version is deprecated at most once; within a major version
    /// no grade is lost.
    fn check_schemas(&self, before: &BTreeMap<String, Vec<u8>>) {
        let now = &self.world.state.0;
        for (key, value) in before.iter().filter(|(key, _)| key.starts_with("schema")) {
            if key.starts_with("schema-body/") {
                assert_eq!(now.get(key), Some(value), "{key} changed");
            } else if key.starts_with("schema-version/") {
                let was: SchemaVersion = serde_json::from_slice(value).unwrap();
                let mut is: SchemaVersion = self.world.read(key).unwrap();
                if was.deprecated.is_none() {
                    is.deprecated = None;
                }
                assert_eq!(is, was);
            }
        }
        for name in [schema_name(0), schema_name(1)] {
            let name = SchemaName::parse(&name).unwrap();
            let Some(schema) = self.world.read::<Schema>(&keys::schema(&name)) else {
                continue;
            };
            let grades = |version| -> Vec<u64> {
                let record: SchemaVersion = self
                    .world
                    .read(&keys::schema_version(&name, version))
                    .unwrap();
                let body: serde_json::Value =
                    self.world.read(&keys::schema_body(&record.digest)).unwrap();
                serde_json::from_value(body["properties"]["grade"]["enum"].clone()).unwrap()
            };
            for pair in schema.versions.windows(2) {
                assert!(pair[0] < pair[1]);
                let (old, new) = (grades(&pair[0]), grades(&pair[1]));
                let kept = old.iter().all(|grade| new.contains(grade));
                assert!(kept || pair[0].major < pair[1].major);
            }
        }
    }

    /// A scope never widens down a chain, and a chain ends at a member.
    fn check_scopes(&self) {
        for id in &self.granted {
            let granted = self.stored(id).unwrap();
            match granted.parent {
                Some(parent) => {
                    let parent = self.stored(&parent).unwrap();
                    parent.admits(&granted).unwrap();
                    assert_eq!(parent.subject, granted.accreditor);
                }
                None => assert_eq!(granted.accreditor, self.world.founder.did),
            }
        }
    }

    /// What was said about the past stands, unless it was voided from the beginning.
    fn check_standings(&mut self) {
        for (id, at, standing) in &self.judged {
            let now = self.standing(id, *at);
            assert!(
                now == *standing || now == Standing::Voided,
                "{standing:?} became {now:?}"
            );
        }
        // A later act of the same block may still change what holds at the block's own time, so the past begins before it.
        let past = self.world.time.minus_ms(1);
        let judged: Vec<_> = self
            .granted
            .iter()
            .map(|id| (*id, past, self.standing(id, past)))
            .collect();
        self.judged.extend(judged);
    }

    fn stored(&self, id: &Hash) -> Option<Accreditation> {
        self.world.read(&keys::accreditation(id))
    }

    fn place(&self, did: &ChopDid) -> usize {
        self.parties
            .iter()
            .position(|party| party.did == *did)
            .unwrap()
    }

    fn standing(&self, id: &Hash, at: Timestamp) -> Standing {
        let granted = self.stored(id).unwrap();
        let mut chain = vec![];
        let mut next = granted.parent;
        while let Some(parent) = next {
            let parent = self.stored(&parent).unwrap();
            next = parent.parent;
            chain.push(parent);
        }
        granted.liveness_at(at, &chain).standing
    }
}

fn schema_name(n: u8) -> String {
    format!("schema-{n}")
}

fn number((major, minor): (u8, u8)) -> String {
    format!("{major}.{minor}.0")
}
