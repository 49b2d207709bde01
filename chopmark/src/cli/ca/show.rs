//! `chopmark ca show`.

use super::AuthorityArgs;
use crate::ca::{Authority, State, der_of};
use crate::cli::{Done, Failure, Mark, Page};
use chop_http::clock;
use chop_integrity::Timestamp;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Arguments of `chopmark ca show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Needs no passphrase: nothing is signed.")]
pub(super) struct Args {
    #[command(flatten)]
    authority: AuthorityArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let authority = args.authority.authority()?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let until = authority.until().map_err(Failure::usage)?;
    let print = fingerprint(&authority)?;
    let mut page = Page::new()
        .heading(Mark::None, authority.name())
        .field("ledger", authority.ledger())
        .field("SHA-256", &print)
        .field("until", until)
        .heading(
            Mark::None,
            format!("{} certificate(s)", authority.issued().len()),
        );
    let mut listed: Vec<Value> = Vec::new();
    for issued in authority.issued() {
        let state = issued.state_at(now);
        let words = match state {
            State::Valid => "valid",
            State::Renewable => "to be renewed",
            State::Expired => "expired",
            State::Revoked => "revoked",
        };
        page = page.field(
            &issued.serial,
            format!("{words}  until {}  {}", issued.not_after, issued.member),
        );
        listed.push(json!({"state": state, "renewableFrom": issued.renewable_from(), "certificate": issued}));
    }
    Ok(Done::new(
        json!({"name": authority.name(), "ledger": authority.ledger(), "sha256": print, "until": until, "issued": listed}),
        page,
    ))
}

/// SHA-256 of the authority's certificate, as every X.509 software shows it.
pub(super) fn fingerprint(authority: &Authority) -> Result<String, Failure> {
    let der = der_of(authority.certificate().as_bytes()).map_err(Failure::usage)?;
    Ok(HEXLOWER.encode(&Sha256::digest(der)))
}
