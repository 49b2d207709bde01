//! `chopmark vc derive`.

use crate::cli::{Done, Failure, Page};
use anyhow::anyhow;
use chop_credential::Contexts;
use chop_credential::selective::{Binding, Reveal, derive};
use chop_integrity::json::{self, Limits};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `chopmark vc derive`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc derive credential.json --reveal /validFrom --reveal /credentialSubject/grade > shown.json
  chopmark vc derive credential.json --reveal /credentialSubject --nonce 8f1c…     bbs-2023, for one verifier's nonce

The credential has a base proof of ecdsa-sd-2023 or bbs-2023, which is the holder's and never shown. What is derived shows what
the issuer made mandatory and what --reveal points to (JSON Pointers, RFC 6901), and verifies like any other credential.")]
pub(super) struct Args {
    /// The credential (JSON), or `-` for standard input
    file: PathBuf,
    /// Show what this JSON Pointer points to
    #[arg(long, value_name = "POINTER")]
    reveal: Vec<String>,
    /// bbs-2023: have the proof cover this text too, such as a verifier's nonce
    #[arg(long, value_name = "TEXT")]
    nonce: Option<String>,
    /// bbs-2023: the holder's secret that the credential is bound to, as `chopmark vc bind` wrote it
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let shown = args.file.display();
    let Ok(Value::Object(credential)) = json::parse(&super::read(&args.file)?, &Limits::CREDENTIAL)
    else {
        return Err(Failure::usage(anyhow!("{shown} is no credential in JSON")));
    };
    let binding = args.secret.as_deref().map(binding).transpose()?;
    let reveal = Reveal {
        pointers: &args.reveal,
        presentation_header: args.nonce.as_deref().unwrap_or_default().as_bytes(),
        binding: binding.as_ref(),
    };
    let derived = derive(&credential, &Contexts::embedded(), &reveal).map_err(Failure::usage)?;
    let page = Page::new().raw(format!("{derived:#}"));
    Ok(Done::new(derived, page))
}

/// Reads what `chopmark vc bind` wrote.
fn binding(file: &std::path::Path) -> Result<Binding, Failure> {
    let refused = || Failure::usage(anyhow!("{} is no holder's secret", file.display()));
    let bytes = Zeroizing::new(super::read(file)?);
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    let member = |name: &str| {
        let text = value.get(name)?.as_str()?.strip_prefix('u')?;
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()
    };
    let blind = member("proverBlind").and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let (secret, blind) = member("holderSecret").zip(blind).ok_or_else(refused)?;
    Ok(Binding {
        secret: Zeroizing::new(secret),
        blind: Zeroizing::new(blind),
    })
}
