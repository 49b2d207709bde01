//! Issuing status list tokens (draft-ietf-oauth-status-list-20 §5).

use super::StatusArray;
use super::cwt::NewClaims;
use crate::issuing::{IssueError, token_under};
use crate::securing::SigningKey;
use crate::securing::cose::{CoseKind, NewSign1};
use crate::securing::jose::TokenKind;
use chop_integrity::Timestamp;
use chop_keys::Signer;
use serde_json::{Map, Value, json};

/// Is a status list token that is about to be issued.
#[derive(Clone, Debug)]
pub struct NewTokenList<'a> {
    /// The URI under which the list is served, its `sub`.
    pub uri: &'a str,
    /// Whose list it is, its `iss`.
    pub issuer: &'a str,
    /// The entries.
    pub array: &'a StatusArray,
    /// When it is issued.
    pub issued: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// How long it may be kept, in seconds.
    pub ttl_s: Option<u64>,
    /// Where the issuer lists its lists.
    pub aggregation: Option<&'a str>,
}

impl NewTokenList<'_> {
    /// Signs the list as a `statuslist+jwt`.
    ///
    /// # Errors
    /// When no algorithm goes with the key, its certificates are not for it or not for the list's issuer, the list cannot be
    /// compressed, or signing fails.
    pub fn sign_jwt(&self, key: SigningKey<'_>, signer: &dyn Signer) -> Result<String, IssueError> {
        let mut list = Map::new();
        list.insert("bits".to_owned(), json!(self.array.bits()));
        list.insert("lst".to_owned(), json!(self.array.encode()?));
        if let Some(uri) = self.aggregation {
            list.insert("aggregation_uri".to_owned(), json!(uri));
        }
        let mut payload = Map::new();
        payload.insert("iss".to_owned(), json!(self.issuer));
        payload.insert("sub".to_owned(), json!(self.uri));
        payload.insert("iat".to_owned(), json!(seconds(self.issued)));
        if let Some(expires) = self.expires {
            payload.insert("exp".to_owned(), json!(seconds(expires)));
        }
        if let Some(ttl) = self.ttl_s {
            payload.insert("ttl".to_owned(), json!(ttl));
        }
        payload.insert("status_list".to_owned(), Value::Object(list));
        let mut header = Map::new();
        match key {
            SigningKey::Method(method) => header.insert("kid".to_owned(), json!(method)),
            SigningKey::Chain(chain) => {
                chain.certifies(signer.public_key(), Some(self.issuer))?;
                header.insert("x5c".to_owned(), json!(chain.to_x5c()))
            }
        };
        token_under(header, &payload, TokenKind::StatusList, signer)
    }

    /// Signs the list as a `statuslist+cwt`.
    ///
    /// # Errors
    /// As [`Self::sign_jwt`] says.
    pub fn sign_cwt(
        &self,
        key: SigningKey<'_>,
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, IssueError> {
        let claims = NewClaims {
            issuer: self.issuer,
            uri: self.uri,
            issued_s: seconds(self.issued),
            expires_s: self.expires.map(seconds),
            ttl_s: self.ttl_s,
            bits: self.array.bits(),
            packed: &self.array.fold()?,
            aggregation: self.aggregation,
        };
        if let SigningKey::Chain(chain) = key {
            chain.certifies(signer.public_key(), Some(self.issuer))?;
        }
        Ok(NewSign1::new(CoseKind::StatusList, key).sign(&claims.write(), signer)?)
    }
}

/// Cuts a time to the second, as a `NumericDate` is written.
fn seconds(time: Timestamp) -> i64 {
    time.unix_ms().div_euclid(1_000)
}
