//! `chopmark node register`: the organisation of a node's folder gets its DID on a ledger that others founded.

use std::path::PathBuf;

use anyhow::Context as _;
use chop_did::build;
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_keystore::KeyName;
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, Envelope};
use clap::Args;
use serde_json::json;
use url::Url;

use crate::cli::stack::StackArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use crate::up::{Candidate, Folder, Mode, keystore, passphrase};

/// How long a sponsor has to hand the envelope in, in milliseconds: as long as ledgers take by default.
const LIFE_MS: i64 = 24 * 60 * 60 * 1000 - 60_000;

/// Registers the DID; the operator of the node at --url sponsors it.
#[derive(Debug, Args)]
#[command(after_help = "\
With --token-file it is sent at once. Without, --out writes the envelope, and whoever has the token of the sponsor's node
hands it in within a day: curl -H 'Authorization: Bearer …' --json @FILE URL/v1/transactions")]
pub(super) struct Register {
    /// The data folder of `chopmark node init`
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Base URL of the sponsor's node
    #[arg(long, env = "CHOPMARK_URL")]
    url: Url,
    /// File with the token of the sponsor's node
    #[arg(long, value_name = "FILE", required_unless_present = "out")]
    token_file: Option<PathBuf>,
    /// File to write the envelope to instead of sending it
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    out: Option<PathBuf>,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Register {
    pub(super) async fn run(&self, terminal: &Terminal) -> Result<Done, Failure> {
        let passphrase =
            passphrase::given(self.passphrase_file.as_deref()).map_err(Failure::usage)?;
        let folder = Folder::open(&self.data, Mode::Standard).map_err(Failure::usage)?;
        let candidate = Candidate::read(&folder).map_err(Failure::usage)?;
        let keystore = keystore(&folder, passphrase).map_err(Failure::usage)?;
        let name = KeyName::parse("operator-update").map_err(Failure::internal)?;
        let update = keystore.load(&name).map_err(Failure::usage)?;
        let place = StackArgs {
            url: self.url.clone(),
            token_file: self.token_file.clone(),
            data: PathBuf::new(),
            tls_certificate: None,
        };
        let stack = place.connect(terminal)?;
        let ledger = stack.genesis().await?.id();
        let genesis = candidate.genesis(&ledger).map_err(Failure::usage)?;
        let did = genesis.did();
        let create = build::create(&genesis)
            .signed_by(&[update.as_ref()])
            .map_err(Failure::internal)?;
        let envelope = Envelope {
            ledger,
            actor: did,
            sponsor: stack.operator().await?,
            nonce: Nonce::new(random::bytes()),
            valid_until: Timestamp::from_unix_ms(clock::now_ms() + LIFE_MS),
            actions: vec![Action::Did(Box::new(create))],
        };
        let signed = envelope
            .sign(&[update.as_ref()])
            .map_err(Failure::internal)?;
        if let Some(file) = &self.out {
            std::fs::write(file, signed.bytes())
                .with_context(|| format!("cannot write {}", file.display()))
                .map_err(Failure::usage)?;
            let page = Page::new()
                .heading(Mark::Good, format!("wrote {}", file.display()))
                .field("did", did)
                .field("sponsor", signed.envelope().sponsor);
            return Ok(Done::new(json!({"did": did, "file": file}), page));
        }
        let height = stack.submit(&signed).await?;
        let page = Page::new()
            .heading(Mark::Good, format!("registered {did}"))
            .field("height", height)
            .dim("A member proposes it: chopmark member propose admit DID --name NAME");
        Ok(Done::new(json!({"did": did, "height": height}), page))
    }
}
