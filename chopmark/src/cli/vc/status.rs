//! `chopmark vc status`.

use super::decode::decode;
use super::verify::{is_presentation, line};
use crate::cli::stack::{StackArgs, success};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Arguments of `chopmark vc status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc status set credential.json revoked
  chopmark vc status set credential.json suspended
  chopmark vc status set credential.json reinstated
  chopmark vc status set credential.json 3 --purpose message
  chopmark vc status show credential.json")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Revoke, suspend or reinstate a credential that this service issued; its list shows it at once
    Set(Set),
    /// Show what the status lists say of a credential; exit code 1 when it is not clear
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Set {
    /// The credential: JSON, a JWT, or `-` for standard input
    file: PathBuf,
    /// revoked, suspended, reinstated, refreshed, or the value of a wider status
    state: String,
    /// Which status a value is for [default: message, or the only one of a token]
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The credential: JSON, a JWT, or `-` for standard input
    file: PathBuf,
    /// Accept lists signed by this DID in the issuer's stead (repeatable)
    #[arg(long, value_name = "DID")]
    status_delegate: Vec<String>,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Set(args) => set(args, terminal).await,
        Command::Show(args) => show(args, terminal).await,
    }
}

/// What is to be set: for which purpose, if one is named, and to what.
#[derive(Debug, PartialEq)]
struct Change {
    purpose: Option<String>,
    value: u8,
}

impl Change {
    fn parse(state: &str, purpose: Option<&str>) -> anyhow::Result<Self> {
        let (implied, value) = match state {
            "revoked" => ("revocation", 1),
            "suspended" => ("suspension", 1),
            "reinstated" => ("suspension", 0),
            "refreshed" => ("refresh", 1),
            number => {
                let value = number.parse().with_context(|| {
                    format!("`{number}` is none of revoked, suspended, reinstated, refreshed and a value up to 255")
                })?;
                return Ok(Self {
                    purpose: purpose.map(ToOwned::to_owned),
                    value,
                });
            }
        };
        if purpose.is_some_and(|purpose| purpose != implied) {
            return Err(anyhow!("`{state}` is for the purpose {implied}"));
        }
        Ok(Self {
            purpose: Some(implied.to_owned()),
            value,
        })
    }

    /// Finds the entry that it is about: of the purpose, or that of the token's `status` claim.
    fn entry(&self, document: &Map<String, Value>) -> anyhow::Result<Value> {
        if let Some(entry) = document
            .get("status")
            .and_then(|status| status.get("status_list"))
        {
            let named = entry.get("uri").zip(entry.get("idx"));
            let (uri, index) = named.context("its status claim names no entry")?;
            let purpose = self.purpose.as_deref().unwrap_or("status");
            return Ok(json!({
                "statusPurpose": purpose,
                "statusListCredential": uri,
                "statusListIndex": index.to_string(),
            }));
        }
        let purpose = self.purpose.as_deref().unwrap_or("message");
        let entries = match document.get("credentialStatus") {
            Some(Value::Array(entries)) => entries.as_slice(),
            Some(entry) => std::slice::from_ref(entry),
            None => &[],
        };
        let entry = entries
            .iter()
            .find(|entry| entry.get("statusPurpose").and_then(Value::as_str) == Some(purpose));
        let entry = entry.with_context(|| format!("it has no status for the purpose {purpose}"))?;
        Ok(json!({
            "statusPurpose": purpose,
            "statusListCredential": entry.get("statusListCredential"),
            "statusListIndex": entry.get("statusListIndex"),
        }))
    }
}

async fn set(args: Set, terminal: &Terminal) -> Result<Done, Failure> {
    let shown = args.file.display().to_string();
    let decoded = decode(&super::read(&args.file)?)
        .map_err(|error| Failure::usage(error).context(format!("{shown} is no credential")))?;
    let change = Change::parse(&args.state, args.purpose.as_deref()).map_err(Failure::usage)?;
    let entry = change
        .entry(&decoded.document)
        .map_err(|error| Failure::usage(error).context(format!("{shown} cannot change")))?;
    let answer = args
        .stack
        .connect(terminal)?
        .post(
            &["credentials", "status"],
            &json!({"credentialStatus": entry, "status": change.value}),
        )
        .await?;
    let answer = success(answer, "setting the status")?;
    let list = entry
        .get("statusListCredential")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let page = Page::new()
        .heading(Mark::Good, format!("{shown} is {}", args.state))
        .field("list", list);
    Ok(Done::new(answer, page))
}

async fn show(args: Show, terminal: &Terminal) -> Result<Done, Failure> {
    let bytes = super::read(&args.file)?;
    if is_presentation(&bytes) {
        return Err(Failure::usage(anyhow!(
            "a presentation has no status; its credentials have: see `vc verify`"
        )));
    }
    let options =
        json!({"checks": ["status"], "policy": {"statusDelegates": args.status_delegate}});
    let body = json!({"credential": super::verify::document(&bytes), "options": options});
    let answer = args
        .stack
        .connect(terminal)?
        .post(&["v1", "verifications"], &body)
        .await?;
    let verdict = success(answer, "the verification")?;
    let checks = verdict.get("checks").and_then(Value::as_array);
    let check = checks
        .into_iter()
        .flatten()
        .find(|check| check.get("check").and_then(Value::as_str) == Some("status"))
        .cloned()
        .unwrap_or_default();
    let outcome = check
        .get("outcome")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    let clear = matches!(outcome, "passed" | "notApplicable");
    let mark = if clear { Mark::Good } else { Mark::Bad };
    let mut page = Page::new().heading(mark, line(&check));
    let entries = check.get("evidence").and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let purpose = text("statusPurpose")
            .or(text("mechanism"))
            .unwrap_or("status");
        let list = text("statusListCredential")
            .or(text("uri"))
            .unwrap_or_default();
        let value = text("status").unwrap_or("not known");
        page = page.field(purpose, format!("{value} in {list}"));
    }
    Ok(Done::new(check, page).refused_if(!clear))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_its_purpose() {
        let change = |state, purpose| Change::parse(state, purpose).unwrap();
        let expected = |purpose: &str, value| Change {
            purpose: Some(purpose.to_owned()),
            value,
        };
        assert_eq!(change("revoked", None), expected("revocation", 1));
        assert_eq!(change("reinstated", None), expected("suspension", 0));
        assert_eq!(change("3", Some("message")), expected("message", 3));
        assert!(Change::parse("revoked", Some("suspension")).is_err());
        assert!(Change::parse("annulled", None).is_err());
        assert!(Change::parse("256", None).is_err());
    }

    #[test]
    fn the_entry_of_the_purpose_is_found_and_no_other() {
        let list = "https://a.example/statuslists/x";
        let document = json!({"credentialStatus": [
            {"statusPurpose": "revocation", "statusListCredential": list, "statusListIndex": "1"},
            {"statusPurpose": "suspension", "statusListCredential": list, "statusListIndex": "2"},
        ]});
        let document = document.as_object().unwrap();
        let entry = |state| Change::parse(state, None).unwrap().entry(document);
        assert_eq!(entry("suspended").unwrap()["statusListIndex"], "2");
        assert!(entry("refreshed").is_err());
    }

    #[test]
    fn a_token_has_one_entry_for_all_purposes() {
        let document = json!({"status": {"status_list": {"idx": 7, "uri": "https://a.example/l"}}});
        let document = document.as_object().unwrap();
        let entry = |state| Change::parse(state, None).unwrap().entry(document).unwrap();
        assert_eq!(entry("suspended")["statusListIndex"], "7");
        assert_eq!(entry("revoked")["statusPurpose"], "revocation");
        assert_eq!(entry("3")["statusPurpose"], "status");
    }
}
