//! `chopmark ca crl` and `revoke`: what outsiders are told, who do not ask the ledger.

use super::{AuthorityArgs, written};
use crate::ca::Reason;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_http::clock;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `chopmark ca crl`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark ca revoke 4f1c… --reason key-compromise
  chopmark ca crl --out crl.pem

Nodes do not read the list: they ask the ledger, where `chopmark member unbind` and the members' votes count at the next
block. The list is for those who check certificates and have no node. Sign one before the last one's time is over.")]
pub(super) struct Args {
    /// For how many days the list counts
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=90))]
    days: i64,
    /// File to write too [it is kept as crl.pem in the folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

/// Arguments of `chopmark ca revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// The certificate's serial number
    serial: String,
    /// Why
    #[arg(long, value_enum, default_value = "unspecified")]
    reason: Reason,
    #[command(flatten)]
    authority: AuthorityArgs,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    let mut authority = args.authority.authority()?;
    let key = args.authority.key(terminal)?;
    let signed = authority.list_revoked(&key, args.days, clock::now_ms());
    let (number, count, text) = signed.map_err(Failure::usage)?;
    let kept = args.authority.folder.join("crl.pem");
    let file = written(args.out.clone(), kept, &text)?;
    let page = Page::new()
        .heading(Mark::Good, format!("signed list {number}"))
        .field("revoked", count)
        .field("file", file.display())
        .field("counts for", format!("{} day(s)", args.days));
    Ok(Done::new(
        json!({"number": number, "revoked": count, "file": file}),
        page,
    ))
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<Done, Failure> {
    let mut authority = args.authority.authority()?;
    let revoked = authority.revoke(&args.serial, args.reason, clock::now_ms());
    let revoked = revoked.map_err(Failure::refused)?;
    let page = Page::new()
        .heading(Mark::Good, format!("revoked {}", revoked.serial))
        .field("member", revoked.member)
        .field("key", revoked.spki)
        .text("Sign and publish a list: chopmark ca crl")
        .text("On the ledger only its member unbinds the key: chopmark member unbind");
    Ok(Done::new(json!({"certificate": revoked}), page))
}
