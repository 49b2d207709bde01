//! `chopmark vc jose-cose`: the command line that the W3C test suite of VC-JOSE-COSE drives.
//!
//! Verifying is exactly the specification's algorithm (§5: signature, header, payload) with the key that is given. What the
//! verifier's policy asks beyond it (§6: validity in time, the credentials inside a presentation, issuer binding, status) is
//! `chopmark vc verify`.

use super::sd_paths;
use crate::cli::{Done, Failure, Mark, Page};
use anyhow::{Context as _, anyhow};
use chop_credential::issuing::{self, IssueError, SdJwtRequest, Signatory, TokenTerms};
use chop_credential::securing::{Claims, Keys, ParseError, ProofTerms, Secured, Securing};
use chop_credential::verdict::{Finding, KeyFact, KeyHistory};
use chop_credential::{
    ContextError, Contexts, Credential, SecuredCredential, SecuredPresentation, Version,
};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_keys::{Jwk, PrivateJwk, PrivateKey, PublicKey};
use clap::{Subcommand, ValueEnum};
use data_encoding::{BASE64, BASE64_NOPAD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Arguments of `chopmark vc jose-cose`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc jose-cose issue --input credential.json --key vm.json --feature credential_cose --output out.json
  chopmark vc jose-cose verify --input credential.txt --key vm.json --feature credential_jose --output out.json

The output is {\"result\":\"success\",\"data\":\"…\"}, or failure or indeterminate with the reason; then the exit code is 1.
Tokens are text, COSE messages base64.")]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Secure a credential or presentation with the verification method's secret key
    Issue(Terms),
    /// Verify a secured credential or presentation with the verification method's public key
    Verify(Terms),
}

#[derive(Debug, clap::Args)]
struct Terms {
    /// The unsecured JSON, or the secured text
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The verification method, a `JsonWebKey` with `publicKeyJwk` and, for issuing, `secretKeyJwk`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What is secured, and how
    #[arg(long, value_enum)]
    feature: Feature,
    /// A JSON array of the paths to make selectively disclosable, such as `["credentialSubject.name"]`
    #[arg(long, value_name = "JSON")]
    sd: Option<String>,
    /// Where the result goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// What is secured, and how; the names are the suite's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Feature {
    CredentialJose,
    CredentialCose,
    #[value(name = "credential_sdjwt")]
    CredentialSdJwt,
    PresentationJose,
    PresentationCose,
    #[value(name = "presentation_sdjwt")]
    PresentationSdJwt,
}

impl Feature {
    fn holds_credential(self) -> bool {
        matches!(
            self,
            Self::CredentialJose | Self::CredentialCose | Self::CredentialSdJwt
        )
    }
}

/// What came of it.
enum Outcome {
    Success(String),
    Failure(String),
    Indeterminate(String),
}

/// A verification method as Controlled Identifiers 1.0 §2.2 has it, with its secret key beside it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    id: String,
    controller: String,
    public_key_jwk: Jwk,
    secret_key_jwk: Option<PrivateJwk>,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let (terms, outcome) = match &args.act {
        Act::Issue(terms) => (terms, issue(terms)?),
        Act::Verify(terms) => (terms, verify(terms)?),
    };
    let (result, data) = match outcome {
        Outcome::Success(data) => ("success", data),
        Outcome::Failure(reason) => ("failure", reason),
        Outcome::Indeterminate(reason) => ("indeterminate", reason),
    };
    let value = json!({"result": result, "data": data});
    std::fs::write(&terms.output, format!("{value}\n"))
        .with_context(|| format!("cannot write {}", terms.output.display()))
        .map_err(Failure::usage)?;
    let mark = if result == "success" {
        Mark::Good
    } else {
        Mark::Bad
    };
    let page = Page::new().heading(mark, result).raw(data);
    Ok(Done::new(value, page).refused_if(result != "success"))
}

fn method(terms: &Terms) -> Result<Method, Failure> {
    let bytes = super::read(&terms.key)?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is no verification method", terms.key.display()))
        .map_err(Failure::usage)
}

fn issue(terms: &Terms) -> Result<Outcome, Failure> {
    let method = method(terms)?;
    let secret = method
        .secret_key_jwk
        .as_ref()
        .ok_or_else(|| Failure::usage(anyhow!("the verification method has no secretKeyJwk")))?;
    let key = PrivateKey::from_jwk(secret).map_err(Failure::usage)?;
    let paths: Vec<String> = match &terms.sd {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text)
            .context("--sd is no JSON array of strings")
            .map_err(Failure::usage)?,
    };
    let input = super::read(&terms.input)?;
    let Ok(document) = serde_json::from_slice::<Value>(&input) else {
        return Ok(Outcome::Failure("the input is not JSON".to_owned()));
    };
    let pointers = sd_paths::pointers(&paths).map_err(Failure::usage)?;
    Ok(
        match secure(terms.feature, document, &method, &key, &pointers) {
            Ok(secured) => Outcome::Success(secured),
            Err(IssueError::Context(error @ ContextError::Unknown { .. })) => {
                Outcome::Indeterminate(error.to_string())
            }
            Err(error) => Outcome::Failure(error.to_string()),
        },
    )
}

fn secure(
    feature: Feature,
    document: Value,
    method: &Method,
    key: &PrivateKey,
    pointers: &[String],
) -> Result<String, IssueError> {
    let contexts = Contexts::embedded();
    if feature.holds_credential() {
        contexts.check_named(&Credential::from_value(document.clone())?)?;
    }
    // The suite signs for issuers with keys of other documents too; whose key it is, a verifier decides.
    let signatory = Signatory::Deputy(&method.id);
    let nobody = TokenTerms::default();
    match feature {
        Feature::CredentialJose => issuing::issue_jwt(document, &contexts, signatory, key),
        Feature::CredentialCose => issuing::issue_cose(document, &contexts, signatory, key)
            .map(|message| BASE64_NOPAD.encode(&message)),
        Feature::CredentialSdJwt => {
            let request = SdJwtRequest {
                verification_method: &method.id,
                disclosable: pointers,
                decoys: 0,
                holder: None,
                status: None,
            };
            issuing::issue_sd_jwt(document, &contexts, &request, &mut random::bytes, key)
        }
        Feature::PresentationJose => {
            issuing::present_jwt(document, &contexts, signatory, &nobody, key)
        }
        Feature::PresentationCose => {
            issuing::present_cose(document, &contexts, signatory, &nobody, key)
                .map(|message| BASE64_NOPAD.encode(&message))
        }
        // A holder has chosen what to disclose when it presents, so nothing of a presentation is disclosable in turn.
        Feature::PresentationSdJwt => {
            issuing::present_sd_jwt(document, &contexts, signatory, &nobody, key)
        }
    }
}

fn verify(terms: &Terms) -> Result<Outcome, Failure> {
    let method = method(terms)?;
    let key = PublicKey::from_jwk(&method.public_key_jwk).map_err(Failure::usage)?;
    let input = super::read(&terms.input)?;
    let text = String::from_utf8_lossy(&input);
    Ok(check(terms.feature, text.trim(), &method, &key))
}

/// What of a parsed document verifying looks at.
struct Document<'a> {
    secured: Secured<'a>,
    methods: BTreeSet<String>,
    version: Version,
    meant: Result<(), ContextError>,
}

/// Parses the text as the feature says and verifies it with the key.
fn check(feature: Feature, text: &str, method: &Method, key: &PublicKey) -> Outcome {
    let contexts = Contexts::embedded();
    let message = || {
        BASE64_NOPAD
            .decode(text.as_bytes())
            .or_else(|_| BASE64.decode(text.as_bytes()))
    };
    let refused = |error: ParseError| Outcome::Failure(error.to_string());
    match feature {
        Feature::CredentialJose | Feature::CredentialSdJwt | Feature::CredentialCose => {
            let parsed = match message() {
                Ok(bytes) if feature == Feature::CredentialCose => {
                    SecuredCredential::from_cose(&bytes)
                }
                _ => SecuredCredential::from_token(text),
            };
            let credential = match parsed {
                Ok(credential) => credential,
                Err(error) => return refused(error),
            };
            let document = Document {
                secured: credential.secured(),
                methods: credential.verification_methods(),
                version: credential.credential().version(),
                meant: contexts.check(credential.credential()),
            };
            document.judge(feature, (method, key), &contexts)
        }
        Feature::PresentationJose | Feature::PresentationSdJwt | Feature::PresentationCose => {
            let parsed = match message() {
                Ok(bytes) if feature == Feature::PresentationCose => {
                    SecuredPresentation::from_cose(&bytes)
                }
                _ => SecuredPresentation::from_token(text),
            };
            let presentation = match parsed {
                Ok(presentation) => presentation,
                Err(error) => return refused(error),
            };
            let mut own = presentation.presentation().json().clone();
            own.remove("verifiableCredential");
            let document = Document {
                secured: presentation.secured(),
                methods: presentation.verification_methods(),
                version: presentation.presentation().version(),
                meant: contexts.check_document(&own),
            };
            document.judge(feature, (method, key), &contexts)
        }
    }
}

impl Document<'_> {
    fn judge(
        self,
        feature: Feature,
        (method, key): (&Method, &PublicKey),
        contexts: &Contexts,
    ) -> Outcome {
        if !secures(feature, self.secured.securing) || self.version != Version::V2 {
            return Outcome::Failure("it is not secured in the way that is asked for".to_owned());
        }
        match self.meant {
            Err(error @ ContextError::Unknown { .. }) => {
                return Outcome::Indeterminate(error.to_string());
            }
            Err(error) => return Outcome::Failure(error.to_string()),
            Ok(()) => {}
        }
        let keys = keys(&self.methods, method, key);
        let purpose = if feature.holds_credential() {
            "assertionMethod"
        } else {
            "authentication"
        };
        let terms = ProofTerms {
            purpose,
            contexts,
            as_of: as_of(self.secured.claims),
            clock_skew_ms: 0,
        };
        let reports = self.secured.verify(&keys, &terms);
        match reports
            .into_iter()
            .map(|report| report.result)
            .find(Result::is_err)
        {
            Some(Err(error)) if error.is_undecided() => Outcome::Indeterminate(error.to_string()),
            Some(Err(error)) => Outcome::Failure(error.to_string()),
            _ => Outcome::Success(Value::from(self.secured.document.json().clone()).to_string()),
        }
    }
}

fn secures(feature: Feature, securing: &Securing) -> bool {
    match feature {
        Feature::CredentialJose | Feature::PresentationJose => {
            matches!(securing, Securing::Jose(_))
        }
        Feature::CredentialCose | Feature::PresentationCose => {
            matches!(securing, Securing::Cose(_))
        }
        Feature::CredentialSdJwt | Feature::PresentationSdJwt => {
            matches!(securing, Securing::SdJwt(_))
        }
    }
}

/// The key under the name that the document gives it, if that name is the method's: its URL, or its JWK's id or thumbprint.
/// Under another name there is no key: the one that is given is not the one that signed.
fn keys(names: &BTreeSet<String>, method: &Method, key: &PublicKey) -> Keys {
    let jwk = &method.public_key_jwk;
    let is_its = |name: &String| {
        *name == method.id || jwk.kid.as_ref() == Some(name) || *name == jwk.thumbprint()
    };
    let fact = KeyFact {
        id: method.id.clone(),
        controller: method.controller.clone(),
        key: key.clone(),
        relationships: vec!["assertionMethod".to_owned(), "authentication".to_owned()],
        history: KeyHistory::default(),
    };
    names
        .iter()
        .map(|name| {
            let found = if is_its(name) {
                Finding::Found(fact.clone())
            } else {
                Finding::Absent
            };
            (name.clone(), found)
        })
        .collect()
}

/// The moment as of which the signature is verified: now, or the last one at which its own `exp` lets it count.
///
/// RFC 7519 §7.2 and RFC 9052 §4.4 verify without a clock; whether it still holds is for validation to say.
fn as_of(claims: &Claims) -> Timestamp {
    let now = Timestamp::from_unix_ms(clock::now_ms());
    claims
        .expires
        .map_or(now, |expires| expires.minus_ms(1).min(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_keys::{KeyType, Signer as _};

    const ISSUER: &str = "https://issuer.example/keys";

    fn signer(key_type: KeyType) -> (PrivateKey, Method) {
        let mut seed = vec![7; key_type.secret_len()];
        seed[0] = 1;
        let key = PrivateKey::from_seed(key_type, &seed).unwrap();
        let method = Method {
            id: format!("{ISSUER}#key"),
            controller: ISSUER.to_owned(),
            public_key_jwk: key.public_key().jwk().unwrap(),
            secret_key_jwk: None,
        };
        (key, method)
    }

    fn credential() -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
            "type": ["VerifiableCredential", "ExampleDegreeCredential"],
            "issuer": ISSUER,
            "credentialSubject": {"id": "did:example:a", "degree": {"name": "Bachelor"}},
        })
    }

    fn presentation() -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": ISSUER,
        })
    }

    fn is_success(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Success(_))
    }

    #[test]
    fn what_is_issued_verifies_as_that_feature_and_as_no_other() {
        let features = Feature::value_variants();
        for key_type in [
            KeyType::Ed25519,
            KeyType::P256,
            KeyType::P384,
            KeyType::P521,
        ] {
            let (key, method) = signer(key_type);
            for feature in features {
                let document = if feature.holds_credential() {
                    credential()
                } else {
                    presentation()
                };
                let secured = secure(*feature, document, &method, &key, &[]).unwrap();
                for other in features {
                    let outcome = check(*other, &secured, &method, key.public_key());
                    assert_eq!(
                        is_success(&outcome),
                        feature == other,
                        "{feature:?} as {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn another_key_fails_under_its_own_name_and_under_the_signers() {
        let (key, method) = signer(KeyType::P256);
        let secured = secure(Feature::CredentialJose, credential(), &method, &key, &[]).unwrap();
        let (other, mut others) = signer(KeyType::Ed25519);
        for id in [method.id.clone(), "https://other.example#key".to_owned()] {
            others.id = id;
            let outcome = check(
                Feature::CredentialJose,
                &secured,
                &others,
                other.public_key(),
            );
            assert!(matches!(outcome, Outcome::Failure(_)));
        }
    }

    #[test]
    fn a_property_that_only_a_vocabulary_defines_is_not_signed() {
        let (key, method) = signer(KeyType::P256);
        let mut misspelt = credential();
        misspelt["validUntill"] = json!("2027-01-01T00:00:00Z");
        assert!(secure(Feature::CredentialCose, misspelt, &method, &key, &[]).is_err());
    }
}
