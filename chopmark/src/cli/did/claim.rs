//! `chopmark did claim`.

use super::{KeyringArgs, StackArgs, named_chop};
use crate::cli::stack::success;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_keys::{CodeSecret, PublicKey, Signer as _};
use chop_protocol::{ClaimTerms, Signed};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Arguments of `chopmark did claim`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark did claim did:chop:…:b… --secret-file secret.txt
  echo \"$SCANNED_URL\" | chopmark did claim did:chop:…:b… --secret-file - --holder z6Mk…

The file holds the secret, or the URL under the scratch layer. The secret stays here: its key signs a fresh challenge of the service. The
ledger remembers the first claim. With --holder the item is bound to that key; afterwards the secret says nothing any more.")]
pub(super) struct Args {
    /// The item
    #[arg(value_name = "DID")]
    did: String,
    /// File with the secret or the scanned URL; - for standard input
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// Multikey of the key that the item shall be bound to
    #[arg(long, value_name = "MULTIKEY", value_parser = holder)]
    holder: Option<PublicKey>,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let did = named_chop(&args.did, &args.keyring)?;
    let secret = secret(&args.secret_file).map_err(Failure::usage)?;
    let key = secret.key().map_err(Failure::usage)?;
    let stack = args.stack.connect(terminal)?;
    let asked = stack
        .post(&["v1", "claims", "challenge"], &json!({"did": did}))
        .await?;
    let mut challenge = success(asked, "the challenge")?;
    let terms = challenge
        .get_mut("terms")
        .map(Value::take)
        .unwrap_or_default();
    let mut terms: ClaimTerms = serde_json::from_value(terms).map_err(Failure::internal)?;
    // What is signed says what is claimed: a service must not choose it.
    if terms.item != did || terms.ledger.short() != did.ledger() {
        return Err(Failure::refused(anyhow!(
            "the service's challenge is for another item"
        )));
    }
    terms.holder.clone_from(&args.holder);
    let input = terms.input().map_err(Failure::internal)?;
    let signature = key.sign_claim(&input).map_err(Failure::internal)?;
    let signature = Signed::try_from(&signature).map_err(Failure::internal)?;
    let mut body = json!({"did": did, "nonce": terms.nonce, "validUntil": terms.valid_until, "signature": signature});
    if let (Some(holder), Some(members)) = (&args.holder, body.as_object_mut()) {
        members.insert("holder".to_owned(), json!(holder));
    }
    let answer = success(stack.post(&["v1", "claims"], &body).await?, "the claim")?;
    let words = if args.holder.is_some() {
        "claimed and bound"
    } else {
        "claimed"
    };
    let height = answer
        .get("height")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let mut page = Page::new()
        .heading(Mark::Good, format!("{words} {did}"))
        .field("height", height);
    if let Some(holder) = &args.holder {
        page = page.field("holder", holder.multikey());
    }
    Ok(Done::new(
        json!({"did": did, "height": height, "holder": args.holder}),
        page,
    ))
}

/// Reads a secret, or the part behind the # of a URL.
fn secret(file: &Path) -> anyhow::Result<CodeSecret> {
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        std::io::stdin().take(4_096).read_to_string(&mut text)?;
    } else {
        let shown = file.display();
        let opened = std::fs::File::open(file).with_context(|| format!("cannot read {shown}"))?;
        opened.take(4_096).read_to_string(&mut text)?;
    }
    let trimmed = text.trim();
    let fragment = trimmed
        .rsplit_once('#')
        .map_or(trimmed, |(_, fragment)| fragment);
    Ok(CodeSecret::parse(fragment)?)
}

fn holder(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_multikey(text).map_err(|error| error.to_string())
}
