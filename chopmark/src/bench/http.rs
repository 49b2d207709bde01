//! The verifying service over HTTP: what it costs to verify a credential in a request, against the signature check alone on all
//! cores.
//!
//! The load generator's share is known and not counted as the service's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chop_credential::issuing::{self, ProofRequest};
use chop_keys::{KeyType, Signer as _};
use serde_json::{Value, json};

use super::load;
use super::measure::{Figures, cores, median, on_all_cores};
use super::progress::Progress;
use super::row::{Budget, Load, Row};
use super::suites::{Workbench, key, signing_input};
use super::{floor, generator};

/// What is measured.
struct Measured {
    name: &'static str,
    cryptosuite: &'static str,
    path: &'static str,
    /// The member of the body that holds the credential, or the credentials of a batch.
    member: &'static str,
    /// The credentials of a request; none where it is not one of many.
    batch: Option<usize>,
}

const TABLE: [Measured; 4] = [
    Measured {
        name: "http/eddsa-jcs-2022",
        cryptosuite: "eddsa-jcs-2022",
        path: "/v1/verifications",
        member: "credential",
        batch: None,
    },
    Measured {
        name: "http/eddsa-jcs-2022-batch",
        cryptosuite: "eddsa-jcs-2022",
        path: "/v1/verifications/batch",
        member: "credentials",
        batch: Some(64),
    },
    Measured {
        name: "http/eddsa-jcs-2022-vc-api",
        cryptosuite: "eddsa-jcs-2022",
        path: "/credentials/verify",
        member: "verifiableCredential",
        batch: None,
    },
    Measured {
        name: "http/eddsa-rdfc-2022",
        cryptosuite: "eddsa-rdfc-2022",
        path: "/v1/verifications",
        member: "credential",
        batch: None,
    },
];
/// The same request answered by a bare handler, so that it is known what HTTP alone takes of a budget.
const BARE: &str = "http/bare";
/// Raw checks of a round.
const RAW: u32 = 20_000;
/// At least 60 % of the rate of the raw checks.
const BUDGET: Budget = Budget::Times(1.0 / 0.6);
/// Connections of the load generator.
const CONNECTIONS: usize = 16;
/// Different credentials.
const CREDENTIALS: usize = 256;
/// Rounds of which the median counts.
const ROUNDS: usize = 5;

/// Says whether anything is measured here.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool) -> bool {
    wanted(BARE) || TABLE.iter().any(|row| wanted(row.name))
}

/// Measures what is wanted of a running stack; microseconds are those of one core, without the load generator's share.
///
/// # Errors
/// When a credential is not accepted, or an answer is not the one expected.
pub(super) async fn rows(
    wanted: &dyn Fn(&str) -> bool,
    address: SocketAddr,
    lasting: Duration,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if wanted(BARE) {
        progress.say(BARE);
        rows.push(bare(address, lasting).await?);
    }
    for row in TABLE.iter().filter(|row| wanted(row.name)) {
        let name = row.name;
        progress.say(name);
        let requests = Arc::new(requests(row)?);
        let first = requests.first().context("no requests to send")?;
        let answer = String::from_utf8(load::answer(address, first).await?)?;
        ensure!(
            answer.matches("\"outcome\":\"accepted\"").count() == row.batch.unwrap_or(1),
            "the sample of {name} is not accepted: {answer}"
        );
        let target = Target {
            address,
            requests,
            status: 200,
            credentials: row.batch.unwrap_or(1),
        };
        let (figures, load) = measure(target, lasting).await?;
        rows.push(Row::new(name, figures, Some(BUDGET)).under(load));
    }
    Ok(rows)
}

/// Sends the first requests of the table to a handler that reads them and answers as many bytes as the service does.
async fn bare(address: SocketAddr, lasting: Duration) -> anyhow::Result<Row> {
    let [row, ..] = &TABLE;
    let requests = Arc::new(requests(row)?);
    let first = requests.first().context("no requests to send")?;
    let size = load::answer(address, first).await?.len();
    let (address, serving) = floor::serve(size).await?;
    let target = Target {
        address,
        requests,
        status: 201,
        credentials: 1,
    };
    let measured = measure(target, lasting).await;
    serving.abort();
    let (figures, load) = measured?;
    Ok(Row::new(BARE, figures, None).under(load))
}

/// What is put under load.
#[derive(Clone)]
struct Target {
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    /// The status that is expected.
    status: u16,
    /// The credentials of a request.
    credentials: usize,
}

async fn measure(target: Target, lasting: Duration) -> anyhow::Result<(Figures, Load)> {
    let key = key(KeyType::Ed25519)?;
    let public = key.public_key();
    let input = signing_input(KeyType::Ed25519)?;
    let signature = key.sign_credential(&input)?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let Target {
            address,
            requests,
            status,
            credentials,
        } = target.clone();
        let load = load::run(address, requests, status, CONNECTIONS, lasting);
        let (mut rate, share) = generator::run(load).await?;
        rate.per_second *= count(credentials);
        let raw_us = tokio::task::block_in_place(|| {
            on_all_cores(RAW, || {
                public.verify(input.as_bytes(), signature.as_bytes())
            })
        });
        rounds.push((rate.micros() * cores() * (1.0 - share), raw_us, rate, share));
    }
    let figures = Figures {
        us: median(rounds.iter().map(|(us, ..)| *us)),
        raw_us: median(rounds.iter().map(|(_, raw_us, ..)| *raw_us)),
        ratio: median(rounds.iter().map(|(us, raw_us, ..)| us / raw_us)),
    };
    let load = Load {
        per_second: median(rounds.iter().map(|(.., rate, _)| rate.per_second)),
        generator_share: median(rounds.iter().map(|(.., share)| *share)),
    };
    Ok((figures, load))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the credentials of a request are far fewer than 2^52"
)]
fn count(credentials: usize) -> f64 {
    credentials as f64
}

/// Makes requests that each verify other credentials.
fn requests(row: &Measured) -> anyhow::Result<Vec<Vec<u8>>> {
    let bench = Workbench::new();
    let key = key(KeyType::Ed25519)?;
    let (issuer, method) = (key.public_key().did_key(), key.public_key().did_key_url());
    let request = ProofRequest {
        cryptosuite: Some(row.cryptosuite),
        ..ProofRequest::new(&method, bench.now)
    };
    let one = |number| {
        let mut credential = bench.credential(&issuer);
        if let Some(id) = credential.get_mut("id") {
            *id = json!(format!("urn:example:{number}"));
        }
        Ok(issuing::issue(credential, &bench.contexts, &request, &key)?)
    };
    let credentials = (0..CREDENTIALS)
        .map(one)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let post = |body: Value| {
        load::post(
            row.path,
            "",
            json!({row.member: body}).to_string().as_bytes(),
        )
    };
    Ok(match row.batch {
        None => credentials.into_iter().map(post).collect(),
        Some(size) => credentials
            .chunks(size)
            .map(|chunk| post(json!(chunk)))
            .collect(),
    })
}
