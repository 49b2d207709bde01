//! Secured credentials: parsed, not yet verified.

use super::claims::{Claims, claims};
use super::{ParseError, Parsed, Secured, Securing, object, secured_bytes, split, text_or_json};
use crate::model::{self, Credential};
use crate::securing::data_url;
use crate::securing::jose::{JoseError, Token, TokenKind};
use crate::securing::sd_jwt::{REGISTERED, SdJwt};
use chop_integrity::JcsError;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Is a credential whose structure holds and whose signatures are not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredCredential {
    credential: Credential,
    securing: Securing,
    claims: Claims,
}

impl SecuredCredential {
    /// Parses a credential: JSON with `proof`, an `EnvelopedVerifiableCredential`, or a compact `vc+jwt` or
    /// `vc+sd-jwt`.
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
            return Self::from_data_url(id);
        }
        let (json, securing) = split(json)?;
        Ok(Self {
            credential: Credential::from_map(json)?,
            securing,
            claims: Claims::default(),
        })
    }

    /// Takes a credential out of the `data:` URL of an envelope.
    pub(super) fn from_data_url(url: &str) -> Result<Self, ParseError> {
        match data_url::token(url, &[TokenKind::Credential, TokenKind::SdCredential])? {
            (TokenKind::SdCredential, text) => Self::from_sd_jwt_text(text),
            (_, text) => Self::from_jwt(text),
        }
    }

    /// Takes a compact `vc+jwt`, or a `vc+sd-jwt`, which has a `~`.
    ///
    /// # Errors
    /// When it is malformed, its header is not allowed, or its payload breaks the data model.
    pub fn from_token(text: &str) -> Result<Self, ParseError> {
        if text.contains('~') {
            Self::from_sd_jwt_text(text)
        } else {
            Self::from_jwt(text)
        }
    }

    fn from_jwt(text: &str) -> Result<Self, ParseError> {
        let (token, payload) = Token::parse(text, TokenKind::Credential)?;
        Self::with(payload, Securing::Jose(Box::new(token)))
    }

    fn from_sd_jwt_text(text: &str) -> Result<Self, ParseError> {
        let (sd_jwt, claims) = SdJwt::parse(text)?;
        Self::from_sd_jwt(sd_jwt, claims)
    }

    /// Takes a parsed SD-JWT with its disclosed claims.
    pub(crate) fn from_sd_jwt(
        sd_jwt: SdJwt,
        claims: Map<String, Value>,
    ) -> Result<Self, ParseError> {
        sd_jwt.token().header().check(TokenKind::SdCredential)?;
        sd_jwt.check_plain(REGISTERED)?;
        Self::with(claims, Securing::SdJwt(Box::new(sd_jwt)))
    }

    fn with(payload: Map<String, Value>, securing: Securing) -> Result<Self, ParseError> {
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
            securing,
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
    /// Of an SD-JWT it is the issuer-signed JWT alone, so that one anchor serves whatever its holder discloses.
    ///
    /// # Errors
    /// When the credential has no canonical form.
    pub fn secured_bytes(&self) -> Result<Vec<u8>, JcsError> {
        secured_bytes(self.credential.json(), &self.securing)
    }
}
