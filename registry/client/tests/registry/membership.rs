//! Memberships proven offline, from a real ledger: what an authority believes, and what it refuses.

use chop_client::membership::{self, MembershipRefusal};
use chop_client::{LiveMember, Registry as _};
use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_proof::TrustRoot;
use chop_protocol::bundle::{MembershipBundle, MembershipBundleKind};
use chop_protocol::{Action, BindingTerms, SignedBinding, UnbindCertificate, keys, spki_hash};

use crate::ledger::TestLedger;

const START: i64 = 1_795_000_000_000;
const DAY: i64 = 24 * 3_600_000;

fn tls() -> PrivateKey {
    PrivateKey::from_seed(KeyType::P256, &[50; 32]).unwrap()
}

fn spki() -> Hash {
    spki_hash(tls().public_key()).unwrap()
}

async fn bundle(ledger: &TestLedger, member: &ChopDid) -> MembershipBundle {
    let scid = member.scid();
    let wanted = [
        keys::member(&scid),
        keys::did(&scid),
        keys::binding(&spki()),
    ];
    let bundle = MembershipBundle {
        kind: MembershipBundleKind::Membership,
        member: *member,
        spki: spki(),
        evidence: ledger.evidence(wanted).await,
    };
    let bytes = serde_json::to_vec(&bundle).unwrap();
    let read = MembershipBundle::parse(&bytes).unwrap();
    assert_eq!(read, bundle);
    read
}

fn verify(bundle: &MembershipBundle, root: &TrustRoot) -> Result<LiveMember, MembershipRefusal> {
    membership::verify(bundle, root, START + DAY / 2, DAY)
}

fn bind(ledger: &TestLedger) -> Action {
    let operator = ledger.operator();
    let tls = tls();
    let terms = BindingTerms {
        ledger: ledger.genesis_id(),
        member: operator.did,
        public_key: tls.public_key().clone(),
    };
    let value = terms.signed_by(&tls, &[&operator.update]).unwrap();
    Action::Bind(Box::new(SignedBinding::try_from(value).unwrap()))
}

#[tokio::test]
async fn a_live_member_is_shown_to_be_one_with_and_without_its_key() {
    let ledger = TestLedger::found(START);
    let operator = ledger.operator();
    let before = bundle(&ledger, &operator.did).await;
    let live = verify(&before, ledger.trust_root()).unwrap();
    assert_eq!(live.member.did, operator.did);
    assert!(live.binding.is_none());

    ledger.act(&operator, vec![bind(&ledger)]);
    let bound = bundle(&ledger, &operator.did).await;
    let live = verify(&bound, ledger.trust_root()).unwrap();
    assert_eq!(live.binding.unwrap().member, operator.did);
}

#[tokio::test]
async fn refuses_one_that_never_was_a_member() {
    let ledger = TestLedger::found(START);
    let stranger = ledger.create();
    let bundle = bundle(&ledger, &stranger.did).await;
    let refused = verify(&bundle, ledger.trust_root()).unwrap_err();
    assert!(matches!(refused, MembershipRefusal::NeverMember { .. }));
}

#[tokio::test]
async fn refuses_a_key_that_was_unbound() {
    let ledger = TestLedger::found(START);
    let operator = ledger.operator();
    ledger.act(&operator, vec![bind(&ledger)]);
    let unbind = UnbindCertificate { spki: spki() };
    ledger.act(&operator, vec![Action::Unbind(unbind)]);
    let bundle = bundle(&ledger, &operator.did).await;
    let refused = verify(&bundle, ledger.trust_root()).unwrap_err();
    assert!(matches!(
        refused,
        MembershipRefusal::KeySpent { ended: true, .. }
    ));
}

#[tokio::test]
async fn refuses_evidence_that_is_old_incomplete_changed_or_of_another_ledger() {
    let ledger = TestLedger::found(START);
    let operator = ledger.operator();
    let whole = bundle(&ledger, &operator.did).await;
    let root = ledger.trust_root();

    let old = membership::verify(&whole, root, START + 3 * DAY, DAY).unwrap_err();
    assert!(matches!(old, MembershipRefusal::TooOld { .. }), "{old}");

    for place in 0..3 {
        let mut incomplete = whole.clone();
        incomplete.evidence.proof.statements.remove(place);
        let refused = verify(&incomplete, root).unwrap_err();
        assert!(matches!(refused, MembershipRefusal::Incomplete { .. }));
    }

    let mut changed = whole.clone();
    let stated = changed.evidence.proof.statements[0].value.take().unwrap();
    changed.evidence.proof.statements[0].value = Some(stated.replace("since", "after"));
    let refused = verify(&changed, root).unwrap_err();
    assert!(matches!(refused, MembershipRefusal::Unproven(_)));

    let other = TestLedger::found(START + 1);
    let refused = verify(&whole, other.trust_root()).unwrap_err();
    assert!(matches!(refused, MembershipRefusal::OtherLedger { .. }));
}
