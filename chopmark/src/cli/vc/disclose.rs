//! `chopmark vc disclose`.

use crate::cli::keyring::KeyringArgs;
use crate::cli::{Done, Failure, Page, Terminal};
use anyhow::anyhow;
use chop_credential::issuing::{BindingTerms, bind_key};
use chop_credential::securing::sd_jwt::SdJwt;
use chop_http::clock;
use chop_integrity::Timestamp;
use serde_json::Value;
use std::path::PathBuf;

/// Arguments of `chopmark vc disclose`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc disclose credential.txt --reveal /credentialSubject/name > shown.txt
  chopmark vc disclose pid.txt --reveal /given_name --reveal /nationalities/0 \\
      --key holder --audience https://shop.example --nonce 5f1c9a > shown.txt

Everything that is not revealed stays concealed. A pointer takes what encloses it, and what is in it, along.
With --key the result is bound to whoever asked; the key must be the one that the credential confirms.")]
pub(super) struct Args {
    /// The SD-JWT as its issuer gave it, or `-` for standard input
    file: PathBuf,
    /// Reveal the claim at this JSON pointer (repeatable)
    #[arg(long, value_name = "POINTER")]
    reveal: Vec<String>,
    /// Bind it with this key of the key folder
    #[arg(long, value_name = "NAME", requires_all = ["audience", "nonce"])]
    key: Option<String>,
    /// Whom it is for
    #[arg(long, value_name = "TEXT", requires = "key")]
    audience: Option<String>,
    /// What the verifier asked to be signed
    #[arg(long, value_name = "TEXT", requires = "key")]
    nonce: Option<String>,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    let bytes = super::read(&args.file)?;
    let text = std::str::from_utf8(&bytes).map_err(Failure::usage)?;
    let text = text.trim().trim_matches('"');
    let text = text
        .rsplit_once("data:application/vc+sd-jwt,")
        .and_then(|(_, enveloped)| enveloped.split('"').next())
        .unwrap_or(text);
    let (sd_jwt, _) = SdJwt::parse(text).map_err(|error| {
        Failure::usage(error).context(format!("{} is no SD-JWT", args.file.display()))
    })?;
    if sd_jwt.key_binding().is_some() {
        return Err(Failure::usage(anyhow!(
            "this was bound to a verifier already; disclose from what the issuer gave"
        )));
    }
    let mut shown = sd_jwt.disclose(&args.reveal).map_err(Failure::usage)?;
    if let (Some(key), Some(audience), Some(nonce)) = (&args.key, &args.audience, &args.nonce) {
        let key = args.keyring.open(terminal)?.load(key)?;
        let terms = BindingTerms {
            audience,
            nonce,
            issued_at: Timestamp::from_unix_ms(clock::now_ms()),
        };
        shown = bind_key(&shown, sd_jwt.hash(), &terms, key.as_ref()).map_err(Failure::internal)?;
    }
    Ok(Done::new(
        Value::from(shown.as_str()),
        Page::new().raw(shown),
    ))
}
