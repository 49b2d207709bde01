use std::fs;
use std::os::unix::fs::PermissionsExt;

use chop_keys::DataIntegrityInput;
use tempfile::TempDir;

use super::*;

/// Gives bytes that differ from call to call and from start to start.
fn numbered(start: u64) -> impl FnMut(&mut [u8]) {
    let mut state = start;
    move |bytes| {
        for byte in bytes {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56).to_le_bytes()[0];
        }
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned())
}

fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

fn new_store() -> (TempDir, Keystore) {
    let dir = TempDir::new().unwrap();
    let store = Keystore::open_or_create(dir.path(), &passphrase(), &mut numbered(1)).unwrap();
    (dir, store)
}

#[test]
fn a_sealed_secret_opens_in_its_store_for_its_purpose() {
    let (dir, store) = new_store();
    let sealed = store.seal("one", b"a secret", &mut numbered(2)).unwrap();
    let text = serde_json::to_string(&sealed).unwrap();
    assert!(!text.contains("a secret"));
    let sealed: SealedSecret = serde_json::from_str(&text).unwrap();
    let again = Keystore::open(dir.path(), &passphrase()).unwrap();
    assert_eq!(*again.unseal("one", &sealed).unwrap(), b"a secret");
    let (_folder, other) = {
        let dir = TempDir::new().unwrap();
        let store = Keystore::open_or_create(dir.path(), &passphrase(), &mut numbered(3));
        (dir, store.unwrap())
    };
    for refused in [again.unseal("two", &sealed), other.unseal("one", &sealed)] {
        assert!(matches!(refused, Err(KeystoreError::OtherSeal)));
    }
}

#[test]
fn gives_back_each_type_of_key_after_it_is_opened_again() {
    let (dir, store) = new_store();
    let mut random = numbered(2);
    for (text, key_type) in [
        ("ed", KeyType::Ed25519),
        ("p256", KeyType::P256),
        ("p384", KeyType::P384),
    ] {
        store.generate(&name(text), key_type, &mut random).unwrap();
    }

    let again = Keystore::open(dir.path(), &passphrase()).unwrap();

    let entries = again.list().unwrap();
    assert_eq!(entries, Keystore::list_public(dir.path()).unwrap());
    assert_eq!(
        entries
            .iter()
            .map(|entry| entry.key_type)
            .collect::<Vec<_>>(),
        [KeyType::Ed25519, KeyType::P256, KeyType::P384]
    );
    let key = again.load(&name("ed")).unwrap();
    let input = DataIntegrityInput::new(&[1; 32], &[2; 32]).unwrap();
    let signature = key.sign_credential(&input).unwrap();
    assert_eq!(
        entries[0]
            .public_key
            .verify(input.as_bytes(), signature.as_bytes()),
        Ok(())
    );
}

#[test]
fn says_that_the_passphrase_is_wrong() {
    let (dir, _store) = new_store();
    let wrong = Passphrase::new("correct horse battery stable".to_owned());

    assert!(matches!(
        Keystore::open(dir.path(), &wrong),
        Err(KeystoreError::WrongPassphrase)
    ));
    assert!(matches!(
        Keystore::open_or_create(dir.path(), &wrong, &mut numbered(3)),
        Err(KeystoreError::WrongPassphrase)
    ));
}

#[test]
fn refuses_an_empty_passphrase() {
    let dir = TempDir::new().unwrap();

    let opened = Keystore::open_or_create(
        dir.path(),
        &Passphrase::new(String::new()),
        &mut numbered(3),
    );

    assert!(matches!(opened, Err(KeystoreError::EmptyPassphrase)));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn says_that_there_is_no_store() {
    let dir = TempDir::new().unwrap();

    assert!(matches!(
        Keystore::open(dir.path(), &passphrase()),
        Err(KeystoreError::Missing { .. })
    ));
    assert!(matches!(
        Keystore::list_public(dir.path()),
        Err(KeystoreError::Missing { .. })
    ));
}

#[test]
fn never_overwrites_a_key() {
    let (dir, store) = new_store();
    store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    let before = fs::read(dir.path().join("a.key.json")).unwrap();

    let again = store.generate(&name("a"), KeyType::P256, &mut numbered(5));

    assert!(matches!(again, Err(KeystoreError::Exists { .. })));
    assert_eq!(fs::read(dir.path().join("a.key.json")).unwrap(), before);
    assert_eq!(
        files_in(&dir),
        ["a.key.json", "keystore.json"],
        "no temporary file is left"
    );
}

#[test]
fn keeps_files_and_directory_from_others() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("keys");
    let store = Keystore::open_or_create(&dir, &passphrase(), &mut numbered(1)).unwrap();
    store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("keystore.json")), 0o600);
    assert_eq!(mode(&dir.join("a.key.json")), 0o600);
}

#[test]
fn refuses_a_directory_that_others_may_write_to() {
    let (dir, _store) = new_store();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();

    assert!(matches!(
        Keystore::open(dir.path(), &passphrase()),
        Err(KeystoreError::Writable { mode: 0o777, .. })
    ));
}

#[test]
fn refuses_a_key_file_put_under_another_name() {
    let (dir, store) = new_store();
    store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    store
        .generate(&name("b"), KeyType::Ed25519, &mut numbered(5))
        .unwrap();
    let text = fs::read_to_string(dir.path().join("b.key.json")).unwrap();
    fs::write(dir.path().join("a.key.json"), &text).unwrap();
    assert!(matches!(
        store.load(&name("a")),
        Err(KeystoreError::Damaged { .. })
    ));

    // With the name in the file changed too, the seal does not open.
    fs::write(
        dir.path().join("a.key.json"),
        text.replace("\"name\": \"b\"", "\"name\": \"a\""),
    )
    .unwrap();
    let Err(KeystoreError::Damaged { reason, .. }) = store.load(&name("a")) else {
        panic!("loaded");
    };
    assert!(reason.contains("sealed secret"), "{reason}");
    assert!(store.list().is_err());
}

#[test]
fn refuses_a_secret_put_beside_another_public_key() {
    let (dir, store) = new_store();
    let a = store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    let b = store
        .generate(&name("b"), KeyType::Ed25519, &mut numbered(5))
        .unwrap();
    let path = dir.path().join("a.key.json");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(
        &path,
        text.replace(&a.public_key().multikey(), &b.public_key().multikey()),
    )
    .unwrap();

    assert!(matches!(
        store.load(&name("a")),
        Err(KeystoreError::Damaged { .. })
    ));
}

#[test]
fn refuses_a_key_file_of_another_store() {
    let (dir, store) = new_store();
    let other_dir = TempDir::new().unwrap();
    let other =
        Keystore::open_or_create(other_dir.path(), &passphrase(), &mut numbered(9)).unwrap();
    other
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    fs::copy(
        other_dir.path().join("a.key.json"),
        dir.path().join("a.key.json"),
    )
    .unwrap();

    assert!(matches!(
        store.load(&name("a")),
        Err(KeystoreError::Damaged { .. })
    ));
}

#[test]
fn refuses_truncated_files() {
    let (dir, store) = new_store();
    store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    for (file, at) in [
        ("a.key.json", 0),
        ("a.key.json", 100),
        ("keystore.json", 80),
    ] {
        let path = dir.path().join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..at]).unwrap();
        if file == "keystore.json" {
            assert!(matches!(
                Keystore::open_or_create(dir.path(), &passphrase(), &mut numbered(6)),
                Err(KeystoreError::Damaged { .. })
            ));
        } else {
            assert!(matches!(
                store.load(&name("a")),
                Err(KeystoreError::Damaged { .. })
            ));
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(store.load(&name("a")).is_ok());
}

#[test]
fn refuses_weakened_or_monstrous_derivation() {
    let (dir, _store) = new_store();
    let path = dir.path().join("keystore.json");
    let text = fs::read_to_string(&path).unwrap();
    for memory in ["8", "4000000000"] {
        fs::write(&path, text.replace("19456", memory)).unwrap();

        assert!(matches!(
            Keystore::open(dir.path(), &passphrase()),
            Err(KeystoreError::Derivation { .. })
        ));
    }
}

#[test]
fn makes_no_new_store_over_orphaned_keys() {
    let (dir, store) = new_store();
    store
        .generate(&name("a"), KeyType::Ed25519, &mut numbered(4))
        .unwrap();
    fs::remove_file(dir.path().join("keystore.json")).unwrap();

    assert!(matches!(
        Keystore::open_or_create(dir.path(), &passphrase(), &mut numbered(7)),
        Err(KeystoreError::Orphaned { .. })
    ));
}

#[test]
fn serves_two_openers_at_once() {
    let dir = TempDir::new().unwrap();
    let open = |seed: u64| {
        let path = dir.path().to_owned();
        std::thread::spawn(move || {
            let store =
                Keystore::open_or_create(&path, &passphrase(), &mut numbered(seed)).unwrap();
            store
                .generate(&name("shared"), KeyType::Ed25519, &mut numbered(seed + 100))
                .is_ok()
        })
    };
    let threads: Vec<_> = (1..=4).map(open).collect();

    let made = threads.into_iter().map(|thread| thread.join().unwrap());

    assert_eq!(
        made.filter(|made| *made).count(),
        1,
        "one of them makes the key"
    );
    let store = Keystore::open(dir.path(), &passphrase()).unwrap();
    assert!(store.load(&name("shared")).is_ok());
}

#[test]
fn refuses_a_random_source_that_gives_nothing() {
    let (_dir, store) = new_store();

    let made = store.generate(&name("a"), KeyType::Ed25519, &mut |_: &mut [u8]| {});

    assert!(matches!(made, Err(KeystoreError::Random(_))));
}

fn files_in(dir: &TempDir) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// A store made by the first version of the format, which every later one must open.
#[test]
fn opens_the_golden_store() {
    const STORE: &str = include_str!("golden/keystore.json");
    const KEY: &str = include_str!("golden/golden.key.json");
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("keystore.json"), STORE).unwrap();
    fs::write(dir.path().join("golden.key.json"), KEY).unwrap();

    let store = Keystore::open(dir.path(), &passphrase()).unwrap();

    let key = store.load(&name("golden")).unwrap();
    assert_eq!(key.secret_bytes().as_slice(), [7; 32]);
    // The same randomness writes the same bytes.
    let again = TempDir::new().unwrap();
    let store = Keystore::open_or_create(again.path(), &passphrase(), &mut numbered(1)).unwrap();
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
    store
        .import(&name("golden"), key, &mut numbered(2))
        .unwrap();
    let read = |file: &str| fs::read_to_string(again.path().join(file)).unwrap();
    assert_eq!(read("keystore.json"), STORE);
    assert_eq!(read("golden.key.json"), KEY);
}
