//! Talking to a running service: where it is, what authorises writes there, what its answers mean.

use super::failure::Kind;
use super::{Failure, Terminal};
use anyhow::{Context as _, anyhow};
use chop_client::{
    Answer, HttpRegistry, ReadError, Service, ServiceError, Submission, SubmitError, item_state,
    ledger, submit,
};
use chop_did::{ChopDid, DidState, ScidVersion};
use chop_http::outbound::{Guarded, Outgoing, Settings, TrustedOrigin};
use chop_integrity::Hash;
use chop_proof::TrustRoot;
use chop_protocol::http::Transaction;
use chop_protocol::{Envelope, ItemProof, LedgerGenesis, SignedEnvelope};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// A header older than this proves nothing about now: five heartbeats of a ledger at rest.
pub(crate) const MAX_AGE_MS: i64 = 5 * 60 * 1000;
const DECISION: Duration = Duration::from_mins(1);

/// Where the service is and what authorises writes there.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StackArgs {
    /// Base URL of the service
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8400",
        env = "CHOPMARK_URL"
    )]
    pub(crate) url: Url,
    /// File with the administrator's token [default: admin.token in the data folder, if it is there]
    #[arg(long, value_name = "FILE", env = "CHOPMARK_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Data folder of a service on this machine
    #[arg(
        long,
        value_name = "DIR",
        default_value = "chopmark-data",
        env = "CHOPMARK_DATA"
    )]
    pub(crate) data: PathBuf,
    /// Certificate (PEM) that the service presents, when no known authority signed it
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,
}

/// A connection to the service.
pub(crate) struct Stack {
    service: Service,
    token: Option<String>,
}

impl StackArgs {
    /// Makes the connection; nothing is sent yet.
    ///
    /// # Errors
    /// A usage failure when the token or the certificate cannot be read.
    pub(crate) fn connect(&self, terminal: &Terminal) -> Result<Stack, Failure> {
        let service = self.service(self.url.clone())?;
        let mut token = self.token().map_err(Failure::usage)?;
        if token.is_some() && !is_private_way(&self.url) {
            terminal.warn(&format!("the administrator's token is not sent to {}: anybody on the way could read it; use https", self.url));
            token = None;
        }
        Ok(Stack { service, token })
    }

    /// Addresses a service by its URL, without a token.
    ///
    /// # Errors
    /// A usage failure when the certificate cannot be read or the URL is no base URL.
    pub(crate) fn service(&self, url: Url) -> Result<Service, Failure> {
        let certificate = self
            .tls_certificate
            .as_ref()
            .map(|file| read(file))
            .transpose()
            .map_err(Failure::usage)?;
        let trusted = vec![TrustedOrigin {
            base: url.clone(),
            certificate,
        }];
        let client = Guarded::new(Settings {
            trusted,
            ..Settings::default()
        })
        .map_err(Failure::usage)?;
        Service::new(url, client).map_err(Failure::usage)
    }

    fn token(&self) -> anyhow::Result<Option<String>> {
        let (file, wanted) = match &self.token_file {
            Some(file) => (file.clone(), true),
            None => (self.data.join("admin.token"), false),
        };
        if !wanted && !file.is_file() {
            return Ok(None);
        }
        Ok(Some(read(&file)?.trim().to_owned()))
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Nobody listens on the way: TLS, or this machine.
fn is_private_way(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || local
}

impl Stack {
    /// Reads a path given by its segments; `what` names the thing asked for.
    ///
    /// # Errors
    /// A failure of the kind that the answer's status means.
    pub(crate) async fn get(&self, segments: &[&str], what: &str) -> Result<Value, Failure> {
        self.get_with(segments, &[], what).await
    }

    /// Reads a path given by its segments, with a query.
    ///
    /// # Errors
    /// As [`Stack::get`].
    pub(crate) async fn get_with(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<Value, Failure> {
        let mut url = self.service.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self
            .service
            .get(url)
            .await
            .map_err(|error| self.unanswered(error))?;
        success(answer, what)
    }

    /// Asks for a DID's resolution result, whatever it is.
    ///
    /// # Errors
    /// An unreachable failure when nothing answers.
    pub(crate) async fn resolution(
        &self,
        did: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, Failure> {
        let mut url = self.service.url(&["1.0", "identifiers", did]);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = Outgoing::get(url).accept("application/did-resolution");
        self.service
            .send(request, None)
            .await
            .map_err(|error| self.unanswered(error))
    }

    /// Posts JSON with the administrator's token, whatever the status is.
    ///
    /// # Errors
    /// An unreachable failure when nothing answers.
    pub(crate) async fn post(&self, segments: &[&str], body: &Value) -> Result<Answer, Failure> {
        let url = self.service.url(segments);
        let answer = self
            .service
            .post(url, body.to_string().into_bytes(), self.token.as_deref())
            .await;
        answer.map_err(|error| self.unanswered(error))
    }

    /// Reads the ledger's genesis, whose hash is the ledger's id.
    ///
    /// # Errors
    /// A failure when the service does not answer with a genesis.
    pub(crate) async fn genesis(&self) -> Result<LedgerGenesis, Failure> {
        let value = self.get(&["v1", "genesis"], "the ledger's genesis").await?;
        LedgerGenesis::parse(value.to_string().as_bytes())
            .map_err(|error| Failure::internal(error).context("the service's genesis is malformed"))
    }

    /// Asks which member runs the service: it sponsors what is sent there.
    ///
    /// # Errors
    /// A failure when the service does not say.
    pub(crate) async fn operator(&self) -> Result<ChopDid, Failure> {
        let status = self.get(&["v1", "status"], "the ledger's status").await?;
        let named = status.get("operator").and_then(Value::as_str);
        let named = named
            .ok_or_else(|| Failure::internal(anyhow!("the service's status names no operator")))?;
        ChopDid::parse(named).map_err(|error| {
            Failure::internal(error).context("the service's status names no member as operator")
        })
    }

    /// The service itself, and the administrator's token.
    pub(crate) fn into_parts(self) -> (Service, Option<String>) {
        (self.service, self.token)
    }

    /// The service itself.
    pub(crate) fn into_service(self) -> Service {
        self.service
    }

    /// The ledger as this trust root shows it: every answer is proved or refused.
    pub(crate) fn registry(&self, root: TrustRoot, max_age_ms: i64) -> HttpRegistry {
        HttpRegistry::new(self.service.clone(), root).with_max_age_ms(max_age_ms)
    }

    /// Reads the state of a DID, proved against the genesis that the DID itself names by hash.
    ///
    /// # Errors
    /// A not-found failure when the ledger proves that there is none.
    pub(crate) async fn state(&self, did: &ChopDid) -> Result<DidState, Failure> {
        let genesis = self.genesis().await?;
        if genesis.id().short() != did.ledger() {
            return Err(Failure::usage(anyhow!(
                "{did} lives on ledger {}, the service runs {}",
                did.ledger(),
                genesis.id().short()
            )));
        }
        let registry = self.registry(trust_root(&genesis)?, MAX_AGE_MS);
        let proven = ledger::did_state(&registry, did)
            .await
            .map_err(read_failure)?;
        proven.value.ok_or_else(|| {
            Failure::not_found(match did.scid().version() {
                // It may be an item all the same.
                ScidVersion::BatchItem => {
                    anyhow!("the ledger proves that {did} has no state of its own")
                }
                _ => anyhow!("the ledger proves that {did} does not exist"),
            })
        })
    }

    /// Reads the state of a DID as [`Stack::state`]; of an item of a batch that has none, the one that it begins with, and
    /// what shows that it is of its batch.
    ///
    /// # Errors
    /// As [`Stack::state`].
    pub(crate) async fn state_or_item(
        &self,
        did: &ChopDid,
    ) -> Result<(DidState, Option<ItemProof>), Failure> {
        let absent = match self.state(did).await {
            Err(absent)
                if absent.kind() == Kind::NotFound
                    && did.scid().version() == ScidVersion::BatchItem =>
            {
                absent
            }
            read => return Ok((read?, None)),
        };
        let registry = self.registry(trust_root(&self.genesis().await?)?, MAX_AGE_MS);
        let item = item_state(&registry, did).await;
        let item = item.map_err(|error| Failure::refused(anyhow!("{}", error.detail())))?;
        let (state, proof) = item.ok_or(absent)?;
        Ok((state, Some(proof)))
    }

    /// Sends a signed envelope and waits for the ledger's decision; answers the height of its block.
    ///
    /// # Errors
    /// A refused failure with the rule when the ledger says no; unreachable when it does not decide in time.
    pub(crate) async fn submit(&self, envelope: &SignedEnvelope) -> Result<u64, Failure> {
        let submission =
            submit::submit_and_wait(&self.service, envelope, self.token.as_deref(), DECISION).await;
        self.decided(submission.map_err(|error| self.unsubmitted(error))?)
    }

    /// Sends an envelope that the service's operator is to sign as its actor, which takes the administrator's token;
    /// answers the envelope's hash beside the height.
    ///
    /// # Errors
    /// As [`Stack::submit`].
    pub(crate) async fn submit_for_operator(
        &self,
        envelope: &Envelope,
    ) -> Result<(Hash, u64), Failure> {
        let unsigned = Value::Object(envelope.to_map().map_err(Failure::internal)?);
        let answer = self.post(&["v1", "transactions"], &unsigned).await?;
        let transaction: Transaction = serde_json::from_value(success(answer, "the transaction")?)
            .map_err(Failure::internal)?;
        let submission = submit::ask(&self.service, transaction.hash).await;
        let height = self.decided(submission.map_err(|error| self.unsubmitted(error))?)?;
        Ok((transaction.hash, height))
    }

    fn decided(&self, submission: Submission) -> Result<u64, Failure> {
        match submission {
            Submission::Committed { height, .. } => Ok(height),
            Submission::Refused { rule, detail, .. } => Err(Failure::refused(anyhow!(
                "the ledger refused it: {detail} ({rule})"
            ))),
            Submission::Pending { hash } => Err(Failure::unreachable(anyhow!(
                "the ledger has not decided yet; ask {}",
                self.service.url(&["v1", "transactions", &hash.to_string()])
            ))),
            _ => Err(Failure::refused(anyhow!("the envelope was not executed"))),
        }
    }

    fn unsubmitted(&self, error: SubmitError) -> Failure {
        match error {
            SubmitError::Service(ServiceError::Refused { answer }) => {
                failure(&answer, "the transaction")
            }
            SubmitError::Service(error) => self.unanswered(error),
            error => Failure::internal(error),
        }
    }

    fn unanswered(&self, error: ServiceError) -> Failure {
        match error {
            ServiceError::Refused { answer } => failure(&answer, "the request"),
            error @ ServiceError::NotJson { .. } => Failure::internal(error),
            error => Failure::unreachable(error).context(format!(
                "{} does not answer; is `chopmark up` running there?",
                self.service.base()
            )),
        }
    }
}

/// The trust root that a genesis makes: its own validators, bound by the hash that the ledger is named after.
///
/// # Errors
/// An internal failure when the genesis names no usable validators.
pub(crate) fn trust_root(genesis: &LedgerGenesis) -> Result<TrustRoot, Failure> {
    let validators: Vec<_> = genesis
        .terms()
        .validators
        .iter()
        .map(|validator| (validator.public_key.clone(), validator.power))
        .collect();
    TrustRoot::new(&genesis.id().to_string(), &validators).map_err(Failure::internal)
}

/// Reads a trust root from a file.
///
/// # Errors
/// A usage failure when there is none, or the file is something else.
pub(crate) fn read_trust_root(file: &Path) -> Result<TrustRoot, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| {
        format!("no trust root at {shown}; --trust-root names one, got from the consortium")
    });
    let root = text.and_then(|text| {
        serde_json::from_str(&text).with_context(|| format!("{shown} is not a trust root"))
    });
    root.map_err(Failure::usage)
}

/// Says what a failed proven read means: a proof that does not hold is a refusal, silence is not.
pub(crate) fn read_failure(error: ReadError) -> Failure {
    match error {
        ReadError::Service(ServiceError::Refused { answer }) => failure(&answer, "the proof"),
        ReadError::Service(error) => Failure::unreachable(error),
        error => Failure::refused(error).context("the ledger's answer is not proved"),
    }
}

/// Takes the body of a success.
///
/// # Errors
/// A failure of the kind that the status means, in the words of the problem document.
pub(crate) fn success(answer: Answer, what: &str) -> Result<Value, Failure> {
    if (200..300).contains(&answer.status) {
        Ok(answer.body)
    } else {
        Err(failure(&answer, what))
    }
}

/// Makes the failure that a status means.
pub(crate) fn failure(answer: &Answer, what: &str) -> Failure {
    let kind = match answer.status {
        404 | 410 => Kind::NotFound,
        401 | 403 => Kind::Usage,
        503 | 504 => Kind::Unreachable,
        500.. => Kind::Internal,
        _ => Kind::Refused,
    };
    let words = answer
        .text("detail")
        .or_else(|| answer.text("title"))
        .unwrap_or("it gave no reason");
    let rule = answer
        .text("rule")
        .map(|rule| format!(" ({rule})"))
        .unwrap_or_default();
    let hint = if kind == Kind::Usage {
        "; --token-file names the administrator's token"
    } else {
        ""
    };
    Failure::new(
        kind,
        anyhow!(
            "the service answered {} for {what}: {words}{rule}{hint}",
            answer.status
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(status: u16) -> Kind {
        failure(
            &Answer {
                status,
                body: json!({"title": "no"}),
            },
            "it",
        )
        .kind()
    }

    #[test]
    fn a_status_decides_the_exit_code() {
        assert_eq!([400, 409, 422].map(kind), [Kind::Refused; 3]);
        assert_eq!([404, 410].map(kind), [Kind::NotFound; 2]);
        assert_eq!([401, 403].map(kind), [Kind::Usage; 2]);
        assert_eq!([500, 503].map(kind), [Kind::Internal, Kind::Unreachable]);
    }

    #[test]
    fn a_token_travels_only_where_nobody_listens() {
        for (url, private) in [
            ("http://127.0.0.1:8400", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("https://a.example", true),
            ("http://a.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_private_way(&url.parse().unwrap()), private, "{url}");
        }
    }

    #[test]
    fn the_failure_names_the_rule() {
        let answer = Answer {
            status: 422,
            body: json!({"detail": "too late", "rule": "envelope.window"}),
        };
        assert!(failure(&answer, "it").chain()[0].contains("too late (envelope.window)"));
    }
}
