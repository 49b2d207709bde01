//! `chopmark ca issue` and `renew`.

use super::{AuthorityArgs, written};
use crate::ca::{Authority, Issued, Request, State, Term};
use crate::cli::stack::{MAX_AGE_MS, StackArgs, read_failure};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_client::membership;
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_protocol::bundle::MembershipBundle;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `chopmark ca issue`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The request must be signed by its own key, name one did:chop in its subject alternative name and ask for nothing else; the
ledger must prove that this DID is a live member and that the key was not bound to another. The proof comes from the node at
--url, checked against the trust root of `ca init`, or from a file that `chopmark member prove` wrote.")]
pub(super) struct Args {
    #[command(flatten)]
    issue: Issue,
}

/// Arguments of `chopmark ca renew`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes a fresh request over the same key. On the ledger nothing changes: its binding is of the key. A new key is a first
certificate: `chopmark ca issue`, then `chopmark member bind`.")]
pub(super) struct RenewArgs {
    /// Renew although two thirds of the time are not over
    #[arg(long)]
    early: bool,
    #[command(flatten)]
    issue: Issue,
}

#[derive(Debug, clap::Args)]
struct Issue {
    /// The request: a file in PEM
    #[arg(value_name = "CSR")]
    request: PathBuf,
    /// File to write [default: issued/SERIAL.pem in the authority's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For how many days the certificate holds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=90))]
    days: i64,
    /// The proof of membership, from `chopmark member prove`; nothing is asked over a network then
    #[arg(long, value_name = "FILE")]
    membership: Option<PathBuf>,
    /// How many hours old such a proof may be
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=168), requires = "membership")]
    max_age: i64,
    #[command(flatten)]
    authority: AuthorityArgs,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let opened = Opened::of(&args.issue)?;
    if let Some(issued) = opened.current()? {
        return Err(Failure::refused(anyhow!(
            "certificate {} over this key holds until {}: `chopmark ca renew` follows it",
            issued.serial,
            issued.not_after
        )));
    }
    opened.issue(args.issue, terminal).await
}

pub(super) async fn renew(args: RenewArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let opened = Opened::of(&args.issue)?;
    let Some(issued) = opened.current()? else {
        return Err(Failure::refused(anyhow!(
            "no certificate over this key holds: `chopmark ca issue` makes the first one"
        )));
    };
    let now = Timestamp::from_unix_ms(opened.now_ms);
    if issued.state_at(now) == State::Valid && !args.early {
        return Err(Failure::refused(anyhow!(
            "certificate {} is to be renewed from {}; --early does it now",
            issued.serial,
            issued.renewable_from()
        )));
    }
    opened.issue(args.issue, terminal).await
}

/// A request before an open authority.
struct Opened {
    authority: Authority,
    request: Request,
    now_ms: i64,
}

impl Opened {
    fn of(args: &Issue) -> Result<Self, Failure> {
        Ok(Self {
            request: Request::read(&args.request).map_err(Failure::refused)?,
            authority: args.authority.authority()?,
            now_ms: clock::now_ms(),
        })
    }

    fn current(&self) -> Result<Option<&Issued>, Failure> {
        let current = self.authority.current(&self.request, self.now_ms);
        current.map_err(Failure::refused)
    }

    async fn issue(mut self, args: Issue, terminal: &Terminal) -> Result<Done, Failure> {
        let (evidence, max_age_ms) = match &args.membership {
            Some(file) => (read(file)?, args.max_age * 60 * 60 * 1000),
            None => (self.ask(&args.stack, terminal).await?, MAX_AGE_MS),
        };
        let key = args.authority.key(terminal)?;
        let term = Term {
            now_ms: self.now_ms,
            days: args.days,
            max_age_ms,
        };
        let issued = self.authority.issue(&key, &self.request, &evidence, &term);
        let (issued, certificate) = issued.map_err(Failure::refused)?;
        let kept = args
            .authority
            .folder
            .join(format!("issued/{}.pem", issued.serial));
        let file = written(args.out, kept, &certificate)?;
        let page = Page::new()
            .heading(Mark::Good, format!("certified a key of {}", issued.member))
            .field("serial", &issued.serial)
            .field("key", issued.spki)
            .field("until", issued.not_after)
            .field("renew from", issued.renewable_from())
            .field("file", file.display())
            .dim("It opens nothing until the member has bound the key: chopmark member bind");
        Ok(Done::new(
            json!({"certificate": issued, "renewableFrom": issued.renewable_from(), "file": file}),
            page,
        ))
    }

    async fn ask(
        &self,
        stack: &StackArgs,
        terminal: &Terminal,
    ) -> Result<MembershipBundle, Failure> {
        let root = self.authority.trust_root().clone();
        let registry = stack.connect(terminal)?.registry(root, MAX_AGE_MS);
        let Request { did, spki, .. } = &self.request;
        let gathered = membership::gather(&registry, did, spki).await;
        gathered.map_err(read_failure)
    }
}

fn read(file: &Path) -> Result<MembershipBundle, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file)
        .with_context(|| format!("cannot read {shown}"))
        .map_err(Failure::usage)?;
    MembershipBundle::parse(&bytes)
        .map_err(|error| Failure::refused(error).context(shown.to_string()))
}
