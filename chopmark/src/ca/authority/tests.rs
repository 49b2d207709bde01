use super::*;
use crate::ca::State;
use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_keys::PublicKey;
use x509_parser::extensions::ParsedExtension;

const NOW: i64 = 1_795_000_000_000;
const DID: &str = "did:chop:aaaaaaaaaaaaaaaa:aaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_seed(KEY_TYPE, &[byte; 32]).unwrap()
}

fn trust_root() -> TrustRoot {
    let validator = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    let public: PublicKey = validator.public_key().clone();
    let genesis = Hash::of("test", b"genesis").to_string();
    TrustRoot::new(&genesis, &[(public, 1)]).unwrap()
}

fn found(folder: &Path) -> Authority {
    let founding = Founding {
        name: "Fruit consortium",
        trust_root: &trust_root(),
        crl_url: Some("https://a.example/crl.pem"),
        days: 3650,
    };
    Authority::found(folder, &key(1), &founding, NOW).unwrap()
}

/// As if it had been issued: the evidence of memberships takes a ledger, and is tested with one.
fn issued(serial: &str, days: i64) -> Issued {
    Issued {
        serial: serial.to_owned(),
        member: ChopDid::parse(DID).unwrap(),
        spki: Hash::of("test", serial.as_bytes()),
        not_before: Timestamp::from_unix_ms(NOW),
        not_after: Timestamp::from_unix_ms(NOW + days * DAY_MS),
        revoked: None,
    }
}

#[test]
fn its_certificate_signs_certificates_and_lists_and_names_no_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let authority = found(folder.path());
    let der = crate::ca::der_of(authority.certificate().as_bytes()).unwrap();
    let (_, read) = X509Certificate::from_der(&der).unwrap();
    assert!(read.is_ca());
    let (mut basic, mut usage, mut names) = (false, false, false);
    for extension in read.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => {
                basic = extension.critical && found.path_len_constraint == Some(0);
            }
            // keyCertSign and cRLSign alone.
            ParsedExtension::KeyUsage(found) => usage = found.flags == 0b0110_0000,
            ParsedExtension::NameConstraints(found) => {
                names = extension.critical
                    && found.permitted_subtrees.is_none()
                    && found.excluded_subtrees.as_ref().unwrap().len() == 4;
            }
            _ => {}
        }
    }
    assert!(basic && usage && names, "{basic} {usage} {names}");
    assert_eq!(authority.until().unwrap().unix_ms(), NOW + 3650 * DAY_MS);
}

#[test]
fn one_process_has_it_open_and_a_folder_holds_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = found(folder.path());
    let second = Authority::open(folder.path());
    assert!(
        second
            .err()
            .unwrap()
            .to_string()
            .contains("another process")
    );
    drop(first);
    assert!(Authority::open(folder.path()).is_ok());
    let founding = Founding {
        name: "again",
        trust_root: &trust_root(),
        crl_url: None,
        days: 30,
    };
    assert!(Authority::found(folder.path(), &key(2), &founding, NOW).is_err());
    let empty = tempfile::tempdir().unwrap();
    assert!(Authority::open(empty.path()).is_err());
}

#[test]
fn a_list_holds_what_was_revoked_until_it_would_have_ended_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = found(folder.path());
    authority.index.issued = vec![issued("4a01", 30), issued("4a02", 30), issued("4a03", 2)];
    for serial in ["4A01", "4a03"] {
        let revoked = authority
            .revoke(serial, Reason::KeyCompromise, NOW)
            .unwrap();
        let now = Timestamp::from_unix_ms(NOW);
        assert_eq!(revoked.state_at(now), State::Revoked);
    }
    assert!(authority.revoke("4a01", Reason::Unspecified, NOW).is_err());
    assert!(authority.revoke("4aff", Reason::Unspecified, NOW).is_err());
    let listed = |authority: &mut Authority, now_ms: i64| {
        let (number, count, text) = authority.list_revoked(&key(1), 7, now_ms).unwrap();
        let der = crate::ca::der_of(text.as_bytes()).unwrap();
        let (_, read) = x509_parser::parse_x509_crl(&der).unwrap();
        let serials: Vec<_> = read
            .iter_revoked_certificates()
            .map(|revoked| HEXLOWER.encode(revoked.raw_serial()))
            .collect();
        assert_eq!(serials.len(), count);
        let (this, next) = (read.last_update(), read.next_update().unwrap());
        assert_eq!(next.timestamp() - this.timestamp(), 7 * 86_400);
        assert_eq!(read.crl_number().unwrap().to_string(), number.to_string());
        (number, serials)
    };
    assert_eq!(
        listed(&mut authority, NOW),
        (1, vec!["4a01".to_owned(), "4a03".to_owned()])
    );
    let later = NOW + 10 * DAY_MS;
    assert_eq!(listed(&mut authority, later), (2, vec!["4a01".to_owned()]));
    // Another key signs nothing in this one's name.
    assert!(authority.list_revoked(&key(2), 7, NOW).is_err());
    drop(authority);
    let again = Authority::open(folder.path()).unwrap();
    assert_eq!(again.index.crl_number, 2);
}

#[test]
fn a_certificate_is_renewable_in_its_last_third() {
    let issued = issued("4a01", 30);
    for (days, state) in [
        (0, State::Valid),
        (19, State::Valid),
        (20, State::Renewable),
        (30, State::Renewable),
        (31, State::Expired),
    ] {
        let now = Timestamp::from_unix_ms(NOW + days * DAY_MS);
        assert_eq!(issued.state_at(now), state, "{days}");
    }
}

#[test]
fn a_key_is_certified_again_unless_the_reason_of_a_revocation_speaks_against_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = found(folder.path());
    for (reason, is_spent) in [
        (Reason::Unspecified, true),
        (Reason::KeyCompromise, true),
        (Reason::Superseded, false),
        (Reason::AffiliationChanged, false),
        (Reason::CessationOfOperation, false),
        (Reason::PrivilegeWithdrawn, false),
    ] {
        authority.index.issued = vec![issued("4a01", 30)];
        authority.revoke("4a01", reason, NOW).unwrap();
        let spki = authority.index.issued[0].spki;
        assert_eq!(authority.index.is_spent(&spki), is_spent, "{reason:?}");
        // Neither does the revoked certificate hold on.
        let now = Timestamp::from_unix_ms(NOW);
        assert!(authority.index.holding(&spki, now).is_none());
    }
}
