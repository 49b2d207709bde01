//! Our own side of the exchange: the crates, asked as a relying party and an issuer ask them.

mod cose;
mod sd_jwt;
mod status_list;

use super::InteropError;
use super::act::{Act, Options, Party};
use super::documents;
use super::keys::Key;
use super::random::Random;
use chop_credential::issuing::{self, ProofRequest, TokenTerms};
use chop_credential::rdf::{self, Budget, RdfHash};
use chop_credential::securing::{Keys, cryptosuite};
use chop_credential::selective::{self, Reveal, Seed};
use chop_credential::verdict::{
    Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, judge, judge_presentation,
};
use chop_credential::{Contexts, SecuredCredential, SecuredPresentation};
use chop_integrity::Timestamp;
use chop_keys::{JwsSigningInput, KeyType, PublicKey, Signer as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Instant;
use zeroize::Zeroizing;

/// How old a key binding may be.
const DAY_MS: i64 = 86_400_000;

/// Is our side.
#[derive(Debug)]
pub struct Ours {
    contexts: Contexts,
    now: Timestamp,
    /// Salts for disclosures. Those of a run are the same again, which is for tests only.
    salts: Random,
}

impl Ours {
    /// Begins with the embedded contexts and that of the generated documents, and judges as of a time.
    ///
    /// # Errors
    /// When that context is none.
    pub fn at(now: Timestamp) -> Result<Self, InteropError> {
        let contexts = Contexts::embedded();
        let own = json!({"@context": documents::context()});
        contexts
            .add(documents::CONTEXT, &own.to_string())
            .map_err(InteropError::refused)?;
        Ok(Self {
            contexts,
            now,
            salts: Random::new(1),
        })
    }

    fn issue(&mut self, suite: &str, document: &Value, key: &Key, options: &Options<'_>) -> Answer {
        match suite {
            "vc+jwt" => issuing::issue_jwt(document.clone(), &self.contexts, &key.id, &key.signer)
                .map(Value::from),
            "vc+cose" => return cose::issue(self, document, key),
            "vc+sd-jwt" | "dc+sd-jwt" => {
                return sd_jwt::issue(self, suite, document, key, options);
            }
            "statuslist+jwt" => return status_list::issue(document, key),
            _ => {
                let seed = Seed::new(Zeroizing::new(self.salts.bytes()));
                let request = ProofRequest {
                    seed: Some(&seed),
                    ..self.request(suite, key, options)?
                };
                issuing::issue(document.clone(), &self.contexts, &request, &key.signer)
            }
        }
        .map_err(InteropError::refused)
    }

    fn request<'a>(
        &self,
        suite: &'a str,
        key: &'a Key,
        options: &Options<'a>,
    ) -> Result<ProofRequest<'a>, InteropError> {
        let created = match options.created {
            Some(text) => Timestamp::parse_xml(text).map_err(InteropError::refused)?,
            None => self.now,
        };
        Ok(ProofRequest {
            cryptosuite: Some(suite),
            mandatory_pointers: options.mandatory_pointers.unwrap_or_default(),
            challenge: options.challenge,
            ..ProofRequest::new(&key.id, created)
        })
    }

    fn policy(&self, options: &Options<'_>) -> Policy {
        let mut policy = Policy::full(self.now);
        policy.key_binding_age_ms = DAY_MS;
        policy.expected.challenge = options.nonce.map(str::to_owned);
        policy.expected.audience = options.audience.map(str::to_owned);
        policy
    }

    fn derive(&self, secured: &Value, options: &Options<'_>) -> Answer {
        let members = secured.as_object().cloned().unwrap_or_default();
        let reveal = Reveal {
            pointers: options.selective_pointers.unwrap_or_default(),
            ..Reveal::default()
        };
        selective::derive(&members, &self.contexts, &reveal).map_err(InteropError::refused)
    }

    fn canonicalize(&self, document: &Value) -> Answer {
        let members = document.as_object().cloned().unwrap_or_default();
        rdf::to_rdf(&members, &self.contexts)
            .and_then(|quads| rdf::canonicalize(&quads, RdfHash::Sha256, Budget::CREDENTIAL))
            .map(|canonical| Value::from(canonical.nquads()))
            .map_err(InteropError::refused)
    }

    fn present(&self, suite: &str, document: &Value, key: &Key, options: &Options<'_>) -> Answer {
        let terms = TokenTerms {
            audience: options.audience,
            nonce: options.nonce,
        };
        if suite == "vp+cose" {
            return cose::present(self, document, key, &terms);
        }
        if suite == "vp+jwt" {
            return issuing::present_jwt(
                document.clone(),
                &self.contexts,
                &key.id,
                &terms,
                &key.signer,
            )
            .map(Value::from)
            .map_err(InteropError::refused);
        }
        let domain: Vec<String> = options
            .domain
            .iter()
            .map(|&domain| domain.to_owned())
            .collect();
        let request = ProofRequest {
            domain: &domain,
            ..self.request(suite, key, options)?
        };
        issuing::present(document.clone(), &self.contexts, &request, &key.signer)
            .map_err(InteropError::refused)
    }

    fn verify(&self, suite: &str, secured: &Value, options: &Options<'_>) -> Answer {
        match suite {
            "vp+jwt" | "vp+cose" => self.verify_presentation(suite, secured, options),
            "statuslist+jwt" => status_list::verify(self.now, secured),
            "dc+sd-jwt" => sd_jwt::verify_vc(self, secured, options),
            "vc+sd-jwt" => {
                self.verify_credential(suite, secured, options)?;
                sd_jwt::claims(secured)
            }
            _ => self.verify_credential(suite, secured, options),
        }
    }

    fn verify_credential(&self, suite: &str, secured: &Value, options: &Options<'_>) -> Answer {
        let credential =
            SecuredCredential::parse(&bytes(suite, secured)?).map_err(InteropError::refused)?;
        let evidence = Evidence {
            keys: keys(&credential.verification_methods()),
            ..Evidence::default()
        };
        let policy = self.policy(options);
        let verdict = judge(&credential, &evidence, &policy, &self.contexts);
        if verdict.outcome == Outcome::Accepted {
            Ok(Value::Object(credential.credential().json().clone()))
        } else {
            Err(InteropError::refused(json!(
                verdict.failures().collect::<Vec<_>>()
            )))
        }
    }

    fn verify_presentation(&self, suite: &str, secured: &Value, options: &Options<'_>) -> Answer {
        let presentation =
            SecuredPresentation::parse(&bytes(suite, secured)?).map_err(InteropError::refused)?;
        let own = Evidence {
            keys: keys(&presentation.verification_methods()),
            ..Evidence::default()
        };
        let inner: Vec<Evidence> = presentation
            .credentials()
            .iter()
            .map(|credential| Evidence {
                keys: credential
                    .as_ref()
                    .map(|credential| keys(&credential.verification_methods()))
                    .unwrap_or_default(),
                ..Evidence::default()
            })
            .collect();
        let mut policy = Policy::full(self.now);
        // The generated subjects are products, which somebody else presents.
        policy.accept_bearer = true;
        policy.expected.challenge = options.challenge.or(options.nonce).map(str::to_owned);
        policy.expected.domain = options.domain.map(str::to_owned);
        policy.expected.audience = options.audience.map(str::to_owned);
        let verdict = judge_presentation(&presentation, &own, &inner, &policy, &self.contexts);
        if verdict.outcome == Outcome::Accepted {
            Ok(Value::Object(presentation.presentation().json().clone()))
        } else {
            Err(InteropError::refused(json!(verdict)))
        }
    }
}

/// Measures a bare signature check, in microseconds; a key for selective disclosures signs nothing else.
fn bare_check(key: &Key, iterations: u32) -> Result<Option<f64>, InteropError> {
    let public = key.signer.public_key();
    if public.key_type() == KeyType::Bls12381G2 {
        return Ok(None);
    }
    let input =
        JwsSigningInput::new(format!("eyJ9.{}", "x".repeat(59))).map_err(InteropError::refused)?;
    let signature = key.signer.sign_jws(&input).map_err(InteropError::refused)?;
    mean(iterations, || {
        public
            .verify(input.as_bytes(), signature.as_bytes())
            .map_err(InteropError::refused)
    })
    .map(Some)
}

type Answer = Result<Value, InteropError>;

impl Party for Ours {
    fn name(&self) -> &'static str {
        "chopmark"
    }

    fn has(&self, suite: &str) -> bool {
        matches!(
            suite,
            "vc+jwt"
                | "vp+jwt"
                | "vc+cose"
                | "vp+cose"
                | "vc+sd-jwt"
                | "dc+sd-jwt"
                | "statuslist+jwt"
                | "RDFC-1.0"
        ) || cryptosuite(suite).is_some()
    }

    fn ask(&mut self, act: &Act<'_>) -> Result<Value, InteropError> {
        match act {
            Act::Issue {
                suite,
                document,
                key,
                options,
            } => self.issue(suite, document, key, options),
            Act::Present {
                suite,
                document: Some(document),
                key,
                options,
                ..
            } => self.present(suite, document, key, options),
            Act::Verify {
                suite,
                secured,
                options,
                ..
            } => self.verify(suite, secured, options),
            Act::VerifyPresentation {
                suite,
                secured,
                options,
            } => self.verify_presentation(suite, secured, options),
            Act::Bench {
                suite,
                secured,
                key,
                options,
                iterations,
            } => {
                let verify = mean(*iterations, || {
                    self.verify(suite, secured, options).map(|_| ())
                })?;
                Ok(json!({"verify": verify, "raw": bare_check(key, *iterations)?}))
            }
            Act::Present {
                secured: Some(issued),
                key,
                options,
                ..
            } => sd_jwt::present(issued, key, options),
            Act::Canonicalize { document } => self.canonicalize(document),
            Act::Derive {
                secured, options, ..
            } => self.derive(secured, options),
            Act::Present { .. } => Err(InteropError::refused("there is nothing to present")),
        }
    }
}

/// The bytes as they travel: a COSE message in binary, another token as it stands, everything else as JSON.
fn bytes(suite: &str, secured: &Value) -> Result<Vec<u8>, InteropError> {
    match secured {
        Value::String(message) if suite.ends_with("+cose") => cose::decoded(message),
        Value::String(token) => Ok(token.clone().into_bytes()),
        other => Ok(serde_json::to_vec(other)?),
    }
}

/// Finds the keys of did:key; any other does not exist.
fn keys(methods: &BTreeSet<String>) -> Keys {
    methods
        .iter()
        .map(|method| {
            let found = PublicKey::from_did_key_url(method).map_or(Finding::Absent, |key| {
                Finding::Found(KeyFact {
                    id: method.clone(),
                    controller: key.did_key(),
                    key,
                    relationships: vec!["assertionMethod".to_owned(), "authentication".to_owned()],
                    history: KeyHistory::default(),
                })
            });
            (method.clone(), found)
        })
        .collect()
}

/// Runs an operation some times, after warming up, and returns the mean time of one in microseconds.
fn mean(
    iterations: u32,
    mut operation: impl FnMut() -> Result<(), InteropError>,
) -> Result<f64, InteropError> {
    for _ in 0..iterations.min(200) {
        operation()?;
    }
    let started = Instant::now();
    for _ in 0..iterations {
        operation()?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(iterations.max(1)))
}
