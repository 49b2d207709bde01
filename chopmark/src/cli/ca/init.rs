//! `chopmark ca init`.

use super::AuthorityArgs;
use super::show::fingerprint;
use crate::ca::{Authority, Founding, KEY, KEY_TYPE, exists};
use crate::cli::stack::read_trust_root;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_http::clock;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `chopmark ca init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder belongs on a machine that is off, or on a medium that is locked away, whenever nothing is to be signed. Its
certificate, ca.pem, goes to every node (--member-ca). A trust root is a file that you got when you joined the ledger.")]
pub(super) struct Args {
    /// The ledger's trust root, against which memberships will be proven
    #[arg(long, value_name = "FILE")]
    trust_root: PathBuf,
    /// What people call the authority
    #[arg(long, default_value = "Consortium", value_parser = name)]
    name: String,
    /// For how many days its certificate holds
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(30..=7300))]
    days: u32,
    /// Where its list of revoked certificates will be published; written into every certificate
    #[arg(long, value_name = "URL")]
    crl_url: Option<url::Url>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

/// RFC 5280 appendix A: a common name has at most 64 characters.
fn name(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("it takes 1 to 64 characters on one line".to_owned())
    }
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    let folder = &args.authority.folder;
    if exists(folder) {
        return Err(Failure::usage(anyhow!(
            "{} holds an authority already",
            folder.display()
        )));
    }
    let trust_root = read_trust_root(&args.trust_root)?;
    let keyring = args.authority.keyring().open_or_create(terminal)?;
    // A start that was cut short has left its key.
    let key = match keyring.load(KEY) {
        Ok(key) => key,
        Err(_) => keyring.generate(KEY, KEY_TYPE)?,
    };
    let founding = Founding {
        name: &args.name,
        trust_root: &trust_root,
        crl_url: args.crl_url.as_ref().map(url::Url::as_str),
        days: args.days,
    };
    let authority =
        Authority::found(folder, &key, &founding, clock::now_ms()).map_err(Failure::usage)?;
    let until = authority.until().map_err(Failure::internal)?;
    let print = fingerprint(&authority)?;
    let certificate = folder.join("ca.pem");
    let page = Page::new()
        .heading(Mark::Good, format!("made the authority {}", args.name))
        .field("ledger", authority.ledger())
        .field("certificate", certificate.display())
        .field("SHA-256", &print)
        .field("until", until)
        .dim("Every node compares the SHA-256 by another way than the certificate came.");
    Ok(Done::new(
        json!({"name": args.name, "ledger": authority.ledger(), "certificate": certificate, "sha256": print, "until": until}),
        page,
    ))
}
