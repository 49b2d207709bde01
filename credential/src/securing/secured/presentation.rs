//! Secured presentations: parsed, not yet verified.

use super::claims::{Claims, claims};
use super::{
    Document, ParseError, Parsed, Secured, SecuredCredential, Securing, object, of_version, parsed,
    split,
};
use crate::model::{self, Held, ModelError, Presentation, Version};
use crate::securing::cose::{CoseKind, Sign1};
use crate::securing::data_url::{self, Content};
use crate::securing::jose::{Token, TokenKind};
use crate::securing::sd_jwt::{REGISTERED, SdJwt, SdJwtError};
use crate::securing::vc_jwt;
use chop_integrity::json::{self, Limits};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Is a presentation whose structure holds, with its credentials; no signature is verified yet.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredPresentation {
    presentation: Presentation,
    securing: Securing,
    claims: Claims,
    credentials: Vec<Result<SecuredCredential, ParseError>>,
}

impl SecuredPresentation {
    /// Parses a presentation: JSON with or without `proof`, an `EnvelopedVerifiablePresentation`, a compact `vp+jwt`
    /// or `vp+sd-jwt`, or a `vp+cose`.
    ///
    /// A credential in it that does not parse does not spoil the rest: it is kept as its error.
    ///
    /// # Errors
    /// When the bytes are none of these, or break a rule of the data model.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match parsed(bytes) {
            Parsed::Cose(message) => Self::from_cose(message),
            Parsed::Text(token) => Self::from_token(token),
            Parsed::Json(text) => {
                Self::from_value(json::parse(text, &Limits::CREDENTIAL).map_err(ModelError::from)?)
            }
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
            // An envelope is of version 2.0.
            return match data_url::content(id, &data_url::PRESENTATION)? {
                Content::Token(TokenKind::SdPresentation, text) => Self::from_sd_jwt(text),
                Content::Token(_, text) => {
                    let (token, payload) = Token::parse(text, TokenKind::Presentation)?;
                    Self::of_payload(payload, Securing::Jose(Box::new(token)))
                }
                Content::Cose(message) => Self::from_cose(&message),
            };
        }
        let (json, securing) = split(json)?;
        Ok(Self::with(
            Presentation::from_map(json)?,
            securing,
            Claims::default(),
        ))
    }

    /// Takes a compact `vp+jwt`, a `vp+sd-jwt`, which has a `~`, or a JWT of version 1.1, which has the claim `vp`.
    ///
    /// # Errors
    /// When it is malformed, its header is not allowed, or its payload breaks the data model.
    pub fn from_token(text: &str) -> Result<Self, ParseError> {
        if SdJwt::is_meant(text) {
            Self::from_sd_jwt(text)
        } else {
            Self::from_jwt(text)
        }
    }

    fn from_jwt(text: &str) -> Result<Self, ParseError> {
        let (token, payload) = Token::parse_any(text)?;
        let kind = TokenKind::Presentation;
        if vc_jwt::is_wrapped(token.header(), &payload, kind) {
            let (claims, json) = vc_jwt::decode(payload, kind)?;
            let presentation = Presentation::from_jwt(json)?;
            of_version(presentation.version(), Version::V1)?;
            return Self::signed(presentation, claims, Securing::Jose(Box::new(token)));
        }
        token.header().check(kind)?;
        Self::of_payload(payload, Securing::Jose(Box::new(token)))
    }

    /// Takes a `vp+cose`, tagged or not.
    ///
    /// # Errors
    /// When it is malformed, its headers are not allowed, or its payload breaks the data model.
    pub fn from_cose(message: &[u8]) -> Result<Self, ParseError> {
        let (message, claims, json) = Sign1::parse(message, CoseKind::Presentation)?;
        let presentation = Presentation::from_map(json)?;
        of_version(presentation.version(), Version::V2)?;
        Self::signed(presentation, claims, Securing::Cose(Box::new(message)))
    }

    fn from_sd_jwt(text: &str) -> Result<Self, ParseError> {
        let (sd_jwt, claims) = SdJwt::parse(text)?;
        sd_jwt.token().header().check(TokenKind::SdPresentation)?;
        sd_jwt.check_plain(REGISTERED)?;
        if sd_jwt.key_binding().is_some() {
            return Err(SdJwtError::Form {
                reason: "a presentation is bound by its own signature, not by a key binding JWT",
            }
            .into());
        }
        Self::of_payload(claims, Securing::SdJwt(Box::new(sd_jwt)))
    }

    fn of_payload(payload: Map<String, Value>, securing: Securing) -> Result<Self, ParseError> {
        let (claims, json) = claims(payload)?;
        let presentation = Presentation::from_map(json)?;
        of_version(presentation.version(), Version::V2)?;
        Self::signed(presentation, claims, securing)
    }

    /// Takes the presentation that a token or message holds.
    fn signed(
        presentation: Presentation,
        claims: Claims,
        securing: Securing,
    ) -> Result<Self, ParseError> {
        if claims.status.is_some() {
            return Err(securing.wrong_claim("status", "a presentation has none"));
        }
        if let (Some(issuer), Some(holder)) = (claims.issuer.as_deref(), presentation.holder())
            && issuer != holder
        {
            return Err(securing.wrong_claim("iss", "it is not the presentation's holder"));
        }
        Ok(Self::with(presentation, securing, claims))
    }

    fn with(presentation: Presentation, securing: Securing, claims: Claims) -> Self {
        let credentials = presentation
            .credentials()
            .map(|held| match held {
                Held::Embedded(json) => SecuredCredential::from_value(Value::Object(json.clone())),
                Held::Enveloped(id) => SecuredCredential::from_data_url(id),
                Held::Token(text) => SecuredCredential::from_held_jwt(text),
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
            document: Document::Presentation(&self.presentation),
            securing: &self.securing,
            claims: &self.claims,
            signer: self.holder(),
        }
    }
}
