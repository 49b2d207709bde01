//! `chopmark vc verify`.

use super::decode::{Securing, decode};
use super::offline;
use crate::cli::stack::{StackArgs, success};
use crate::cli::{Done, Failure, Mark, Page, Terminal, trust_anchors};
use chop_credential::issuing;
use chop_integrity::Timestamp;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Arguments of `chopmark vc verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc verify credential.json
  chopmark vc verify credential.json --as-of 2026-06-01T00:00:00.000Z
  chopmark vc verify presentation.json --challenge 5f1c… --domain shop.example
  chopmark vc verify shown.txt --nonce 5f1c… --audience https://shop.example     an SD-JWT with key binding
  chopmark vc verify credential.json --offline     issuers under did:key or did:jwk, no network
  chopmark vc verify pid.txt --offline --trust-anchor authorities.pem

Exit code 0 when it is accepted, 1 when it is refused or cannot be decided; every check is listed either way.
Offline, what needs a network is named as unknown or not run: status, other issuers' keys, the ledger.")]
pub(super) struct Args {
    /// The credential or presentation: JSON, a JWT or SD-JWT, or `-` for standard input
    file: PathBuf,
    /// Judge here, without any network
    #[arg(long)]
    offline: bool,
    /// Judge as of this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
    /// Whether the issuer must be accredited: `default` asks it of issuers on the ledger
    #[arg(
        long,
        value_enum,
        default_value = "default",
        conflicts_with = "offline"
    )]
    policy: Policy,
    /// Accept status lists signed by this DID in the issuer's stead (repeatable)
    #[arg(long, value_name = "DID", conflicts_with = "offline")]
    status_delegate: Vec<String>,
    /// Trust the certificate authorities in this PEM file for the keys of SD-JWT VC issuers (repeatable); a service has its own
    #[arg(long, value_name = "FILE", requires = "offline")]
    trust_anchor: Vec<PathBuf>,
    /// The challenge, or nonce, that the presentation or key binding must answer
    #[arg(long, value_name = "TEXT", visible_alias = "nonce")]
    challenge: Option<String>,
    /// The domain, or audience, that the presentation or key binding must be for
    #[arg(long, value_name = "TEXT", visible_alias = "audience")]
    domain: Option<String>,
    #[command(flatten)]
    stack: StackArgs,
}

/// Whether the issuer must be accredited for what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// Issuers on a ledger must be accredited there; others are judged without
    Default,
    /// Every issuer must be accredited
    Accredited,
    /// Accreditation is shown and not required
    Open,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_xml(text).map_err(|error| error.to_string())
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let bytes = super::read(&args.file)?;
    let verdict = if args.offline {
        let terms = offline::Terms {
            as_of: args.as_of,
            challenge: args.challenge,
            domain: args.domain,
            trust_anchors: trust_anchors(&args.trust_anchor)?,
        };
        offline::judge_here(&bytes, terms)?
    } else {
        by_service(&args, &bytes, terminal).await?
    };
    let accepted = outcome(&verdict) == "accepted";
    let page = show(Page::new(), &verdict, "the document");
    Ok(Done::new(verdict, page).refused_if(!accepted))
}

async fn by_service(args: &Args, bytes: &[u8], terminal: &Terminal) -> Result<Value, Failure> {
    let member = if is_presentation(bytes) {
        "presentation"
    } else {
        "credential"
    };
    let mut body = Map::new();
    body.insert(member.to_owned(), document(bytes));
    let name = args.policy.to_possible_value();
    let policy = json!({
        "name": name.map(|value| value.get_name().to_owned()),
        "statusDelegates": args.status_delegate,
    });
    let options = [
        ("asOf", args.as_of.map(|time| time.to_string())),
        ("challenge", args.challenge.clone()),
        ("domain", args.domain.clone()),
    ];
    let options: Map<String, Value> = options
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .chain([("policy".to_owned(), policy)])
        .collect();
    body.insert("options".to_owned(), Value::Object(options));
    let answer = args
        .stack
        .connect(terminal)?
        .post(&["v1", "verifications"], &Value::Object(body))
        .await?;
    success(answer, "the verification")
}

/// Takes a document as it lies on disk: a token goes as the string that it is, JSON as it was written.
pub(super) fn document(bytes: &[u8]) -> Value {
    // A COSE message goes in an envelope: it is no text.
    if matches!(bytes, [0x84 | 0xd2, ..]) {
        return if is_presentation(bytes) {
            issuing::enveloped_cose_presentation(bytes)
        } else {
            issuing::enveloped_cose_credential(bytes)
        };
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim().trim_matches('"');
    unwrapped(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

/// Takes the document out of an issuing service's answer that was saved as it came.
fn unwrapped(document: Value) -> Value {
    let wrapped = |member: &str| {
        document
            .get("@context")
            .is_none()
            .then(|| document.get(member).cloned())
            .flatten()
    };
    wrapped("verifiableCredential")
        .or_else(|| wrapped("verifiablePresentation"))
        .unwrap_or(document)
}

/// Says whether the bytes hold a presentation; what cannot be read is left to the judge as a credential.
pub(super) fn is_presentation(bytes: &[u8]) -> bool {
    let Ok(decoded) = decode(bytes) else {
        return false;
    };
    let typed = match decoded.document.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| kind == "VerifiablePresentation"),
        Some(kind) => kind == "VerifiablePresentation",
        None => false,
    };
    typed
        || matches!(&decoded.securing, Securing::Jwt(header) if matches!(header.get("typ").and_then(Value::as_str), Some("vp+jwt" | "vp+sd-jwt")))
}

fn outcome(verdict: &Value) -> &str {
    verdict
        .get("outcome")
        .and_then(Value::as_str)
        .unwrap_or("indeterminate")
}

/// Writes a verdict, and below it those of the credentials that a presentation holds.
fn show(mut page: Page, verdict: &Value, what: &str) -> Page {
    let (mark, words) = match outcome(verdict) {
        "accepted" => (Mark::Good, "is accepted"),
        "refused" => (Mark::Bad, "is refused"),
        _ => (Mark::Note, "cannot be decided"),
    };
    page = page.heading(mark, format!("{what} {words}"));
    for check in entries(verdict, "checks") {
        page = page.field(text(check, "check"), line(check));
    }
    for mark in entries(verdict, "marks") {
        page = page.text(format!("  note: {}", remark(mark)));
    }
    for (number, credential) in entries(verdict, "credentials").iter().enumerate() {
        page = show(page, credential, &format!("credential {}", number + 1));
    }
    page
}

pub(super) fn line(check: &Value) -> String {
    let sign = match text(check, "outcome") {
        "passed" => "✓ passed",
        "failed" => "✗ failed",
        "unknown" => "? unknown",
        "notApplicable" => "- does not apply",
        _ => "- not run",
    };
    let reported = check.get("required") == Some(&Value::Bool(false))
        && matches!(text(check, "outcome"), "failed" | "unknown");
    let weight = if reported { " (reported only)" } else { "" };
    match text(check, "detail") {
        "" => format!("{sign}{weight}"),
        detail => format!("{sign}{weight}: {detail}"),
    }
}

fn remark(mark: &Value) -> String {
    match text(mark, "mark") {
        "transcribed" => format!("copied by {}", text(mark, "by")),
        "accreditationLapsed" => format!(
            "the issuer's accreditation ended at {} ({}); this was anchored before, at {}",
            text(mark, "since"),
            text(mark, "reason"),
            text(mark, "anchored")
        ),
        "keyRetired" => format!("the signing key was retired at {}", text(mark, "since")),
        "statusMessage" => text(mark, "message").to_owned(),
        "deprecated" => {
            let successor = match text(mark, "replacedBy") {
                "" => String::new(),
                successor => format!(", in favour of {successor}"),
            };
            format!(
                "{} is deprecated since {}{successor}",
                text(mark, "id"),
                text(mark, "since")
            )
        }
        "notProcessed" => format!(
            "its {} of the type {} is for the reader to weigh",
            text(mark, "property"),
            text(mark, "kind")
        ),
        _ => mark.to_string(),
    }
}

fn entries<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presentation_is_told_from_a_credential() {
        assert!(is_presentation(
            br#"{"@context":[],"type":["VerifiablePresentation"]}"#
        ));
        assert!(!is_presentation(
            br#"{"@context":[],"type":["VerifiableCredential"]}"#
        ));
        assert!(!is_presentation(b"nonsense"));
    }

    #[test]
    fn a_saved_answer_is_unwrapped() {
        assert_eq!(
            unwrapped(json!({"verifiableCredential": {"a": 1}})),
            json!({"a": 1})
        );
        assert_eq!(
            unwrapped(json!({"@context": [], "verifiableCredential": []})),
            json!({"@context": [], "verifiableCredential": []})
        );
    }

    #[test]
    fn a_check_says_what_was_found_and_whether_it_counts() {
        let check = json!({"check": "anchor", "outcome": "unknown", "required": false, "detail": "no ledger was asked"});
        assert_eq!(
            line(&check),
            "? unknown (reported only): no ledger was asked"
        );
    }
}
