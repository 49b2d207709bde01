//! Issuing status list tokens (draft-ietf-oauth-status-list-20 §5).

use super::StatusArray;
use crate::issuing::{IssueError, token};
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
    /// When no algorithm goes with the key, the list cannot be compressed, or signing fails.
    pub fn sign_jwt(
        &self,
        verification_method: &str,
        signer: &dyn Signer,
    ) -> Result<String, IssueError> {
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
        token(
            &payload,
            TokenKind::StatusList,
            Some(verification_method),
            signer,
        )
    }
}

/// Cuts a time to the second, as a `NumericDate` is written.
fn seconds(time: Timestamp) -> i64 {
    time.unix_ms().div_euclid(1_000)
}
