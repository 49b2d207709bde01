//! Status list tokens, JWT or CWT: parsed, verified, read (draft-ietf-oauth-status-list-20 §5, §8.3).

use super::super::StatusError;
use super::content::{Content, parse_jwt};
use super::signer::Signer;
use super::{StatusArray, TokenEntry, TokenStatus, cwt};
use crate::securing::cose::Sign1;
use crate::securing::jose::Token;
use crate::securing::x5c::{Chain, TrustAnchor};
use crate::securing::{Claims, Keys};
use crate::verdict::{Finding, key_holds};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use std::collections::BTreeSet;

/// How far a signer's clock may run ahead, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Is a status list token whose form holds; its signature is not yet verified, its list not yet unfolded.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenList {
    envelope: Envelope,
    chain: Option<Chain>,
    claims: Claims,
    issued: Timestamp,
    content: Content,
}

/// How a list is secured.
#[derive(Clone, Debug, PartialEq)]
enum Envelope {
    Jwt(Token),
    Cwt(Sign1),
}

/// Is a status list token whose signature and validity hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedTokenList {
    uri: String,
    signer: Signer,
    issued: Timestamp,
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    ttl_ms: Option<i64>,
    array: StatusArray,
    aggregation: Option<String>,
    fetched: Timestamp,
}

impl TokenList {
    /// Parses a `statuslist+jwt` or a `statuslist+cwt`; its own bytes say which it is.
    ///
    /// # Errors
    /// When the bytes are no such token, its certificates cannot be read, or a claim that §5 requires is missing or malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusError> {
        let (envelope, chain, claims, content) = if Sign1::begins(bytes) {
            let (message, claims, content) = cwt::parse(bytes)?;
            let x5chain = &message.header().x5chain;
            let chain = (!x5chain.is_empty()).then(|| Chain::from_der(x5chain));
            (Envelope::Cwt(message), chain, claims, content)
        } else {
            let (token, claims, content) = parse_jwt(bytes)?;
            let x5c = &token.header().x5c;
            let chain = (!x5c.is_empty()).then(|| Chain::parse(x5c));
            (Envelope::Jwt(token), chain, claims, content)
        };
        // RFC 7519 §4.1.3, RFC 8392 §3.1.3: a token for an audience is for nobody else.
        if !claims.audience.is_empty() {
            return Err(StatusError::Shape {
                reason: "the list is for an audience",
            });
        }
        let issued = claims.issued_at.ok_or(StatusError::Shape {
            reason: "iat is missing",
        })?;
        Ok(Self {
            envelope,
            chain: chain.transpose().map_err(|error| StatusError::Parse {
                reason: error.to_string(),
            })?,
            claims,
            issued,
            content,
        })
    }

    /// Returns the absolute URL of the verification method whose key the signature needs; none if the list brings certificates.
    ///
    /// A relative `kid` is one of the list's issuer, `iss`; without it, one of the issuer of the token that refers here.
    pub fn verification_method(&self, referrer: &str) -> Option<String> {
        if self.chain.is_some() {
            return None;
        }
        let issuer = Some(self.claims.issuer.as_deref().unwrap_or(referrer));
        match &self.envelope {
            Envelope::Jwt(token) => token.verification_method(issuer),
            Envelope::Cwt(message) => message.verification_method(issuer),
        }
    }

    /// Verifies a token that was fetched at this time, on behalf of a token that this issuer issued.
    ///
    /// `keys` holds what [`Self::verification_method`] names. A list that brings certificates is verified by them alone, and
    /// they must lead to one of the `anchors`.
    ///
    /// # Errors
    /// When the signature does not hold, its key is not that of the list's issuer or was not valid, the token is not yet or
    /// no longer valid, or the list does not unfold.
    pub fn verify(
        &self,
        referrer: &str,
        keys: &Keys,
        anchors: &[TrustAnchor],
        fetched: Timestamp,
    ) -> Result<VerifiedTokenList, StatusError> {
        let signer = match &self.chain {
            Some(chain) => self.certified(chain, anchors, fetched)?,
            None => self.controller(referrer, keys, fetched)?,
        };
        let content = &self.content;
        let verified = VerifiedTokenList {
            uri: content.uri.clone(),
            signer,
            issued: self.issued,
            not_before: self.claims.not_before,
            expires: self.claims.expires,
            ttl_ms: content.ttl_ms,
            array: StatusArray::unfold(&content.packed, content.bits)?,
            aggregation: content.aggregation.clone(),
            fetched,
        };
        verified.valid_at(fetched)?;
        Ok(verified)
    }

    /// Names whom the certificates are for: the list's issuer, if it names one.
    fn certified(
        &self,
        chain: &Chain,
        anchors: &[TrustAnchor],
        as_of: Timestamp,
    ) -> Result<Signer, StatusError> {
        self.check_signature(chain.key())?;
        let named = self.claims.issuer.as_deref();
        let trusted = chain
            .anchor(anchors)
            .and_then(|anchor| chain.valid_at(anchor, as_of))
            .and_then(|()| named.map_or(Ok(()), |issuer| chain.is_for(issuer)));
        trusted.map_err(|error| StatusError::Unverified {
            reason: error.to_string(),
        })?;
        Ok(match named {
            Some(issuer) => Signer::Named(issuer.to_owned()),
            None => Signer::Certified(Box::new(chain.clone())),
        })
    }

    fn check_signature(&self, key: &PublicKey) -> Result<(), StatusError> {
        let holds = match &self.envelope {
            Envelope::Jwt(token) => token
                .check_signature(key)
                .map_err(|error| error.to_string()),
            Envelope::Cwt(message) => message
                .check_signature(key)
                .map_err(|error| error.to_string()),
        };
        holds.map_err(|reason| StatusError::Unverified { reason })
    }

    /// Names the controller of the key that signed.
    fn controller(
        &self,
        referrer: &str,
        keys: &Keys,
        as_of: Timestamp,
    ) -> Result<Signer, StatusError> {
        let unverified = |reason: String| StatusError::Unverified { reason };
        let method = self
            .verification_method(referrer)
            .ok_or_else(|| unverified("its header names no key".to_owned()))?;
        let Some(Finding::Found(fact)) = keys.get(&method) else {
            return Err(unverified(format!("its key {method} is not at hand")));
        };
        if !fact
            .relationships
            .iter()
            .any(|name| name == "assertionMethod")
        {
            return Err(unverified(format!(
                "its key {method} is not listed under assertionMethod"
            )));
        }
        self.check_signature(&fact.key)?;
        let named = self.claims.issuer.as_deref();
        if !fact.belongs_to(named.unwrap_or(&fact.controller)) {
            return Err(unverified(format!(
                "its key {} is not its issuer's, {}",
                fact.id,
                named.unwrap_or(&fact.controller)
            )));
        }
        key_holds(&fact.history, Some(self.issued), None, as_of)
            .map_err(|error| unverified(error.to_string()))?;
        Ok(Signer::Named(fact.controller.clone()))
    }
}

impl VerifiedTokenList {
    /// Reads what the list says of an entry of a token by this issuer, as of a time.
    ///
    /// # Errors
    /// When the list is another one than the entry names, is signed by neither the issuer nor a delegate, is stale or not
    /// valid, or the index lies outside it.
    pub fn status(
        &self,
        entry: &TokenEntry,
        issuer: &str,
        delegates: &BTreeSet<String>,
        as_of: Timestamp,
    ) -> Result<TokenStatus, StatusError> {
        if self.uri != entry.uri {
            return Err(StatusError::Id {
                expected: entry.uri.clone(),
                found: self.uri.clone(),
            });
        }
        let mut accepted = std::iter::once(issuer).chain(delegates.iter().map(String::as_str));
        if !accepted.any(|name| self.signer.is(name)) {
            return Err(StatusError::Issuer {
                expected: issuer.to_owned(),
                found: self.signer.name().to_owned(),
            });
        }
        if let Some(ttl_ms) = self.ttl_ms
            && self.fetched.plus_ms(ttl_ms) < as_of
        {
            return Err(StatusError::Stale {
                fetched: self.fetched,
                ttl_ms,
                as_of,
            });
        }
        // §8.4: a list speaks for the time from its iat to its exp, and for no other.
        self.valid_at(as_of)?;
        self.array.entry(entry.index).map(TokenStatus::from)
    }

    /// Returns the URI of the list, its `sub`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns whose key signed: the DID or URL that controls it, or the name in its certificate.
    pub fn signer(&self) -> &str {
        self.signer.name()
    }

    /// Returns when it was issued, its `iat`.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// Returns where the issuer lists its lists, its `aggregation_uri`.
    pub fn aggregation(&self) -> Option<&str> {
        self.aggregation.as_deref()
    }

    /// Returns how many bytes the list takes in memory.
    pub fn unfolded_bytes(&self) -> usize {
        self.array.len()
    }

    /// Returns until when the list may be kept: the end of its `ttl` or its `exp`.
    pub fn keep_until(&self) -> Option<Timestamp> {
        let ttl = self.ttl_ms.map(|ttl| self.fetched.plus_ms(ttl));
        [ttl, self.expires].into_iter().flatten().min()
    }

    fn valid_at(&self, as_of: Timestamp) -> Result<(), StatusError> {
        let from = self
            .not_before
            .map_or(self.issued, |from| from.max(self.issued));
        let begun = from <= as_of.plus_ms(CLOCK_SKEW_MS);
        let ended = self.expires.is_some_and(|expires| expires <= as_of);
        if begun && !ended {
            Ok(())
        } else {
            Err(StatusError::Validity {
                from: Some(from),
                until: self.expires,
                as_of,
            })
        }
    }
}
