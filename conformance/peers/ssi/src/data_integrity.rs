//! Data Integrity suites and canonical quads.

use crate::{Answer, Key, Options};
use serde_json::{Map, Value, json};
use ssi::JWK;
use ssi::claims::data_integrity::{
    AnyDataIntegrity, AnySelectionOptions, AnySignatureOptions, AnySuite, CryptographicSuite,
    ProofOptions,
};
use ssi::claims::vc::v2::JsonCredential;
use ssi::claims::{SignatureEnvironment, VerificationParameters};
use ssi::dids::{AnyDidMethod, VerificationMethodDIDResolver};
use ssi::json_ld::{ContextLoader, Expandable as _};
use ssi::rdf::{AnyLdEnvironment as _, LdEnvironment};
use ssi::verification_methods::{AnyMethod, SingleSecretSigner};
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
        let credential: JsonCredential = read(document)?;
        let jwk: JWK = read(key.jwk.clone())?;
        let method: ssi::json_ld::iref::IriBuf = key.id.parse().map_err(text)?;
        let mut proof = ProofOptions::from_method(method.into());
        proof.created = match options.created {
            Some(created) => Some(read(Value::from(created))?),
            None => proof.created,
        };
        let mut how = AnySignatureOptions::default();
        how.mandatory_pointers = pointers(&options.mandatory_pointers)?;
        let environment = SignatureEnvironment {
            json_ld_loader: &self.loader,
            eip712_loader: (),
        };
        let signer = SingleSecretSigner::new(jwk).into_local();
        let signed = self::suite(suite)?
            .sign_with(environment, credential, &self.resolver, signer, proof, how)
            .await
            .map_err(text)?;
        serde_json::to_value(signed).map_err(text)
    }

    /// Derives a credential that discloses what the pointers select.
    pub async fn derive(&self, suite: &str, secured: Value, options: &Options) -> Answer {
        self::suite(suite)?;
        let base: AnyDataIntegrity<JsonCredential> = read(secured)?;
        let mut selection = AnySelectionOptions::default();
        selection.selective_pointers = pointers(&options.selective_pointers)?;
        let derived = base
            .select(self.parameters(), selection)
            .await
            .map_err(text)?;
        serde_json::to_value(derived).map_err(text)
    }

    /// Verifies a credential.
    pub async fn verify(&self, secured: Value) -> Answer {
        let credential: AnyDataIntegrity<JsonCredential> = read(secured)?;
        credential
            .verify(self.parameters())
            .await
            .map_err(text)?
            .map_err(text)?;
        Ok(Value::Bool(true))
    }

    /// Gives the canonical N-Quads.
    pub async fn canonicalize(&self, document: Value) -> Answer {
        let credential: JsonCredential = read(document)?;
        let mut environment = LdEnvironment::default();
        let expanded = credential
            .expand_with(&mut environment, &self.loader)
            .await
            .map_err(|error| error.to_string())?;
        let lines = environment.canonical_form_of(&expanded).map_err(text)?;
        Ok(Value::from(lines.concat()))
    }

    /// Gives the mean time of a verification in microseconds.
    pub async fn bench(&self, secured: &Value, iterations: u32) -> Answer {
        let credential: AnyDataIntegrity<JsonCredential> = read(secured.clone())?;
        let mut started = Instant::now();
        let warm = iterations.min(50);
        for round in 0..warm + iterations {
            if round == warm {
                started = Instant::now();
            }
            credential
                .verify(self.parameters())
                .await
                .map_err(text)?
                .map_err(text)?;
        }
        let microseconds = started.elapsed().as_secs_f64() * 1e6 / f64::from(iterations.max(1));
        Ok(json!({"verify": microseconds}))
    }

    fn parameters(&self) -> VerificationParameters<&Resolver, &ContextLoader> {
        VerificationParameters::from_resolver(&self.resolver).with_json_ld_loader(&self.loader)
    }
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

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
