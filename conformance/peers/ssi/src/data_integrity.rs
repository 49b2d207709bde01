//! Data Integrity suites and canonical quads.

use crate::{Answer, Key, Options};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use ssi::JWK;
use ssi::bbs::BBSplusSecretKey;
use ssi::claims::data_integrity::{
    AnyDataIntegrity, AnySelectionOptions, AnySignatureOptions, AnySuite, CryptographicSuite,
    ProofOptions, Proofs,
};
use ssi::claims::jws::{sign_bytes, verify_bytes};
use ssi::claims::vc::v2::JsonCredential;
use ssi::claims::vc::v2::syntax::JsonPresentation;
use ssi::claims::{SignatureEnvironment, ValidateClaims, VerificationParameters};
use ssi::dids::{AnyDidMethod, VerificationMethodDIDResolver};
use ssi::json_ld::iref::IriBuf;
use ssi::json_ld::{
    CompactJsonLd, ContextLoader, Expandable, ExpandedDocument, JsonLdNodeObject, syntax,
};
use ssi::jwk::Base64urlUInt;
use ssi::rdf::{AnyLdEnvironment as _, LdEnvironment, LexicalInterpretation};
use ssi::verification_methods::{AnyMethod, ProofPurpose, SingleSecretSigner};
use std::collections::HashMap;
use std::time::Instant;

/// Lists what the peer can do.
pub const SUITES: &[&str] = &[
    "RDFC-1.0",
    "eddsa-rdfc-2022",
    "ecdsa-rdfc-2019",
    "Ed25519Signature2020",
    "ecdsa-sd-2023",
    "bbs-2023",
];

type Resolver = VerificationMethodDIDResolver<AnyDidMethod, AnyMethod>;
type Parameters<'a> = VerificationParameters<&'a Resolver, &'a ContextLoader>;
type Secured = AnyDataIntegrity<JsonCredential>;
type Presentation = JsonPresentation<syntax::Value>;

/// Holds the contexts and resolves did:key.
pub struct Peer {
    loader: ContextLoader,
    resolver: Resolver,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            loader: ContextLoader::empty(),
            resolver: VerificationMethodDIDResolver::new(AnyDidMethod::default()),
        }
    }
}

impl Peer {
    /// Begins with the contexts that documents may name.
    pub fn with(contexts: Map<String, Value>) -> Result<Self, String> {
        let texts: HashMap<String, String> = contexts
            .into_iter()
            .map(|(url, context)| (url, context.to_string()))
            .collect();
        let loader = ContextLoader::empty()
            .with_context_map_from(texts)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            loader,
            ..Self::default()
        })
    }

    /// Issues a credential.
    pub async fn issue(&self, suite: &str, document: Value, key: &Key, options: Options) -> Answer {
        let credential: JsonCredential = read(&document)?;
        let purpose = ProofPurpose::Assertion;
        self.secure(suite, credential, key, purpose, options).await
    }

    /// Presents credentials.
    pub async fn present(
        &self,
        suite: &str,
        document: Value,
        key: &Key,
        options: Options,
    ) -> Answer {
        let presentation: Presentation = read(&document)?;
        let purpose = ProofPurpose::Authentication;
        self.secure(suite, presentation, key, purpose, options)
            .await
    }

    async fn secure<T>(
        &self,
        suite: &str,
        document: T,
        key: &Key,
        purpose: ProofPurpose,
        options: Options,
    ) -> Answer
    where
        T: Serialize + JsonLdNodeObject + Expandable,
        T::Expanded<LexicalInterpretation, ()>: Into<ExpandedDocument>,
    {
        let jwk = private(&key.jwk)?;
        let method: IriBuf = key.id.parse().map_err(text)?;
        let mut proof = ProofOptions::from_method(method.into());
        if let Some(created) = options.created {
            proof.created = Some(read(&Value::from(created))?);
        }
        proof.proof_purpose = purpose;
        proof.challenge = options.challenge;
        proof.domains = options.domain.into_iter().collect();
        let mut how = AnySignatureOptions::default();
        how.mandatory_pointers = pointers(&options.mandatory_pointers)?;
        let environment = SignatureEnvironment {
            json_ld_loader: &self.loader,
            eip712_loader: (),
        };
        let signer = SingleSecretSigner::new(jwk).into_local();
        let signed = self::suite(suite)?
            .sign_with(environment, document, &self.resolver, signer, proof, how)
            .await
            .map_err(text)?;
        serde_json::to_value(signed).map_err(text)
    }

    /// Derives a credential that discloses what the pointers select.
    pub async fn derive(&self, suite: &str, secured: Value, options: &Options) -> Answer {
        self::suite(suite)?;
        let base: Secured = read(&secured)?;
        let mut selection = AnySelectionOptions::default();
        selection.selective_pointers = pointers(&options.selective_pointers)?;
        let derived = base
            .select(self.parameters(), selection)
            .await
            .map_err(text)?;
        serde_json::to_value(derived).map_err(text)
    }

    /// Verifies a credential.
    pub async fn verify(&self, secured: &Value) -> Answer {
        let credential: Secured = read(secured)?;
        self.judge(&credential).await
    }

    /// Verifies a presentation and the credentials in it. The library compares neither challenge nor domain, so its user has to.
    pub async fn verify_presentation(&self, secured: &Value, options: &Options) -> Answer {
        let presentation: AnyDataIntegrity<Presentation> = read(secured)?;
        for proof in presentation.proofs.iter() {
            if proof.challenge != options.challenge {
                return Err("the challenge is another".to_owned());
            }
            if !options.domain.iter().eq(&proof.domains) {
                return Err("the domain is another".to_owned());
            }
        }
        self.judge(&presentation).await?;
        for credential in &presentation.verifiable_credentials {
            let credential: Secured =
                serde_json::from_str(&credential.to_string()).map_err(text)?;
            self.judge(&credential).await?;
        }
        Ok(Value::Bool(true))
    }

    async fn judge<T>(&self, secured: &AnyDataIntegrity<T>) -> Answer
    where
        T: Serialize + JsonLdNodeObject + Expandable,
        T: for<'a> ValidateClaims<Parameters<'a>, Proofs<AnySuite>>,
        T::Expanded<LexicalInterpretation, ()>: Into<ExpandedDocument>,
    {
        secured
            .verify(self.parameters())
            .await
            .map_err(text)?
            .map_err(text)?;
        Ok(Value::Bool(true))
    }

    /// Gives the canonical N-Quads of any document, secured or not.
    pub async fn canonicalize(&self, document: &Value) -> Answer {
        let document: CompactJsonLd = read(document)?;
        let mut environment = LdEnvironment::default();
        let expanded = document
            .expand_with(&mut environment, &self.loader)
            .await
            .map_err(text)?;
        let lines = environment.canonical_form_of(&expanded).map_err(text)?;
        Ok(Value::from(lines.concat()))
    }

    /// Gives the mean times of a verification and of a bare signature check in microseconds.
    pub async fn bench(&self, secured: &Value, key: &Key, iterations: u32) -> Answer {
        let credential: Secured = read(secured)?;
        let mut started = Instant::now();
        let warm = iterations.min(50);
        for round in 0..warm + iterations {
            if round == warm {
                started = Instant::now();
            }
            self.judge(&credential).await?;
        }
        let verify = mean(started, iterations);
        Ok(json!({"verify": verify, "raw": bare_check(key, iterations)?}))
    }

    fn parameters(&self) -> Parameters<'_> {
        VerificationParameters::from_resolver(&self.resolver).with_json_ld_loader(&self.loader)
    }
}

/// Reads a private key; the library writes one of BLS12-381 with both coordinates, others with the compressed point.
fn private(jwk: &Value) -> Result<JWK, String> {
    if jwk.get("crv") != Some(&Value::from("Bls12381G2")) {
        return read(jwk);
    }
    let secret: Base64urlUInt = read(jwk.get("d").unwrap_or(&Value::Null))?;
    let secret = BBSplusSecretKey::from_bytes(&secret.0).map_err(|error| format!("{error:?}"))?;
    Ok(secret.into())
}

fn suite(name: &str) -> Result<AnySuite, String> {
    match name {
        "eddsa-rdfc-2022" => Ok(AnySuite::EdDsaRdfc2022),
        "ecdsa-rdfc-2019" => Ok(AnySuite::EcdsaRdfc2019),
        "Ed25519Signature2020" => Ok(AnySuite::Ed25519Signature2020),
        "ecdsa-sd-2023" => Ok(AnySuite::EcdsaSd2023),
        "bbs-2023" => Ok(AnySuite::Bbs2023),
        _ => Err(format!("this peer has no suite {name}")),
    }
}

fn pointers(texts: &[String]) -> Result<Vec<ssi::claims::data_integrity::JsonPointerBuf>, String> {
    texts
        .iter()
        .map(|pointer| {
            pointer
                .parse()
                .map_err(|_| format!("{pointer:?} is no JSON pointer"))
        })
        .collect()
}

/// Measures a bare signature check; of BBS there is none.
fn bare_check(key: &Key, iterations: u32) -> Result<Option<f64>, String> {
    let jwk = private(&key.jwk)?;
    let Some(algorithm) = jwk.get_algorithm() else {
        return Ok(None);
    };
    let message = [b'x'; 64];
    let Ok(signature) = sign_bytes(algorithm, &message, &jwk) else {
        return Ok(None);
    };
    let public = jwk.to_public();
    let started = Instant::now();
    for _ in 0..iterations {
        verify_bytes(algorithm, &message, &public, &signature).map_err(text)?;
    }
    Ok(Some(mean(started, iterations)))
}

fn mean(started: Instant, iterations: u32) -> f64 {
    started.elapsed().as_secs_f64() * 1e6 / f64::from(iterations.max(1))
}

/// Reads from text, as the library's users do: numbers come out differently by way of a value.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_str(&value.to_string()).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
