//! `chopmark trust export`.

use super::folder::{LIST_FILE, STATEMENTS, follows, sweep, write};
use super::source::{ListArgs, SignedList, SignedStatements, Source, SourceArgs, StatementArgs};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use crate::trust::{CONFIGURATION_PATH, LIST_PATH, LeftOut};
use clap::ValueEnum;
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Arguments of `chopmark trust export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark trust export --format lote --as ministry --directory names.json --out public
  chopmark trust export --format lote --as ministry --directory names.json --out public --below --valid-hours 168
  chopmark trust export --format federation --as ministry --out public

Everything in the export is read with a proof. That the service names all subjects is not proved; that it names all
accreditations of a named subject for a type is. What cannot be exported is named in the answer, and in the list itself.")]
pub(super) struct Args {
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// The folder to write into; made when there is none
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    statements: StatementArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An ETSI list of trusted entities (TS 119 602), JSON, signed
    Lote,
    /// The entity statements of an `OpenID` Federation authority, signed
    Federation,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let source = Source::open(&args.source, terminal).await?;
    match args.format {
        Format::Lote => lote(&source.list(&args.list).await?, &args.out),
        Format::Federation => statements(&source.statements(&args.statements).await?, &args.out),
    }
}

/// Writes `lote.jws`, and the same unsigned for people.
fn lote(signed: &SignedList, out: &Path) -> Result<Done, Failure> {
    let shown = format!("{:#}\n", signed.list.payload);
    let files = [
        (LIST_FILE, signed.compact.as_bytes()),
        ("lote.json", shown.as_bytes()),
    ];
    follows(out, &signed.list.payload)?;
    let written = write(out, &files)?;
    let list = &signed.list;
    let facts = &signed.facts;
    let page = Page::new()
        .heading(
            Mark::Good,
            format!("signed a list of {} accreditation(s)", list.services),
        )
        .field("as of", format!("{}, height {}", facts.time, facts.height))
        .field("next update", list.next_update)
        .field("certificate until", signed.certificate.until())
        .field("file", out.join(LIST_FILE).display());
    let page = left_out(page, &list.left_out);
    let value = json!({
        "format": "lote",
        "authority": facts.authority.did,
        "height": facts.height,
        "time": facts.time,
        "nextUpdate": list.next_update,
        "certificateUntil": signed.certificate.until(),
        "listed": list.services,
        "leftOut": list.left_out,
        "files": written,
    });
    Ok(Done::new(value, page))
}

/// Writes what `chopmark trust serve` would answer: the configuration and the list at their paths, and one statement a file.
/// Statements of an earlier export that are not among them are removed.
fn statements(signed: &SignedStatements, out: &Path) -> Result<Done, Failure> {
    let federation = &signed.federation;
    let ids: Vec<&String> = signed.statements.keys().collect();
    let list = serde_json::to_vec(&ids).map_err(Failure::internal)?;
    let mut files = vec![
        (
            CONFIGURATION_PATH.trim_start_matches('/').to_owned(),
            signed.configuration.as_bytes(),
        ),
        (
            LIST_PATH.trim_start_matches('/').to_owned(),
            list.as_slice(),
        ),
    ];
    for (id, statement) in &signed.statements {
        files.push((statement_file(id), statement.as_bytes()));
    }
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    let written = write(out, &named)?;
    let kept: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let removed = sweep(out, &kept)?;
    let facts = &signed.facts;
    let page = Page::new()
        .heading(
            Mark::Good,
            format!("signed statements about {} subordinate(s)", ids.len()),
        )
        .field("entity", &federation.entity)
        .field("as of", format!("{}, height {}", facts.time, facts.height))
        .field("until", federation.expires)
        .field("folder", out.display());
    let page = left_out(page, &federation.left_out);
    let value = json!({
        "format": "federation",
        "authority": facts.authority.did,
        "entity": federation.entity,
        "height": facts.height,
        "time": facts.time,
        "until": federation.expires,
        "subordinates": ids,
        "leftOut": federation.left_out,
        "files": written,
        "removed": removed,
    });
    Ok(Done::new(value, page))
}

/// The file of a statement: an entity identifier may hold what a file's name may not.
fn statement_file(id: &str) -> String {
    let name = HEXLOWER.encode(&Sha256::digest(id));
    format!("{STATEMENTS}/{name}.jwt")
}

/// Names what was left out, and why.
fn left_out(mut page: Page, all: &[LeftOut]) -> Page {
    if !all.is_empty() {
        page = page.heading(Mark::Note, format!("{} left out", all.len()));
    }
    for left in all {
        page = page.text(left.to_string());
    }
    page.dim(
        "each accreditation is proved by the ledger; that the service names all subjects is not",
    )
}
