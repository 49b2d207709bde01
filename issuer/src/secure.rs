//! Securing credentials as an instance does; `chop-credential` validates before it signs.

use crate::disclosing::Disclosing;
use crate::instance::Instance;
use crate::store::List;
use crate::suite::Form;
use chop_credential::Contexts;
use chop_credential::issuing::{self, ProofRequest, SdJwtRequest, SdJwtVcRequest, SigningKey};
use chop_credential::securing::x5c::{Chain, X5cError};
use chop_credential::selective::{Seed, is_selective};
use chop_credential::status::{
    Bitstring, NewList, NewTokenList, StatusArray, StatusError, TokenEntry,
};
use chop_http::random;
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::Signer;
use chop_protocol::anchor_digest;
use serde_json::{Map, Value};
use thiserror::Error;
use zeroize::Zeroizing;

/// A secured credential.
pub(crate) enum Secured {
    /// With an embedded proof.
    Document(Value),
    /// A compact `vc+jwt`, or `vc+sd-jwt` with its disclosures.
    Jwt(String),
    /// A compact SD-JWT VC with its disclosures.
    SdJwtVc(String),
    /// A `vc+cose`.
    Cose(Vec<u8>),
}

/// Why a credential cannot be secured.
#[derive(Debug, Error)]
pub enum SecureError {
    /// The credential is refused, or the key did not sign.
    #[error(transparent)]
    Issuing(#[from] issuing::IssueError),
    /// A status list cannot be written.
    #[error(transparent)]
    List(#[from] StatusError),
    /// The mechanism has no use for what a selective suite is told.
    #[error(
        "{mechanism} discloses everything: it takes no mandatoryPointers and no commitmentWithProof"
    )]
    NotSelective {
        /// The instance's mechanism.
        mechanism: &'static str,
    },
    /// The instance's certificates cannot be read.
    #[error(transparent)]
    Certificates(#[from] X5cError),
    /// The secured credential has no canonical form.
    #[error(transparent)]
    Canonical(#[from] JcsError),
}

/// What an instance of a selective suite is told of a credential.
#[derive(Debug, Default)]
pub(crate) struct Selective {
    /// JSON Pointers to what the holder cannot withhold.
    pub(crate) mandatory_pointers: Vec<String>,
    /// The holder's commitment to a secret.
    pub(crate) commitment: Option<Vec<u8>>,
}

impl Selective {
    fn is_empty(&self) -> bool {
        self.mandatory_pointers.is_empty() && self.commitment.is_none()
    }
}

/// The instance, its key and what its credentials' terms mean.
pub(crate) struct Pen<'a> {
    /// Who signs.
    pub(crate) instance: &'a Instance,
    /// With what.
    pub(crate) signer: &'a dyn Signer,
    /// The contexts that terms are checked against.
    pub(crate) contexts: &'a Contexts,
}

impl SecureError {
    /// Says that the service is at fault, not the credential.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Issuing(error) => !error.is_clients(),
            Self::NotSelective { .. } => false,
            Self::List(_) | Self::Certificates(_) | Self::Canonical(_) => true,
        }
    }

    /// The stable code of the rule that the credential breaks.
    pub(crate) fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Issuing(error) => Some(error.rule()),
            Self::NotSelective { .. } => Some("proof.not-selective"),
            Self::List(_) | Self::Certificates(_) | Self::Canonical(_) => None,
        }
    }
}

impl Secured {
    /// The digest under which the credential can be anchored.
    pub(crate) fn digest(&self) -> Result<Hash, SecureError> {
        match self {
            Self::Document(document) => Ok(anchor_digest(&canonicalize(document)?)),
            Self::Jwt(token) | Self::SdJwtVc(token) => {
                // Of an SD-JWT the issuer-signed JWT counts, whatever its holder will disclose.
                let jwt = token.split_once('~').map_or(token.as_str(), |(jwt, _)| jwt);
                Ok(anchor_digest(jwt.as_bytes()))
            }
            Self::Cose(message) => Ok(anchor_digest(message)),
        }
    }

    /// The credential as VC-API answers it: a token or message goes in an envelope (VC Data Model 2.0 §4.13.1).
    pub(crate) fn verifiable_credential(&self) -> Value {
        match self {
            Self::Document(document) => document.clone(),
            Self::Jwt(token) => issuing::enveloped_credential(token),
            Self::SdJwtVc(token) => Value::from(token.as_str()),
            Self::Cose(message) => issuing::enveloped_cose_credential(message),
        }
    }
}

impl Pen<'_> {
    /// Validates and secures a credential by the instance's suite; a token carries its status entry in a claim.
    pub(crate) fn secure(
        &self,
        credential: Value,
        status: Option<&TokenEntry>,
        disclosing: &Disclosing,
        created: Timestamp,
        selective: &Selective,
    ) -> Result<Secured, SecureError> {
        let mechanism = self.instance.suite.mechanism();
        if !is_selective(mechanism.name) && !selective.is_empty() {
            return Err(SecureError::NotSelective {
                mechanism: mechanism.name,
            });
        }
        match mechanism.form {
            Form::Jwt => self.envelop(credential, status).map(Secured::Jwt),
            Form::Embedded if is_selective(mechanism.name) => self
                .disclosable(credential, created, mechanism.name, selective)
                .map(Secured::Document),
            Form::SdJwt => {
                let request = SdJwtRequest {
                    verification_method: &self.instance.verification_method,
                    disclosable: &disclosing.pointers,
                    decoys: disclosing.decoys,
                    holder: disclosing.holder.as_ref(),
                    status,
                };
                let (contexts, signer) = (self.contexts, self.signer);
                let draw = &mut random::bytes;
                let token = issuing::issue_sd_jwt(credential, contexts, &request, draw, signer)?;
                Ok(Secured::Jwt(token))
            }
            Form::SdJwtVc => self
                .sd_jwt_vc(credential, status, disclosing)
                .map(Secured::SdJwtVc),
            Form::Cose => self.message(credential, status).map(Secured::Cose),
            Form::Embedded => self
                .embed(credential, created, Some(mechanism.name))
                .map(Secured::Document),
        }
    }

    /// Secures with an embedded proof of this cryptosuite, or of the jcs suite that goes with the key.
    pub(crate) fn embed(
        &self,
        credential: Value,
        created: Timestamp,
        cryptosuite: Option<&str>,
    ) -> Result<Value, SecureError> {
        let mut request = ProofRequest::new(&self.instance.verification_method, created);
        request.cryptosuite = cryptosuite;
        Ok(issuing::issue(
            credential,
            self.contexts,
            &request,
            self.signer,
        )?)
    }

    /// Secures with a base proof, which its holder can derive from.
    fn disclosable(
        &self,
        credential: Value,
        created: Timestamp,
        cryptosuite: &str,
        selective: &Selective,
    ) -> Result<Value, SecureError> {
        let seed = Seed::new(Zeroizing::new(random::bytes()));
        let mut request = ProofRequest::new(&self.instance.verification_method, created);
        request.cryptosuite = Some(cryptosuite);
        request.mandatory_pointers = &selective.mandatory_pointers;
        request.seed = Some(&seed);
        request.commitment = selective.commitment.as_deref();
        Ok(issuing::issue(
            credential,
            self.contexts,
            &request,
            self.signer,
        )?)
    }

    /// Secures as a compact `vc+jwt`.
    pub(crate) fn envelop(
        &self,
        credential: Value,
        status: Option<&TokenEntry>,
    ) -> Result<String, SecureError> {
        Ok(issuing::issue_jwt_with_status(
            credential,
            self.contexts,
            status,
            &self.instance.verification_method,
            self.signer,
        )?)
    }

    /// Secures plain claims as an SD-JWT VC.
    fn sd_jwt_vc(
        &self,
        claims: Value,
        status: Option<&TokenEntry>,
        disclosing: &Disclosing,
    ) -> Result<String, SecureError> {
        let mut claims = match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        };
        if let Some(status) = status {
            claims.insert("status".to_owned(), Value::Object(status.to_claim()));
        }
        let chain = self.instance.chain()?;
        let method = &self.instance.verification_method;
        let request = SdJwtVcRequest {
            key_id: chain.is_none().then_some(method.as_str()),
            chain: chain.as_ref(),
            disclosable: &disclosing.pointers,
            decoys: disclosing.decoys,
            holder: disclosing.holder.as_ref(),
        };
        Ok(issuing::issue_sd_jwt_vc(
            &claims,
            &request,
            &mut random::bytes,
            self.signer,
        )?)
    }

    /// Secures as a `vc+cose`; its header's claims hold the status entry.
    fn message(
        &self,
        credential: Value,
        status: Option<&TokenEntry>,
    ) -> Result<Vec<u8>, SecureError> {
        Ok(issuing::issue_cose_with_status(
            credential,
            self.contexts,
            status,
            &self.instance.verification_method,
            self.signer,
        )?)
    }

    /// Writes the list credential of a list, unsecured.
    pub(crate) fn list_credential(
        &self,
        list: &List,
        publication: &Publication<'_>,
    ) -> Result<Value, SecureError> {
        let size = list.serves.bits;
        let mut bits = Bitstring::zeros(list.entries, size)?;
        for (index, value) in &list.values {
            bits.set(*index, size, u16::from(*value))?;
        }
        let new = NewList {
            id: publication.url,
            issuer: &self.instance.did,
            purpose: &list.serves.purpose,
            bits: &bits,
            valid_from: publication.from,
            valid_until: Some(publication.until),
            ttl_ms: Some(publication.ttl_ms),
        };
        Ok(new.to_credential()?)
    }

    /// Writes and signs a Token Status List as a `statuslist+jwt`.
    pub(crate) fn token_list_jwt(
        &self,
        list: &List,
        publication: &Publication<'_>,
    ) -> Result<String, SecureError> {
        let (array, chain) = (entries(list)?, self.instance.chain()?);
        Ok(self
            .token_list(&array, publication)
            .sign_jwt(self.signing_key(chain.as_ref()), self.signer)?)
    }

    /// Writes and signs a Token Status List as a `statuslist+cwt`.
    pub(crate) fn token_list_cwt(
        &self,
        list: &List,
        publication: &Publication<'_>,
    ) -> Result<Vec<u8>, SecureError> {
        let (array, chain) = (entries(list)?, self.instance.chain()?);
        Ok(self
            .token_list(&array, publication)
            .sign_cwt(self.signing_key(chain.as_ref()), self.signer)?)
    }

    fn token_list<'b>(
        &'b self,
        array: &'b StatusArray,
        publication: &'b Publication<'_>,
    ) -> NewTokenList<'b> {
        NewTokenList {
            uri: publication.url,
            issuer: &self.instance.did,
            array,
            issued: publication.from,
            expires: Some(publication.until),
            ttl_s: Some((publication.ttl_ms / 1_000).max(1)),
            aggregation: Some(publication.aggregation),
        }
    }

    /// A list names its key as the tokens do that refer to it.
    fn signing_key<'b>(&'b self, chain: Option<&'b Chain>) -> SigningKey<'b> {
        let method = SigningKey::Method(&self.instance.verification_method);
        chain.map_or(method, SigningKey::Chain)
    }
}

/// The entries of a Token Status List, those that nobody holds among them.
fn entries(list: &List) -> Result<StatusArray, SecureError> {
    let mut array = StatusArray::zeros(list.entries, list.serves.bits)?;
    for (index, value) in &list.values {
        array.set(*index, *value)?;
    }
    Ok(array)
}

/// Under what a list is published, and for how long.
pub(crate) struct Publication<'a> {
    /// The list's URL.
    pub(crate) url: &'a str,
    /// Where the instance lists its Token Status Lists.
    pub(crate) aggregation: &'a str,
    /// How long it may be kept, in milliseconds.
    pub(crate) ttl_ms: u64,
    /// When it begins to hold.
    pub(crate) from: Timestamp,
    /// When it ends.
    pub(crate) until: Timestamp,
}
