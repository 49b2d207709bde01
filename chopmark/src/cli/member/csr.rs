//! `chopmark member csr` and `prove`: what an authority is asked with.

use super::act::{Council, LedgerArgs};
use crate::ca::{Request, key_pair};
use crate::cli::did::named_chop;
use crate::cli::key::KeyKind;
use crate::cli::keyring::{KeyringArgs, purpose};
use crate::cli::stack::read_failure;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use crate::files::create_new;
use anyhow::{Context as _, anyhow};
use chop_client::membership;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, Signer as _};
use chop_protocol::spki_hash;
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Arguments of `chopmark member csr`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark member csr orchard.tls-1 --as orchard --out orchard.csr --key-out orchard.key

The key is made when there is none of this name. --key-out writes it in the clear (PKCS #8, mode 0600), for the program that
will present the certificate: whoever reads that file can do what the member API allows, until `chopmark member unbind`.")]
pub(super) struct Args {
    /// The key's name in the key folder
    key: String,
    /// The member, by DID or name in the key folder
    #[arg(long = "as", value_name = "DID|NAME")]
    member: String,
    /// The type of a new key
    #[arg(long = "type", value_name = "TYPE", default_value = "p256")]
    key_type: KeyKind,
    /// File to write the request to
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File to write the key to, in the clear
    #[arg(long, value_name = "FILE")]
    key_out: Option<PathBuf>,
    #[command(flatten)]
    keyring: KeyringArgs,
}

/// Arguments of `chopmark member prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file proves, without a network, that the DID of the request is a live member and that nothing speaks against its key:
`chopmark ca issue CSR --membership FILE`. It is as of its header's time, and holds no secret.")]
pub(super) struct ProveArgs {
    /// The request: a file in PEM
    #[arg(value_name = "CSR")]
    request: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    ledger: LedgerArgs,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    let member = named_chop(&args.member, &args.keyring)?;
    let keyring = args.keyring.open_or_create(terminal)?;
    let known = keyring.public_keys()?;
    if let Some(purpose) = purpose(&args.key) {
        return Err(Failure::usage(anyhow!(
            "{} is {purpose} by its name, expected a key that was made for TLS: a program holds it in the clear, and once it \
             is bound it signs nothing else",
            args.key
        )));
    }
    let is_new = !known.iter().any(|(name, _)| *name == args.key);
    let key = if is_new {
        keyring.generate(&args.key, KeyType::from(args.key_type))?
    } else {
        keyring.load(&args.key)?
    };
    let pair = key_pair(&key).map_err(Failure::usage)?;
    let spki = spki_hash(key.public_key())
        .ok_or_else(|| Failure::usage(anyhow!("{} is of no type that is certified", args.key)))?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, member.scid().to_string());
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = subject;
    let uri = member.to_string().try_into().map_err(Failure::internal)?;
    parameters.subject_alt_names = vec![SanType::URI(uri)];
    let request = parameters
        .serialize_request(&pair)
        .and_then(|request| request.pem())
        .map_err(Failure::internal)?;
    write(&args.out, request.as_bytes())?;
    let mut page = Page::new()
        .heading(Mark::Good, format!("wrote {}", args.out.display()))
        .field("member", member)
        .field(if is_new { "new key" } else { "key" }, &args.key)
        .field("spki", spki);
    if let Some(file) = &args.key_out {
        let text = Zeroizing::new(pair.serialize_pem());
        write_secret(file, text.as_bytes())?;
        page = page.field("key file", format!("{}, in the clear", file.display()));
    }
    Ok(Done::new(
        json!({"member": member, "key": args.key, "spki": spki, "file": args.out}),
        page.dim("The authority certifies it: chopmark ca issue"),
    ))
}

pub(super) async fn prove(args: ProveArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let request = Request::read(&args.request).map_err(Failure::refused)?;
    let council = Council::open(&args.ledger, terminal).await?;
    let gathered = membership::gather(&council.registry, &request.did, &request.spki).await;
    let bundle = gathered.map_err(read_failure)?;
    let height = bundle.evidence.proof.height().map_err(Failure::refused)?;
    let text = serde_json::to_string(&bundle).map_err(Failure::internal)?;
    write(&args.out, text.as_bytes())?;
    let now = Timestamp::from_unix_ms(chop_http::clock::now_ms());
    let page = Page::new()
        .heading(Mark::Good, format!("wrote {}", args.out.display()))
        .field("member", request.did)
        .field("as of header", height)
        .field("gathered", now);
    Ok(Done::new(
        json!({"member": request.did, "height": height, "file": args.out}),
        page,
    ))
}

fn write(file: &Path, content: &[u8]) -> Result<(), Failure> {
    std::fs::write(file, content)
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::usage)
}

/// Writes a file that must not be there yet, for its owner alone.
fn write_secret(file: &Path, content: &[u8]) -> Result<(), Failure> {
    create_new(file)
        .and_then(|mut open| open.write_all(content))
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::usage)
}
