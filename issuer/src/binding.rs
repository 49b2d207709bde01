//! Binding an instance to a DID: the DID's document says whether it wants the key.

use crate::error::IssueError;
use crate::instance::Instance;
use chop_client::{ResolveOptions, Resolver};
use chop_did::Did;
use chop_did::document::{Relationship, verification_method};
use chop_http::clock;
use chop_integrity::Timestamp;
use serde_json::Value;

/// Resolves the DID and finds where it lists the instance's key for assertions.
///
/// # Errors
/// [`IssueError::Binding`] when the DID cannot be resolved or does not list the key.
pub(crate) async fn find(
    resolver: &Resolver,
    instance: &Instance,
    did: &str,
    wanted: Option<&str>,
) -> Result<String, IssueError> {
    let refuse = |reason: String| IssueError::Binding {
        did: did.to_owned(),
        reason,
    };
    let parsed = Did::parse(did).map_err(|error| refuse(error.to_string()))?;
    let answer = resolver
        .resolve(&parsed, &ResolveOptions::default())
        .await
        .map_err(|error| refuse(error.to_string()))?;
    let document = answer
        .document
        .ok_or_else(|| refuse("it was deactivated".to_owned()))?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    choose(&document, &instance.multikey, wanted, now).map_err(refuse)
}

/// Picks the first verification method for assertions that holds the key and counts now, or exactly the one wanted.
fn choose(
    document: &Value,
    multikey: &str,
    wanted: Option<&str>,
    now: Timestamp,
) -> Result<String, String> {
    let did = document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let listed = document
        .get("assertionMethod")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ids = listed.filter_map(|entry| {
        entry
            .as_str()
            .or_else(|| entry.get("id").and_then(Value::as_str))
    });
    let mut urls = ids.map(|id| {
        if id.starts_with('#') {
            format!("{did}{id}")
        } else {
            id.to_owned()
        }
    });
    let fits = |url: &String| {
        verification_method(document, url).is_ok_and(|method| {
            method.serves(Relationship::AssertionMethod)
                && method.key().multikey() == multikey
                && method.check_at(now).is_ok()
        })
    };
    let found = urls.find(|url| wanted.is_none_or(|wanted| wanted == url.as_str()) && fits(url));
    found.ok_or_else(|| {
        format!("its document does not list {multikey} under assertionMethod, or no longer")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_keys::{KeyType, PrivateKey, Signer as _};
    use serde_json::json;

    const DID: &str = "did:web:a.example";

    fn multikey(seed: u8) -> String {
        PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32])
            .unwrap()
            .public_key()
            .multikey()
    }

    fn document(extra: (&str, Value)) -> Value {
        let method = |id: &str, seed: u8| json!({"id": format!("{DID}#{id}"), "type": "Multikey", "controller": DID, "publicKeyMultibase": multikey(seed)});
        let mut first = method("a", 1);
        first[extra.0] = extra.1;
        json!({"id": DID, "verificationMethod": [first, method("b", 2)], "assertionMethod": [format!("{DID}#a")], "authentication": [format!("{DID}#b")]})
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-21T09:00:00.000Z").unwrap()
    }

    #[test]
    fn the_key_is_found_where_the_document_lists_it_for_assertions() {
        let document = document(("x", json!(1)));
        assert_eq!(
            choose(&document, &multikey(1), None, now()),
            Ok(format!("{DID}#a"))
        );
        assert_eq!(
            choose(&document, &multikey(1), Some(&format!("{DID}#a")), now()),
            Ok(format!("{DID}#a"))
        );
    }

    #[test]
    fn a_key_for_another_purpose_a_retired_key_and_an_unknown_key_do_not_bind() {
        assert!(choose(&document(("x", json!(1))), &multikey(2), None, now()).is_err());
        assert!(choose(&document(("x", json!(1))), &multikey(3), None, now()).is_err());
        assert!(
            choose(
                &document(("x", json!(1))),
                &multikey(1),
                Some(&format!("{DID}#b")),
                now()
            )
            .is_err()
        );
        assert!(
            choose(
                &document(("revoked", json!("2026-11-20T09:00:00.000Z"))),
                &multikey(1),
                None,
                now()
            )
            .is_err()
        );
    }
}
