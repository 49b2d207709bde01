//! SD-JWT VC, `dc+sd-jwt`: credentials with a claim model of their own (draft-ietf-oauth-sd-jwt-vc-19).
//!
//! Their verdict is the same as that of W3C credentials, check by check: [`crate::verdict::judge_sd_jwt_vc`].

mod integrity;
mod issuer_metadata;
mod type_metadata;

pub use integrity::{Integrity, IntegrityError};
pub use issuer_metadata::{IssuerKeys, IssuerMetadata, JwkSet, MetadataError, well_known};
pub use type_metadata::{
    ClaimRule, Disclosability, MAX_EXTENDS, PathStep, TypeError, TypeMetadata, effective_rules,
};

use crate::securing::confirmation::Confirmation;
use crate::securing::jose::{JoseError, TokenKind};
use crate::securing::sd_jwt::{SdJwt, SdJwtError};
use crate::securing::x5c::{Chain, X5cError};
use crate::securing::{Keys, ProofReport, SecuringError, text_claim, time_claim, usable};
use crate::status::StatusClaim;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};

/// The claims that a holder must not be able to leave out (§2.2.2.3).
pub const PLAIN: &[&str] = &[
    "iss",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "aka_vcts",
    "status",
    "aud",
];

/// The most further types that `aka_vcts` may name.
const MAX_TYPES: usize = 64;

/// Is an SD-JWT VC whose structure holds and whose signatures are not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SdJwtVc {
    sd_jwt: SdJwt,
    claims: Map<String, Value>,
    vct: String,
    integrity: Option<Integrity>,
    further_types: Vec<String>,
    issuer: Option<String>,
    issued_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    confirmation: Option<Confirmation>,
    status: Option<StatusClaim>,
    chain: Option<Chain>,
}

/// Says where the key that must have signed is found (§2.5). The credential alone decides, so that nobody else can choose.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource<'a> {
    /// In the chain of certificates that the header brings.
    Chain(&'a Chain),
    /// In the issuer's metadata, under the key id if there is one; `method` names it among the evidence.
    Metadata {
        /// `iss`, an `https` URL.
        issuer: &'a str,
        /// `kid`.
        key_id: Option<&'a str>,
        /// The name of the key among the evidence.
        method: String,
    },
    /// At a verification method of `iss`, which is a DID: an extension of ours.
    Method(String),
    /// Nowhere: the credential names neither certificates, nor an `https` issuer, nor a DID with a key.
    Nowhere,
}

/// Says why text is no SD-JWT VC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdJwtVcError {
    /// It is no SD-JWT.
    #[error(transparent)]
    SdJwt(#[from] SdJwtError),
    /// Its header or a claim is not what it must be.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// Its certificates cannot be read.
    #[error(transparent)]
    Chain(#[from] X5cError),
    /// `vct#integrity` is no integrity metadata.
    #[error("vct#integrity: {0}")]
    Integrity(#[from] IntegrityError),
    /// It is a W3C credential as well, or neither: which rules hold cannot be told.
    #[error(
        "typ vc+sd-jwt stands for a W3C credential (@context) or, formerly, an SD-JWT VC (vct): this is {found}"
    )]
    Ambiguous {
        /// `both` or `neither`.
        found: &'static str,
    },
}

impl SdJwtVcError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::SdJwt(error) => error.rule(),
            Self::Jose(error) => error.rule(),
            Self::Chain(error) => error.rule(),
            Self::Integrity(_) => "sd-jwt-vc.integrity",
            Self::Ambiguous { .. } => "sd-jwt-vc.ambiguous",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> crate::ProblemType {
        match self {
            Self::SdJwt(error) => error.problem(),
            Self::Jose(_) | Self::Chain(_) => crate::ProblemType::CryptographicSecurity,
            Self::Integrity(_) | Self::Ambiguous { .. } => crate::ProblemType::Parsing,
        }
    }
}

/// Says whether an SD-JWT is an SD-JWT VC, and not a W3C credential.
///
/// Until November 2024 SD-JWT VC had the `typ` that W3C credentials have today. Such a token is an SD-JWT VC if it has `vct` and
/// no `@context`.
///
/// # Errors
/// When it has both, or neither.
pub fn is_sd_jwt_vc(sd_jwt: &SdJwt) -> Result<bool, SdJwtVcError> {
    let header = sd_jwt.token().header();
    if header.check(TokenKind::SdJwtVc).is_ok() {
        return Ok(true);
    }
    let has = |name| sd_jwt.payload().contains_key(name);
    match (has("@context"), has("vct")) {
        (true, true) => Err(SdJwtVcError::Ambiguous { found: "both" }),
        (false, true) => Ok(header.typ.is_some() && header.check(TokenKind::SdCredential).is_ok()),
        _ => Ok(false),
    }
}

impl SdJwtVc {
    /// Parses an SD-JWT VC, with or without key binding.
    ///
    /// # Errors
    /// When it is no SD-JWT, its header is that of another kind of token, or it breaks a rule of the claim model.
    pub fn parse(text: &str) -> Result<Self, SdJwtVcError> {
        let (sd_jwt, claims) = SdJwt::parse(text)?;
        Self::from_parts(sd_jwt, claims)
    }

    /// Takes a parsed SD-JWT with its disclosed claims.
    pub(crate) fn from_parts(
        sd_jwt: SdJwt,
        claims: Map<String, Value>,
    ) -> Result<Self, SdJwtVcError> {
        if !is_sd_jwt_vc(&sd_jwt)? {
            sd_jwt.token().header().check(TokenKind::SdJwtVc)?;
        }
        sd_jwt.check_plain(PLAIN)?;
        for claim in PLAIN {
            if sd_jwt.payload().get(*claim).is_some_and(conceals) {
                return Err(SdJwtError::NotDisclosable { claim }.into());
            }
        }
        let mut registered = claims.clone();
        let vct = text_claim(&mut registered, "vct")?
            .filter(|vct| !vct.is_empty())
            .ok_or(JoseError::Claim {
                claim: "vct",
                reason: "an SD-JWT VC must name its type",
            })?;
        let integrity = text_claim(&mut registered, "vct#integrity")?
            .map(|text| Integrity::parse(&text))
            .transpose()?;
        let x5c = &sd_jwt.token().header().x5c;
        let chain = (!x5c.is_empty()).then(|| Chain::parse(x5c)).transpose()?;
        text_claim(&mut registered, "sub")?;
        Ok(Self {
            further_types: further_types(&registered, &vct)?,
            vct,
            integrity,
            issuer: text_claim(&mut registered, "iss")?,
            issued_at: time_claim(&mut registered, "iat")?,
            not_before: time_claim(&mut registered, "nbf")?,
            expires: time_claim(&mut registered, "exp")?,
            confirmation: registered
                .remove("cnf")
                .map(|cnf| Confirmation::parse(&cnf))
                .transpose()?,
            status: registered
                .remove("status")
                .map(|claim| StatusClaim::parse(&claim))
                .transpose()
                .map_err(|reason| JoseError::Claim {
                    claim: "status",
                    reason,
                })?,
            chain,
            sd_jwt,
            claims,
        })
    }

    /// Returns the SD-JWT.
    pub fn sd_jwt(&self) -> &SdJwt {
        &self.sd_jwt
    }

    /// Returns the claims as they are disclosed.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Returns `vct`, its type.
    pub fn vct(&self) -> &str {
        &self.vct
    }

    /// Returns `vct#integrity`, the digest of its type's metadata.
    pub fn integrity(&self) -> Option<&Integrity> {
        self.integrity.as_ref()
    }

    /// Lists its types: `vct`, then `aka_vcts`.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.vct.as_str()).chain(self.further_types.iter().map(String::as_str))
    }

    /// Returns who issued it: `iss`, or whom the first certificate names.
    pub fn issuer(&self) -> &str {
        let named = self.chain.as_ref().map(Chain::subject);
        self.issuer.as_deref().or(named).unwrap_or_default()
    }

    /// Returns `iss`.
    pub fn named_issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns `iat`.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// Returns `nbf`.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// Returns `exp`.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Returns `cnf`, the holder's key.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Returns `status`, where the credential's status is.
    pub fn status(&self) -> Option<&StatusClaim> {
        self.status.as_ref()
    }

    /// Says where the key that must have signed is found.
    pub fn key_source(&self) -> KeySource<'_> {
        if let Some(chain) = &self.chain {
            return KeySource::Chain(chain);
        }
        let key_id = self.sd_jwt.token().header().kid.as_deref();
        match self.issuer.as_deref() {
            Some(issuer) if issuer.starts_with("https://") => KeySource::Metadata {
                issuer,
                key_id,
                method: format!("{issuer}#{}", key_id.unwrap_or_default()),
            },
            Some(issuer) if issuer.starts_with("did:") => self
                .sd_jwt
                .token()
                .verification_method(Some(issuer))
                .map_or(KeySource::Nowhere, KeySource::Method),
            _ => KeySource::Nowhere,
        }
    }

    /// Lists the verification methods whose keys the signatures need, absolute; a chain of certificates brings its own key.
    pub fn verification_methods(&self) -> Vec<String> {
        let mut methods = Vec::new();
        if let KeySource::Method(method) = self.key_source() {
            methods.push(method);
        }
        if let Some(Confirmation::Method(method)) = &self.confirmation
            && self.sd_jwt.key_binding().is_some()
        {
            methods.push(method.clone());
        }
        methods
    }

    /// Verifies the issuer's signature with the key that the credential itself determines; whose key it is, is another question.
    pub(crate) fn verify(&self, keys: &Keys, as_of: Timestamp, clock_skew_ms: i64) -> ProofReport {
        let token = self.sd_jwt.token();
        let (method, key) = match self.key_source() {
            KeySource::Chain(chain) => (format!("x5c:{}", chain.subject()), Ok(chain.key())),
            KeySource::Metadata { method, .. } | KeySource::Method(method) => {
                let key = usable(keys, &method, "assertionMethod").map(|fact| &fact.key);
                (method, key)
            }
            KeySource::Nowhere => (String::new(), Err(JoseError::NoKeyId.into())),
        };
        let future = self
            .issued_at
            .filter(|created| *created > as_of.plus_ms(clock_skew_ms));
        let result = match future {
            Some(created) => Err(SecuringError::Future { created, as_of }),
            None => key.and_then(|key| Ok(token.check_signature(key)?)),
        };
        ProofReport {
            suite: token.header().algorithm.name().to_owned(),
            verification_method: method,
            created: self.issued_at,
            disclosed: None,
            result,
        }
    }

    /// Returns the bytes that the ledger's anchor digests: the issuer-signed JWT, whatever is disclosed.
    pub fn secured_bytes(&self) -> &[u8] {
        self.sd_jwt.token().compact().as_bytes()
    }
}

/// Reads `aka_vcts` (§2.2.2.2).
fn further_types(claims: &Map<String, Value>, vct: &str) -> Result<Vec<String>, JoseError> {
    let refused = |reason| JoseError::Claim {
        claim: "aka_vcts",
        reason,
    };
    let types = match claims.get("aka_vcts") {
        None => return Ok(Vec::new()),
        Some(Value::Array(types)) if (1..=MAX_TYPES).contains(&types.len()) => types,
        Some(_) => return Err(refused("it is no array of one to 64 strings")),
    };
    types
        .iter()
        .map(|name| match name.as_str() {
            None => Err(refused("it is no array of one to 64 strings")),
            Some(name) if name == vct => Err(refused("it repeats vct")),
            Some(name) => Ok(name.to_owned()),
        })
        .collect()
}

/// Says whether a value of the signed payload has anything concealed in it.
fn conceals(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.contains_key("_sd")
                || members.contains_key("...")
                || members.values().any(conceals)
        }
        Value::Array(elements) => elements.iter().any(conceals),
        _ => false,
    }
}
