//! `chopmark vc bind`.

use crate::cli::{Done, Failure, Mark, Page};
use crate::files::create_new;
use anyhow::Context as _;
use chop_http::random;
use chop_keys::bbs::commit;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `chopmark vc bind`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark vc bind --secret holder.json
  chopmark vc issue claim.json --key issuer --suite bbs-2023 --commitment u…       the issuer, with what was printed
  chopmark vc derive credential.json --secret holder.json --reveal /validFrom      the holder

A bbs-2023 credential that is issued for a commitment is of no use without the secret, which only the holder has.")]
pub(super) struct Args {
    /// Write the secret to this new file, which only its owner may read
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let secret = Zeroizing::new(random::bytes::<32>());
    let (commitment, blind) = commit(secret.as_slice()).map_err(Failure::internal)?;
    let encode = |bytes: &[u8]| Zeroizing::new(format!("u{}", BASE64URL_NOPAD.encode(bytes)));
    let kept = Zeroizing::new(format!(
        "{{\"holderSecret\":\"{}\",\"proverBlind\":\"{}\"}}\n",
        encode(secret.as_slice()).as_str(),
        encode(blind.as_slice()).as_str()
    ));
    let shown = args.secret.display();
    create_new(&args.secret)
        .and_then(|mut file| file.write_all(kept.as_bytes()))
        .with_context(|| format!("cannot write {shown}"))
        .map_err(Failure::usage)?;
    let commitment = encode(&commitment).to_string();
    let page = Page::new()
        .heading(Mark::Good, format!("wrote the holder's secret to {shown}"))
        .field("commitment", &commitment);
    Ok(Done::new(json!({"commitmentWithProof": commitment}), page))
}
