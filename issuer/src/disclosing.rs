//! What a client asks of an SD-JWT: which claims its holder may disclose, and whose key presents it.

use crate::error::IssueError;
use chop_keys::{Jwk, PublicKey};
use serde_json::{Map, Value};

/// The most digests of nothing that are added to one object.
const MAX_DECOYS: u64 = 100;

/// How claims are made selectively disclosable.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Disclosing {
    /// JSON pointers to the claims.
    pub(crate) pointers: Vec<String>,
    /// How many digests of nothing are added wherever claims are concealed.
    pub(crate) decoys: usize,
    /// The holder's key.
    pub(crate) holder: Option<PublicKey>,
}

impl Disclosing {
    /// Reads `disclosable`, `decoys` and `holder` of a request's options.
    ///
    /// # Errors
    /// [`IssueError::Member`] when one is not what it must be.
    pub(crate) fn parse(options: Option<&Map<String, Value>>) -> Result<Self, IssueError> {
        let option = |name: &str| options.and_then(|options| options.get(name));
        let wrong = |member, expected| IssueError::Member { member, expected };
        let pointers = match option("disclosable") {
            None => Vec::new(),
            Some(Value::Array(pointers)) => pointers
                .iter()
                .map(|pointer| pointer.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or(wrong("options.disclosable", "an array of JSON pointers"))?,
            Some(_) => return Err(wrong("options.disclosable", "an array of JSON pointers")),
        };
        let decoys = match option("decoys") {
            None => 0,
            Some(count) => count
                .as_u64()
                .filter(|count| *count <= MAX_DECOYS)
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(wrong("options.decoys", "a number from 0 to 100"))?,
        };
        let holder = match option("holder") {
            None => None,
            Some(jwk) => serde_json::from_value::<Jwk>(jwk.clone())
                .ok()
                .and_then(|jwk| PublicKey::from_jwk(&jwk).ok())
                .map(Some)
                .ok_or(wrong("options.holder", "a public JSON Web Key"))?,
        };
        Ok(Self {
            pointers,
            decoys,
            holder,
        })
    }

    /// Says whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_that_are_not_what_they_must_be_are_refused() {
        for options in [
            json!({"disclosable": "/name"}),
            json!({"disclosable": [1]}),
            json!({"decoys": -1}),
            json!({"decoys": 1000}),
            json!({"holder": "did:key:z"}),
            json!({"holder": {"kty": "oct", "k": "AAAA"}}),
        ] {
            assert!(Disclosing::parse(options.as_object()).is_err(), "{options}");
        }
        assert!(Disclosing::parse(json!({}).as_object()).unwrap().is_empty());
    }
}
