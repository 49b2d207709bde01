//! Issuing in bulk, from a CSV file to a journal on the disk, against raw signatures on as many threads.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use chop_credential::issuing::batch::Form;
use chop_keys::{JwsSigningInput, KeyType, PrivateKey, Signer as _};
use serde_json::{Map, Value, json};

use super::figure::Figure;
use super::folder::Folder;
use super::measure::{Figures, cores, median, on_all_cores};
use super::progress::Progress;
use super::row::{Budget, Row};
use super::suites::{Workbench, key, signing_input};
use crate::cli::vc::batch::Order;
use crate::cli::vc::issue::Author;
use crate::cli::{Failure, Terminal};

/// Rows of a batch.
const ROWS: u32 = 20_000;
/// Batches of which the median counts.
const ROUNDS: usize = 7;
/// At least 80 % of the raw signing rate.
const BUDGET: Budget = Budget::Times(1.25);
const NAMES: [(&str, bool); 2] = [("bulk/eddsa-jcs-2022", false), ("bulk/vc+jwt-eddsa", true)];

/// Measures whole batches; microseconds are those of one core.
pub(super) fn figures(wanted: &dyn Fn(&str) -> bool, progress: &Progress<'_>) -> Vec<Figure> {
    let figure = |(name, jwt)| {
        progress.say(name);
        batches(jwt).map_or_else(
            |error| Figure::failed(name, None, &error),
            |figures| Row::new(name, figures, Some(BUDGET)).into(),
        )
    };
    let names = NAMES.into_iter().filter(|(name, _)| wanted(name));
    names.map(figure).collect()
}

fn batches(jwt: bool) -> anyhow::Result<Figures> {
    let form = if jwt {
        Form::Jwt
    } else {
        Form::Proof {
            cryptosuite: None,
            mandatory_pointers: &[],
        }
    };
    let key = Arc::new(key(KeyType::Ed25519)?);
    let author = Author {
        did: key.public_key().did_key(),
        method: key.public_key().did_key_url(),
        key: Arc::clone(&key),
    };
    let folder = Folder::make()?;
    let file = |name: &str| folder.path().join(name);
    fs::write(file("rows.csv"), csv())?;
    let order = Order {
        rows: file("rows.csv"),
        delimiter: b',',
        template: template(&author.did),
        out: file("issued.jsonl"),
        files: None,
        bad: file("bad.csv"),
        skip_bad: false,
        amended: false,
    };
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let account = order.carry_out(&author, form, &Terminal::unwatched());
        let us = started.elapsed().as_secs_f64() * 1e6 * cores() / f64::from(ROWS);
        let account = account.map_err(|failure: Failure| anyhow!("{:?}", failure.chain()))?;
        ensure!(account.issued == u64::from(ROWS), "{account:?}");
        let signed = if jwt { token_len(&order.out)? } else { 0 };
        fs::remove_file(&order.out)?;
        rounds.push((us, raw(&key, signed)?));
    }
    Ok(Figures {
        us: median(rounds.iter().map(|(us, _)| *us)),
        raw_us: median(rounds.iter().map(|(_, raw_us)| *raw_us)),
        ratio: median(rounds.iter().map(|(us, raw_us)| us / raw_us)),
    })
}

/// Microseconds of a core for a signature, while all cores sign: of two hashes, or of a token of `signed` bytes.
fn raw(key: &PrivateKey, signed: usize) -> anyhow::Result<f64> {
    if signed == 0 {
        let input = signing_input(KeyType::Ed25519)?;
        return Ok(on_all_cores(ROWS, || key.sign_credential(&input)));
    }
    let input = JwsSigningInput::new(format!("e30.{}", "A".repeat(signed - signed.min(4))))?;
    Ok(on_all_cores(ROWS, || key.sign_jws(&input)))
}

/// How many bytes the first token of a file signs.
fn token_len(issued: &Path) -> anyhow::Result<usize> {
    let text = fs::read_to_string(issued)?;
    let token = text.split('"').max_by_key(|part| part.len());
    let signed = token.and_then(|token| token.rsplit_once('.'));
    Ok(signed.context("no token was issued")?.0.len())
}

fn csv() -> String {
    let mut text = String::from("did,orchard,number,division,one,two,variety,area,cap\n");
    for row in 0..ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "did:example:orchard-{row},Tayuan Ridge Orchard {row},{row:04},610629,TR-{row},TS-{row},Fuji,{},{}",
            row % 10_000,
            row % 77_777
        );
    }
    text
}

/// The credential of the other measurements, with a gap for each claim that rows tell apart.
fn template(issuer: &str) -> Map<String, Value> {
    let mut credential = Workbench::new().credential(issuer);
    for (pointer, value) in [
        ("/id", "urn:uuid:{{@uuid}}"),
        ("/validFrom", "{{@now}}"),
        ("/credentialSubject/id", "{{did}}"),
        ("/credentialSubject/name", "{{orchard}}"),
        (
            "/credentialSubject/indication/registrationNumber",
            "EXAMPLE-{{number}}",
        ),
        ("/credentialSubject/division", "{{division}}"),
        ("/credentialSubject/parcels/0", "{{one}}"),
        ("/credentialSubject/parcels/1", "{{two}}"),
        ("/credentialSubject/variety", "{{variety}}"),
        (
            "/credentialSubject/certifiedArea/mantissa",
            "{{area:integer}}",
        ),
        ("/credentialSubject/yieldCap/mantissa", "{{cap:integer}}"),
    ] {
        if let Some(place) = credential.pointer_mut(pointer) {
            *place = json!(value);
        }
    }
    match credential {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_names_the_columns_of_the_rows() {
        let text = Value::Object(template("did:key:z")).to_string();
        let first = csv().lines().next().unwrap().to_owned();
        for column in first.split(',') {
            assert!(text.contains(&format!("{{{{{column}")), "{column}");
        }
    }
}
