//! Secured credentials and presentations: parsed, not yet verified.

use super::data_url;
use super::jose::{JoseError, Token, TokenKind};
use crate::model::{self, Credential, Held, ModelError, Presentation, kind};
use chop_integrity::json::{self, Limits};
use chop_integrity::{JcsError, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most proofs that one document may carry.
const MAX_PROOFS: usize = 32;

/// Says how a document is secured.
#[derive(Clone, Debug, PartialEq)]
pub enum Securing {
    /// Not at all.
    Unsecured,
    /// By these Data Integrity proofs.
    DataIntegrity(Vec<Map<String, Value>>),
    /// By the token that holds it (VC-JOSE-COSE).
    Jose(Box<Token>),
}

/// Holds the registered claims that stand beside a credential in a token's payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`, one or several.
    pub audience: Vec<String>,
    /// `exp`.
    pub expires: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nonce`.
    pub nonce: Option<String>,
}

/// Is a credential whose structure holds and whose signatures are not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredCredential {
    credential: Credential,
    securing: Securing,
    claims: Claims,
}

/// Is a presentation whose structure holds, with its credentials; no signature is verified yet.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredPresentation {
    presentation: Presentation,
    securing: Securing,
    claims: Claims,
    credentials: Vec<Result<SecuredCredential, ParseError>>,
}

/// Borrows what a signature is about.
#[derive(Clone, Copy, Debug)]
pub struct Secured<'a> {
    /// The document without `proof`.
    pub document: &'a Map<String, Value>,
    /// How it is secured.
    pub securing: &'a Securing,
    /// A token's registered claims.
    pub claims: &'a Claims,
    /// The issuer, or holder, that must have signed.
    pub signer: Option<&'a str>,
}

/// Says why bytes are no secured credential or presentation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The document breaks the data model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The token is malformed.
    #[error(transparent)]
    Jose(#[from] JoseError),
}

impl ParseError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Model(error) => error.rule(),
            Self::Jose(error) => error.rule(),
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> crate::ProblemType {
        match self {
            Self::Model(error) => error.problem(),
            Self::Jose(_) => crate::ProblemType::CryptographicSecurity,
        }
    }
}

impl SecuredCredential {
    /// Parses a credential: JSON with `proof`, an `EnvelopedVerifiableCredential`, or a compact `vc+jwt`.
    ///
    /// # Errors
    /// When the bytes are none of these, or break a rule of the data model.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match text_or_json(bytes)? {
            Parsed::Text(token) => Self::from_token(token),
            Parsed::Json(value) => Self::from_value(value),
        }
    }

    /// Takes a credential from parsed JSON, which must be an object.
    ///
    /// # Errors
    /// When it breaks a rule of the data model; a JSON string is refused whatever it holds.
    pub fn from_value(value: Value) -> Result<Self, ParseError> {
        let json = object(value, "the credential")?;
        if model::is_envelope(&json, "EnvelopedVerifiableCredential") {
            model::envelope(&json)?;
            let id = json.get("id").and_then(Value::as_str).unwrap_or_default();
            return Self::from_token(data_url::token(id, TokenKind::Credential)?);
        }
        let (json, securing) = split(json)?;
        Ok(Self {
            credential: Credential::from_map(json)?,
            securing,
            claims: Claims::default(),
        })
    }

    /// Takes a compact `vc+jwt`.
    ///
    /// # Errors
    /// When it is malformed, its header is not allowed, or its payload breaks the data model.
    pub fn from_token(text: &str) -> Result<Self, ParseError> {
        let (token, payload) = Token::parse(text, TokenKind::Credential)?;
        let (claims, json) = claims(payload)?;
        let credential = Credential::from_map(json)?;
        if claims
            .issuer
            .as_deref()
            .is_some_and(|issuer| issuer != credential.issuer())
        {
            return Err(JoseError::Claim {
                claim: "iss",
                reason: "it is not the credential's issuer",
            }
            .into());
        }
        Ok(Self {
            credential,
            securing: Securing::Jose(Box::new(token)),
            claims,
        })
    }

    /// Returns the credential.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Says how it is secured.
    pub fn securing(&self) -> &Securing {
        &self.securing
    }

    /// Returns the token's registered claims; empty if there is no token.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Lists the verification methods whose keys the signatures need, absolute.
    pub fn verification_methods(&self) -> BTreeSet<String> {
        self.secured().verification_methods()
    }

    /// Borrows what the signatures are about.
    pub fn secured(&self) -> Secured<'_> {
        Secured {
            document: self.credential.json(),
            securing: &self.securing,
            claims: &self.claims,
            signer: Some(self.credential.issuer()),
        }
    }

    /// Returns the bytes that the ledger's anchor digests: JCS of the credential with its proof, or the compact token.
    ///
    /// # Errors
    /// When the credential has no canonical form.
    pub fn secured_bytes(&self) -> Result<Vec<u8>, JcsError> {
        secured_bytes(self.credential.json(), &self.securing)
    }
}

impl SecuredPresentation {
    /// Parses a presentation: JSON with or without `proof`, an `EnvelopedVerifiablePresentation`, or a compact `vp+jwt`.
    ///
    /// A credential in it that does not parse does not spoil the rest: it is kept as its error.
    ///
    /// # Errors
    /// When the bytes are none of these, or break a rule of the data model.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match text_or_json(bytes)? {
            Parsed::Text(token) => Self::from_token(token),
            Parsed::Json(value) => Self::from_value(value),
        }
    }

    /// Takes a presentation from parsed JSON, which must be an object.
    ///
    /// # Errors
    /// When it breaks a rule of the data model.
    pub fn from_value(value: Value) -> Result<Self, ParseError> {
        let json = object(value, "the presentation")?;
        if model::is_envelope(&json, "EnvelopedVerifiablePresentation") {
            model::envelope(&json)?;
            let id = json.get("id").and_then(Value::as_str).unwrap_or_default();
            return Self::from_token(data_url::token(id, TokenKind::Presentation)?);
        }
        let (json, securing) = split(json)?;
        Ok(Self::with(
            Presentation::from_map(json)?,
            securing,
            Claims::default(),
        ))
    }

    /// Takes a compact `vp+jwt`.
    ///
    /// # Errors
    /// When it is malformed, its header is not allowed, or its payload breaks the data model.
    pub fn from_token(text: &str) -> Result<Self, ParseError> {
        let (token, payload) = Token::parse(text, TokenKind::Presentation)?;
        let (claims, json) = claims(payload)?;
        let presentation = Presentation::from_map(json)?;
        if let (Some(issuer), Some(holder)) = (claims.issuer.as_deref(), presentation.holder())
            && issuer != holder
        {
            return Err(JoseError::Claim {
                claim: "iss",
                reason: "it is not the presentation's holder",
            }
            .into());
        }
        Ok(Self::with(
            presentation,
            Securing::Jose(Box::new(token)),
            claims,
        ))
    }

    fn with(presentation: Presentation, securing: Securing, claims: Claims) -> Self {
        let credentials = presentation
            .credentials()
            .map(|held| match held {
                Held::Embedded(json) => SecuredCredential::from_value(Value::Object(json.clone())),
                Held::Enveloped(id) => data_url::token(id, TokenKind::Credential)
                    .map_err(ParseError::from)
                    .and_then(SecuredCredential::from_token),
            })
            .collect();
        Self {
            presentation,
            securing,
            claims,
            credentials,
        }
    }

    /// Returns the presentation.
    pub fn presentation(&self) -> &Presentation {
        &self.presentation
    }

    /// Lists its credentials, or why one of them is none.
    pub fn credentials(&self) -> &[Result<SecuredCredential, ParseError>] {
        &self.credentials
    }

    /// Says how it is secured.
    pub fn securing(&self) -> &Securing {
        &self.securing
    }

    /// Returns the token's registered claims; empty if there is no token.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns who presents: `holder`, or the token's `iss`.
    pub fn holder(&self) -> Option<&str> {
        self.presentation.holder().or(self.claims.issuer.as_deref())
    }

    /// Lists the verification methods whose keys the presentation's own signatures need, absolute.
    pub fn verification_methods(&self) -> BTreeSet<String> {
        self.secured().verification_methods()
    }

    /// Borrows what the signatures are about.
    pub fn secured(&self) -> Secured<'_> {
        Secured {
            document: self.presentation.json(),
            securing: &self.securing,
            claims: &self.claims,
            signer: self.holder(),
        }
    }
}

impl Secured<'_> {
    fn verification_methods(&self) -> BTreeSet<String> {
        match self.securing {
            Securing::Unsecured => BTreeSet::new(),
            Securing::DataIntegrity(proofs) => proofs
                .iter()
                .filter_map(|proof| proof.get("verificationMethod")?.as_str())
                .map(str::to_owned)
                .collect(),
            Securing::Jose(token) => token.verification_method(self.signer).into_iter().collect(),
        }
    }
}

enum Parsed<'a> {
    Text(&'a str),
    Json(Value),
}

fn text_or_json(bytes: &[u8]) -> Result<Parsed<'_>, ParseError> {
    let trimmed = bytes.trim_ascii();
    // A compact token begins with the base64url of `{`; JSON never begins with a letter that could be confused with it.
    if trimmed.first() == Some(&b'e')
        && let Ok(text) = std::str::from_utf8(trimmed)
    {
        return Ok(Parsed::Text(text));
    }
    Ok(Parsed::Json(
        json::parse(bytes, &Limits::CREDENTIAL).map_err(ModelError::from)?,
    ))
}

fn object(value: Value, property: &'static str) -> Result<Map<String, Value>, ModelError> {
    match value {
        Value::Object(json) => Ok(json),
        other => Err(ModelError::Kind {
            property,
            expected: "an object",
            found: kind(&other),
        }),
    }
}

/// Takes `proof` out of a document.
fn split(mut json: Map<String, Value>) -> Result<(Map<String, Value>, Securing), ModelError> {
    const PROPERTY: &str = "proof";
    let wrong = |found: &Value| ModelError::Kind {
        property: PROPERTY,
        expected: "an object or an array of objects",
        found: kind(found),
    };
    let proofs = match json.remove(PROPERTY) {
        None => return Ok((json, Securing::Unsecured)),
        Some(Value::Object(proof)) => vec![proof],
        Some(Value::Array(items)) if items.is_empty() => {
            return Err(ModelError::Empty { property: PROPERTY });
        }
        Some(Value::Array(items)) if items.len() > MAX_PROOFS => {
            return Err(ModelError::TooMany {
                property: PROPERTY,
                found: items.len(),
                max: MAX_PROOFS,
            });
        }
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(proof) => Ok(proof),
                other => Err(wrong(&other)),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(wrong(&other)),
    };
    for proof in &proofs {
        match proof.get("type") {
            Some(Value::String(_)) => {}
            Some(other) => {
                return Err(ModelError::Kind {
                    property: "proof.type",
                    expected: "a string",
                    found: kind(other),
                });
            }
            None => {
                return Err(ModelError::Missing {
                    property: "proof.type",
                });
            }
        }
    }
    Ok((json, Securing::DataIntegrity(proofs)))
}

/// Takes the registered claims out of a payload (VC-JOSE-COSE §3.1.3).
fn claims(mut json: Map<String, Value>) -> Result<(Claims, Map<String, Value>), JoseError> {
    for wrapper in ["vc", "vp"] {
        if json.contains_key(wrapper) {
            return Err(JoseError::Claim {
                claim: wrapper,
                reason: "credentials and presentations are not wrapped in a claim",
            });
        }
    }
    let claims = Claims {
        issuer: text_claim(&mut json, "iss")?,
        audience: audience(&mut json)?,
        expires: time_claim(&mut json, "exp")?,
        not_before: time_claim(&mut json, "nbf")?,
        issued_at: time_claim(&mut json, "iat")?,
        nonce: text_claim(&mut json, "nonce")?,
    };
    text_claim(&mut json, "sub")?;
    text_claim(&mut json, "jti")?;
    Ok((claims, json))
}

fn text_claim(
    json: &mut Map<String, Value>,
    claim: &'static str,
) -> Result<Option<String>, JoseError> {
    match json.remove(claim) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::Claim {
            claim,
            reason: "it is not a string",
        }),
    }
}

fn audience(json: &mut Map<String, Value>) -> Result<Vec<String>, JoseError> {
    let wrong = JoseError::Claim {
        claim: "aud",
        reason: "it is neither a string nor an array of strings",
    };
    match json.remove("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(one) => Ok(one),
                _ => Err(wrong.clone()),
            })
            .collect(),
        Some(_) => Err(wrong),
    }
}

/// Reads a `NumericDate` (RFC 7519 §2): seconds, of which whole milliseconds count.
fn time_claim(
    json: &mut Map<String, Value>,
    claim: &'static str,
) -> Result<Option<Timestamp>, JoseError> {
    const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    match json.remove(claim) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let seconds = number
                .as_i64()
                .or_else(|| whole_seconds(&number.to_string()));
            seconds
                .filter(|seconds| SECONDS.contains(seconds))
                .map(|seconds| Some(Timestamp::from_unix_ms(seconds * 1_000)))
                .ok_or(JoseError::Claim {
                    claim,
                    reason: "it lies outside the years 1 to 9999",
                })
        }
        Some(_) => Err(JoseError::Claim {
            claim,
            reason: "it is not a number",
        }),
    }
}

/// Cuts the fraction off a decimal number without an exponent.
fn whole_seconds(decimal: &str) -> Option<i64> {
    decimal
        .split_once('.')
        .and_then(|(whole, _)| whole.parse().ok())
}

fn secured_bytes(json: &Map<String, Value>, securing: &Securing) -> Result<Vec<u8>, JcsError> {
    match securing {
        Securing::Jose(token) => Ok(token.compact().as_bytes().to_vec()),
        Securing::Unsecured => chop_integrity::canonicalize(json),
        Securing::DataIntegrity(proofs) => {
            let mut whole = json.clone();
            let proof = match proofs.as_slice() {
                [one] => Value::Object(one.clone()),
                many => Value::Array(many.iter().cloned().map(Value::Object).collect()),
            };
            whole.insert("proof".to_owned(), proof);
            chop_integrity::canonicalize(&whole)
        }
    }
}
