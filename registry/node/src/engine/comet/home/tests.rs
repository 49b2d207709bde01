use super::super::super::fixtures::{genesis, key};
use super::keys::{VALIDATOR_KEY, VALIDATOR_STATE};
use super::*;
use chop_keys::Signer as _;
use std::os::unix::fs::PermissionsExt;

/// Where the folder's keys are said to be noted: beside it, as a keystore is.
fn used(path: &Path) -> PathBuf {
    path.with_extension("used")
}

fn prepare(path: &Path, seed: u8) -> Result<Home, HomeError> {
    let peering = Peering {
        listen: "127.0.0.1:26656".parse().unwrap(),
        external: None,
        peers: vec![format!("{}@127.0.0.1:26657", node_id(key(9).public_key()))],
        members: BTreeMap::new(),
        members_only: false,
    };
    let home = Home::open(path)?;
    home.prepare(&Content {
        genesis: &genesis(),
        handover: None,
        validator: &key(seed),
        used: &used(path),
        node: &key(8),
        peering: &peering,
    })?;
    Ok(home)
}

#[test]
fn writes_private_keys_for_their_owner_only_and_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cometbft");
    prepare(&path, 1).unwrap();
    for name in [VALIDATOR_KEY, "config/node_key.json"] {
        let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    prepare(&path, 1).unwrap();
    assert!(matches!(prepare(&path, 2), Err(HomeError::OtherKey { .. })));
}

#[test]
fn a_node_goes_by_another_key_when_it_is_given_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = prepare(folder.path(), 1).unwrap();
    let file = folder.path().join("config/node_key.json");
    let before = fs::read(&file).unwrap();
    home.write_node_key(&key(10)).unwrap();
    assert_ne!(fs::read(&file).unwrap(), before);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn refuses_a_used_key_without_the_height_that_it_last_signed() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), 1).unwrap();
    fs::remove_file(folder.path().join(VALIDATOR_STATE)).unwrap();
    assert!(matches!(
        prepare(folder.path(), 1),
        Err(HomeError::NoLastSigned { .. })
    ));
}

#[test]
fn refuses_a_used_key_whose_folder_is_gone_and_takes_it_with_what_it_signed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cometbft");
    prepare(&home, 1).unwrap();
    fs::remove_dir_all(&home).unwrap();
    // The keys came back without CometBFT's folder, or with a record that says nothing.
    let refused = prepare(&home, 1);
    assert!(matches!(refused, Err(HomeError::NoLastSigned { .. })));
    let state = home.join(VALIDATOR_STATE);
    fs::write(&state, r#"{"height":"0","round":0,"step":0}"#).unwrap();
    let refused = prepare(&home, 1);
    assert!(matches!(refused, Err(HomeError::SignedNothing { .. })));

    fs::write(&state, r#"{"height":"7","round":0,"step":3}"#).unwrap();
    prepare(&home, 1).unwrap();
    assert_eq!(last_signed(&home).unwrap(), Some(7));
    // A new key has signed nothing, whatever another one did.
    let new = folder.path().join("new");
    fs::copy(used(&home), used(&new)).unwrap();
    prepare(&new, 2).unwrap();
    assert_eq!(last_signed(&new).unwrap(), Some(0));
}

#[test]
fn takes_a_first_start_up_again_that_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cometbft");
    prepare(&home, 1).unwrap();
    fs::remove_file(used(&home)).unwrap();
    prepare(&home, 1).unwrap();
    fs::remove_file(used(&home)).unwrap();
    fs::remove_file(home.join(VALIDATOR_KEY)).unwrap();
    prepare(&home, 1).unwrap();
    assert_eq!(last_signed(&home).unwrap(), Some(0));
}

#[test]
fn raises_the_height_below_which_nothing_is_signed_and_never_lowers_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cometbft");
    assert_eq!(raise_last_signed(&home, 5).unwrap(), 5);
    assert_eq!(last_signed(&home).unwrap(), Some(5));
    assert_eq!(raise_last_signed(&home, 500).unwrap(), 500);
    assert_eq!(raise_last_signed(&home, 20).unwrap(), 500);
    assert_eq!(last_signed(&home).unwrap(), Some(500));
    // CometBFT signs at an equal height in a later round, and in a later step of one: there is none after these.
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(home.join(VALIDATOR_STATE)).unwrap()).unwrap();
    let expected = serde_json::json!({"height": "500", "round": 2_147_483_647, "step": 3});
    assert_eq!(record, expected);
    fs::write(home.join(VALIDATOR_STATE), "{}").unwrap();
    assert!(last_signed(&home).is_err());
}

#[test]
fn a_key_that_signed_nothing_here_is_looked_for_in_the_blocks_and_an_address_needs_no_slash() {
    let folder = tempfile::tempdir().unwrap();
    let home = prepare(&folder.path().join("cometbft"), 1).unwrap();
    let node = url::Url::parse("https://a.example/ledger").unwrap();
    let written = || {
        let settings = Settings {
            moniker: "it".to_owned(),
            sync: Some(StateSync {
                nodes: vec![node.clone()],
                trust_height: 5,
                trust_hash: [1; 32],
            }),
            peering: Peering {
                listen: "127.0.0.1:26656".parse().unwrap(),
                external: None,
                peers: Vec::new(),
                members: BTreeMap::new(),
                members_only: false,
            },
        };
        home.configure(&settings, 60_000, |_| false).unwrap();
        fs::read_to_string(home.path().join("config/config.toml")).unwrap()
    };
    let text = written();
    assert!(
        text.contains("double_sign_check_height = 10000\n"),
        "{text}"
    );
    let servers = "rpc_servers = \"https://a.example/ledger/v1/comet\"\n";
    assert!(text.contains(servers), "{text}");
    assert!(text.contains("temp_dir = \"data/statesync\"\n"), "{text}");
    raise_last_signed(home.path(), 9).unwrap();
    let text = written();
    assert!(text.contains("double_sign_check_height = 0\n"), "{text}");
}

#[test]
fn forgets_cometbfts_stores_and_never_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let home = prepare(&folder.path().join("cometbft"), 1).unwrap();
    for store in ["blockstore.db", "state.db", "cs.wal"] {
        let place = home.path().join("data").join(store);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("000001.log"), "blocks").unwrap();
    }
    home.forget_stores().unwrap();
    home.forget_stores().unwrap();
    let chunks = home.path().join(CHUNKS);
    home.forget_chunks().unwrap();
    fs::write(chunks.join("0"), "a chunk").unwrap();
    home.forget_chunks().unwrap();
    assert_eq!(fs::read_dir(&chunks).unwrap().count(), 0);
    fs::remove_dir(&chunks).unwrap();
    let left: Vec<_> = fs::read_dir(home.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["priv_validator_state.json"]);
}

#[test]
fn the_configuration_leaves_refused_peers_out() {
    let folder = tempfile::tempdir().unwrap();
    let home = prepare(folder.path(), 1).unwrap();
    let (kept, refused) = ("a".repeat(40), "b".repeat(40));
    let peers = [&kept, &refused]
        .map(|id| format!("{id}@127.0.0.1:1"))
        .to_vec();
    let settings = Settings {
        moniker: "it".to_owned(),
        sync: None,
        peering: Peering {
            listen: "127.0.0.1:26656".parse().unwrap(),
            external: None,
            peers,
            members: BTreeMap::new(),
            members_only: false,
        },
    };
    home.configure(&settings, 60_000, |id| id == refused)
        .unwrap();
    let text = fs::read_to_string(folder.path().join("config/config.toml")).unwrap();
    let line = format!("persistent_peers = \"{kept}@127.0.0.1:1\"\n");
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("filter_peers = true"));
}

#[test]
fn takes_peers_that_are_written_as_such_only() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    for good in [
        format!("{id}@10.0.0.1:26656"),
        format!("{id}@[::1]:1"),
        format!("{id}@a.example:80"),
    ] {
        check_peer(&good).unwrap();
    }
    for bad in [
        String::new(),
        "10.0.0.1:26656".to_owned(),
        format!("{id}@10.0.0.1"),
        format!("{id}@10.0.0.1:0"),
        format!("{id}@:26656"),
        format!("{}@10.0.0.1:26656", &id[1..]),
        format!("{id}@x\"\npex = true:1"),
        format!("{id}@a,{id}@b:1"),
    ] {
        assert!(check_peer(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_socket_in_a_deep_folder_has_a_short_path_still() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a".repeat(60)).join("b".repeat(60));
    let home = prepare(&deep, 1).unwrap();
    let socket = home.socket("abci.sock");
    assert!(socket.as_os_str().len() <= MAX_SOCKET_PATH);
    std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(deep.join("abci.sock").exists());
}
