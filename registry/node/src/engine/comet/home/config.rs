//! What CometBFT is started with: its genesis document and its configuration.

use chop_integrity::Timestamp;
use chop_proof::build::BLOCK_MAX_BYTES;
use chop_proof::{LightBlock, genesis_time_after};
use chop_protocol::LedgerGenesis;
use chop_protocol::transaction::MAX_BYTES;
use data_encoding::{BASE64, HEXUPPER};
use serde_json::{Value, json};

use super::keys::address_of;
use super::{CHUNKS, Peering, Settings, StateSync, is_host};

/// How many blocks a key that has signed nothing here is looked for in, before it signs: CometBFT refuses when one has its
/// signature.
const LOOK_BACK: u32 = 10_000;

/// The same for every validator and at every start. After a promotion it begins where the solo ledger ended.
pub(super) fn genesis_document(genesis: &LedgerGenesis, handover: Option<&LightBlock>) -> Value {
    let terms = genesis.terms();
    let validator = |key: &[u8], power: u64| {
        json!({
            "address": HEXUPPER.encode(&address_of(key)),
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": BASE64.encode(key)},
            "power": power.to_string(),
            "name": "",
        })
    };
    let (time, height, validators): (_, _, Vec<Value>) = match handover {
        None => {
            let listed = terms.validators.iter();
            let listed = listed.map(|listed| validator(listed.public_key.raw(), listed.power));
            (terms.time, 1, listed.collect())
        }
        Some(last) => {
            let listed = last.next_validators.validators().iter();
            let listed = listed.map(|info| validator(&info.pub_key.to_bytes(), info.power()));
            let time_ms = genesis_time_after(&last.signed_header.header);
            let time = Timestamp::from_unix_ms(time_ms);
            (time, last.height() + 1, listed.collect())
        }
    };
    json!({
        "genesis_time": time,
        "chain_id": genesis.chain_id(),
        "initial_height": height.to_string(),
        "consensus_params": {
            "block": {"max_bytes": BLOCK_MAX_BYTES.to_string(), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": "1000000",
                "max_age_duration": "1209600000000000",
                "max_bytes": "65536",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "1"},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": validators,
        "app_hash": "",
        "app_state": terms,
    })
}

fn state_sync(sync: Option<&StateSync>) -> String {
    let Some(sync) = sync else {
        return "enable = false".to_owned();
    };
    // A URL's own form holds no quote and no comma that would end its place here.
    let servers: Vec<String> = sync
        .nodes
        .iter()
        .map(|node| {
            let base = node.as_str().replace([',', '"'], "");
            format!("{}/v1/comet", base.trim_end_matches('/'))
        })
        .collect();
    format!(
        r#"enable = true
rpc_servers = "{}"
trust_height = {}
trust_hash = "{}"
trust_period = "720h0m0s"
discovery_time = "5s"
temp_dir = "{CHUNKS}"
chunk_request_timeout = "10s""#,
        servers.join(","),
        sync.trust_height,
        HEXUPPER.encode(&sync.trust_hash),
    )
}

/// What differs from CometBFT's defaults.
pub(super) fn config(
    settings: &Settings,
    (heartbeat_ms, is_new): (i64, bool),
    peers: &str,
) -> String {
    let look_back = if is_new { LOOK_BACK } else { 0 };
    let Peering {
        listen, external, ..
    } = &settings.peering;
    let moniker = &settings.moniker;
    let external = external
        .as_deref()
        .filter(|address| is_host(address))
        .unwrap_or("");
    let sync = state_sync(settings.sync.as_ref());
    format!(
        r#"# Written at every start of the node: changes here are lost.
proxy_app = "unix://abci.sock"
abci = "socket"
moniker = "{moniker}"
db_backend = "goleveldb"
log_level = "error"
log_format = "plain"
genesis_file = "config/genesis.json"
priv_validator_key_file = "config/priv_validator_key.json"
priv_validator_state_file = "data/priv_validator_state.json"
node_key_file = "config/node_key.json"
filter_peers = true

[rpc]
laddr = "unix://rpc.sock"
grpc_laddr = ""
# For dial_peers; who can use the socket in this folder can change everything in it anyway.
unsafe = true
pprof_laddr = ""

[p2p]
laddr = "tcp://{listen}"
external_address = "{external}"
persistent_peers = "{peers}"
pex = false
addr_book_strict = false
allow_duplicate_ip = true
flush_throttle_timeout = "10ms"
send_rate = 20480000
recv_rate = 20480000

[mempool]
recheck = true
broadcast = true
size = 20000
max_txs_bytes = 67108864
cache_size = 40000
keep-invalid-txs-in-cache = false
max_tx_bytes = {MAX_BYTES}

[statesync]
{sync}

[consensus]
timeout_propose = "1s"
timeout_propose_delta = "500ms"
timeout_prevote = "500ms"
timeout_prevote_delta = "250ms"
timeout_precommit = "500ms"
timeout_precommit_delta = "250ms"
timeout_commit = "30ms"
skip_timeout_commit = true
create_empty_blocks = false
create_empty_blocks_interval = "{heartbeat_ms}ms"
peer_gossip_sleep_duration = "10ms"
double_sign_check_height = {look_back}

[storage]
discard_abci_responses = true

[tx_index]
indexer = "null"

[instrumentation]
prometheus = false
"#
    )
}
