use super::super::super::fixtures::{genesis, key};
use super::*;
use std::os::unix::fs::PermissionsExt;

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
