//! Secured credentials: parsed, not yet verified.

use super::claims::{Claims, claims};
use super::{
    Document, ParseError, Parsed, Secured, Securing, object, of_version, parsed, secured_bytes,
    split,
};
use crate::model::{self, Credential, ModelError, Version};
use crate::securing::cose::{CoseKind, Sign1};
use crate::securing::data_url::{self, Content};
use crate::securing::jose::{self, JoseError, Token, TokenKind};
use crate::securing::sd_jwt::{REGISTERED, SdJwt};
use crate::securing::vc_jwt;
use chop_integrity::JcsError;
use chop_integrity::json::{self, Limits, Plain};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The type of an object that holds a credential in a `data:` URL (VC Data Model 2.0 §4.13).
const ENVELOPE: &str = "EnvelopedVerifiableCredential";

/// Is a credential whose structure holds and whose signatures are not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredCredential {
    credential: Credential,
    securing: Securing,
    claims: Claims,
}

impl SecuredCredential {
    /// Parses a credential: JSON with `proof`, an `EnvelopedVerifiableCredential`, or a compact `vc+jwt` or
    /// `vc+sd-jwt`, or a `vc+cose`.
    ///
    /// # Errors
    /// When the bytes are none of these, or break a rule of the data model.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match parsed(bytes) {
            Parsed::Cose(message) => Self::from_cose(message),
            Parsed::Text(token) => Self::from_token(token),
            Parsed::Json(text) => match Plain::read(text.to_vec(), &Limits::CREDENTIAL) {
                Ok(plain) => Self::from_plain(plain),
                Err(text) => Self::from_value(
                    json::parse(&text, &Limits::CREDENTIAL).map_err(ModelError::from)?,
                ),
            },
        }
    }

    /// Takes a credential from parsed JSON, which must be an object.
    ///
    /// # Errors
    /// When it breaks a rule of the data model; a JSON string is refused whatever it holds.
    pub fn from_value(value: Value) -> Result<Self, ParseError> {
        let json = object(value, "the credential")?;
        if model::is_envelope(&json, ENVELOPE) {
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

    /// Takes a credential from JSON that is written plainly.
    ///
    /// # Errors
    /// As [`Self::from_value`].
    pub fn from_plain(plain: Plain) -> Result<Self, ParseError> {
        let unproven = |further| {
            let (own, securing) = split(further).ok()?;
            Some((securing, own))
        };
        let by_its_values =
            |plain: &Plain| Self::from_value(Value::Object(plain.members().to_map()));
        // What calls itself an envelope is one, whatever else it calls itself.
        if model::has_type(plain.members(), ENVELOPE) {
            return by_its_values(&plain);
        }
        match Credential::from_plain(plain, unproven) {
            Ok((securing, credential)) => Ok(Self {
                credential,
                securing,
                claims: Claims::default(),
            }),
            Err(plain) => by_its_values(&plain),
        }
    }

    /// Takes a credential out of the `data:` URL of an envelope, which is of version 2.0.
    pub(super) fn from_data_url(url: &str) -> Result<Self, ParseError> {
        match data_url::content(url, &data_url::CREDENTIAL)? {
            Content::Token(TokenKind::SdCredential, text) => Self::from_sd_jwt_text(text),
            Content::Token(_, text) => {
                let (token, payload) = Token::read(text, Payload::read)?;
                token.header().check(TokenKind::Credential)?;
                Self::of_token(token, payload)
            }
            Content::Cose(message) => Self::from_cose(&message),
        }
    }

    /// Takes a compact `vc+jwt`, a `vc+sd-jwt`, which has a `~`, or a JWT of version 1.1, which has the claim `vc`.
    ///
    /// # Errors
    /// When it is malformed, its header is not allowed, or its payload breaks the data model.
    pub fn from_token(text: &str) -> Result<Self, ParseError> {
        if SdJwt::is_meant(text) {
            Self::from_sd_jwt_text(text)
        } else {
            Self::from_jwt(text)
        }
    }

    /// Takes a compact `vc+jwt`, or a JWT of version 1.1.
    ///
    /// # Errors
    /// As [`Self::from_token`].
    pub(crate) fn from_jwt(text: &str) -> Result<Self, ParseError> {
        let (token, payload) = Token::read(text, Payload::read)?;
        let kind = TokenKind::Credential;
        if vc_jwt::may_wrap(token.header()) && payload.has(vc_jwt::wrapper(kind)) {
            let parts = vc_jwt::decode(payload.into_members(), kind)?;
            return Self::with(parts, Securing::Jose(Box::new(token)), Version::V1);
        }
        token.header().check(kind)?;
        Self::of_token(token, payload)
    }

    /// Takes a `vc+jwt` whose header is allowed.
    fn of_token(token: Token, payload: Payload) -> Result<Self, ParseError> {
        let securing = Securing::Jose(Box::new(token));
        let members = match payload {
            Payload::Members(members) => members,
            Payload::Plain(plain) => {
                match Credential::from_plain(plain, |further| claims(further).ok()) {
                    Ok((claims, credential)) => return Self::of(claims, credential, securing),
                    Err(plain) => plain.members().to_map(),
                }
            }
        };
        Self::of_payload(members, securing)
    }

    /// Takes a JWT of version 1.1 as it stands in a presentation that is one.
    pub(super) fn from_held_jwt(text: &str) -> Result<Self, ParseError> {
        let held = Self::from_jwt(text)?;
        of_version(held.credential.version(), Version::V1)?;
        Ok(held)
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
        Self::of_payload(claims, Securing::SdJwt(Box::new(sd_jwt)))
    }

    /// Takes a `vc+cose`, tagged or not.
    ///
    /// # Errors
    /// When it is malformed, its headers are not allowed, or its payload breaks the data model.
    pub fn from_cose(message: &[u8]) -> Result<Self, ParseError> {
        let (message, claims, json) = Sign1::parse(message, CoseKind::Credential)?;
        let securing = Securing::Cose(Box::new(message));
        Self::with((claims, json), securing, Version::V2)
    }

    fn of_payload(payload: Map<String, Value>, securing: Securing) -> Result<Self, ParseError> {
        Self::with(claims(payload)?, securing, Version::V2)
    }

    fn with(
        (claims, json): (Claims, Map<String, Value>),
        securing: Securing,
        version: Version,
    ) -> Result<Self, ParseError> {
        let credential = Credential::from_map(json)?;
        of_version(credential.version(), version)?;
        Self::of(claims, credential, securing)
    }

    /// Puts together what must name one issuer.
    fn of(claims: Claims, credential: Credential, securing: Securing) -> Result<Self, ParseError> {
        if claims
            .issuer
            .as_deref()
            .is_some_and(|issuer| issuer != credential.issuer())
        {
            return Err(securing.wrong_claim("iss", "it is not the credential's issuer"));
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
            document: Document::Credential(&self.credential),
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
        let whole = match (&self.securing, self.credential.written()) {
            (Securing::Unsecured | Securing::DataIntegrity(_), Some(written)) => {
                written.canonical_whole()
            }
            _ => None,
        };
        whole.map_or_else(|| secured_bytes(self.credential.json(), &self.securing), Ok)
    }
}

/// Is a token's payload: an object.
enum Payload {
    /// As the text in which it came.
    Plain(Plain),
    /// As values.
    Members(Map<String, Value>),
}

impl Payload {
    fn read(bytes: Vec<u8>) -> Result<Self, JoseError> {
        match Plain::read(bytes, &Limits::CREDENTIAL) {
            Ok(plain) => Ok(Self::Plain(plain)),
            Err(bytes) => jose::members(&bytes).map(Self::Members),
        }
    }

    fn has(&self, member: &str) -> bool {
        match self {
            Self::Plain(plain) => plain.members().member(member).is_some(),
            Self::Members(members) => members.contains_key(member),
        }
    }

    fn into_members(self) -> Map<String, Value> {
        match self {
            Self::Plain(plain) => plain.members().to_map(),
            Self::Members(members) => members,
        }
    }
}

#[cfg(test)]
mod tests;
