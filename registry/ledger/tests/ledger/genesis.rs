use super::world::{World, consortium, genesis};
use chop_ledger::genesis_state;
use chop_protocol::{
    GenesisTerms, Governance, LedgerGenesis, LedgerRecord, Member, Parameters, Threshold,
    ValidatorSet, keys,
};

#[test]
fn a_ledger_begins_with_its_founders_as_live_members() {
    let world = World::founded(Parameters::default());
    let founder = world.founder.did;

    let record: LedgerRecord = world.read(keys::LEDGER).unwrap();
    let member: Member = world.read(&keys::member(&founder.scid())).unwrap();

    assert_eq!(record.id, world.ledger());
    assert_eq!(founder.ledger(), world.ledger().short());
    assert_eq!((member.did, member.height), (founder, 0));
    assert!(world.did(&founder).invokes(
        chop_keys::Signer::public_key(&world.founder.act),
        world.now()
    ));
    assert_eq!(
        world.read::<Parameters>(keys::PARAMETERS),
        Some(Parameters::default())
    );
    assert_eq!(world.state.0.len(), 5);
}

#[test]
fn every_word_of_the_genesis_is_in_the_ledger_id() {
    let genesis = genesis(Parameters::default());
    let change = |edit: fn(&mut GenesisTerms)| {
        let mut terms = genesis.terms().clone();
        edit(&mut terms);
        LedgerGenesis::try_from(terms).unwrap().id()
    };
    assert_eq!(change(|_| ()), genesis.id());
    let ids = [
        genesis.id(),
        change(|terms| terms.time = terms.time.plus_ms(1)),
        change(|terms| terms.nonce = chop_protocol::Nonce::new([1; 16])),
        change(|terms| terms.validators[0].power += 1),
        change(|terms| terms.parameters.heartbeat_ms += 1),
        change(|terms| terms.founders[0]["nonce"] = "00112233445566778899aabbccddeeff".into()),
    ];
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
}

#[test]
fn a_genesis_survives_its_file() {
    let genesis = genesis(Parameters::default());
    let bytes = genesis.canonical_bytes().unwrap();
    let read = LedgerGenesis::parse(&bytes).unwrap();
    assert_eq!(read, genesis);
    assert_eq!(
        genesis_state(&read).unwrap(),
        genesis_state(&genesis).unwrap()
    );
}

#[test]
fn refuses_a_genesis_that_no_ledger_could_live_with() {
    let genesis = genesis(Parameters::default());
    let refused = |edit: fn(&mut GenesisTerms)| {
        let mut terms = genesis.terms().clone();
        edit(&mut terms);
        LedgerGenesis::try_from(terms).unwrap_err().to_string()
    };
    assert!(refused(|terms| terms.chain_version = 2).contains("chain version 2"));
    assert!(refused(|terms| terms.founders.clear()).contains("founders"));
    assert!(refused(|terms| terms.founders.push(terms.founders[0].clone())).contains("founders"));
    assert!(refused(|terms| terms.validators.clear()).contains("validators"));
    assert!(
        refused(|terms| terms.validators.push(terms.validators[0].clone())).contains("validators")
    );
    assert!(refused(|terms| terms.validators[0].power = 0).contains("validators"));
    let p256 = |terms: &mut GenesisTerms| {
        let seed = [3; 32];
        let key = chop_keys::PrivateKey::from_seed(chop_keys::KeyType::P256, &seed).unwrap();
        terms.validators[0].public_key = chop_keys::Signer::public_key(&key).clone();
    };
    assert!(refused(p256).contains("validators"));
    assert!(refused(|terms| terms.parameters.block_work = 100).contains("blockWork"));
    assert!(
        refused(|terms| terms.parameters.max_envelope_life_ms = 86_400_001)
            .contains("maxEnvelopeLifeMs")
    );
    assert!(refused(|terms| terms.founders[0]["ledger"] = "x".into()).contains("founder 0"));
}

#[test]
fn a_consortium_begins_with_the_validators_that_its_founders_run() {
    let genesis = consortium(&[1, 11, 12]);
    let world = World::of(genesis.clone());
    let set: ValidatorSet = world.read(keys::VALIDATORS).unwrap();
    let operators: Vec<_> = genesis
        .terms()
        .validators
        .iter()
        .map(|validator| set.find(&validator.public_key).unwrap().member)
        .collect();
    let founders: Vec<_> = genesis
        .founders()
        .iter()
        .map(chop_did::Genesis::did)
        .collect();
    assert_eq!(operators, founders);
    assert_eq!(
        world.read::<Governance>(keys::GOVERNANCE),
        None,
        "the default"
    );

    let mut terms = genesis.terms().clone();
    let governance = Governance {
        admission: Threshold::Majority,
        ..Governance::default()
    };
    terms.consortium.as_mut().unwrap().governance = Some(governance);
    let world = World::of(LedgerGenesis::try_from(terms).unwrap());
    assert_eq!(world.read(keys::GOVERNANCE), Some(governance));
}

#[test]
fn refuses_validators_that_no_founder_runs() {
    let genesis = consortium(&[1, 11]);
    for operators in [vec![], vec![0], vec![0, 2], vec![0, 1, 1]] {
        let mut terms = genesis.terms().clone();
        terms.consortium.as_mut().unwrap().operators = operators.clone();
        let error = LedgerGenesis::try_from(terms).unwrap_err().to_string();
        assert!(error.contains("2 validators"), "{operators:?}: {error}");
    }
}
