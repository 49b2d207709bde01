//! Token Status Lists, written and read entry by entry.

use super::super::InteropError;
use super::super::keys::Key;
use super::{Answer, keys};
use chop_credential::issuing::SigningKey;
use chop_credential::status::{NewTokenList, StatusArray, TokenEntry, TokenList};
use chop_integrity::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Issues a list of `statuses` with `bits` each.
pub(super) fn issue(document: &Value, key: &Key) -> Answer {
    let statuses = document.get("statuses").and_then(Value::as_array);
    let statuses = statuses.map(Vec::as_slice).unwrap_or_default();
    let bits = small(document.get("bits"));
    let mut array =
        StatusArray::zeros(statuses.len() as u64, bits).map_err(InteropError::refused)?;
    for (index, status) in (0..).zip(statuses) {
        array
            .set(index, small(Some(status)))
            .map_err(InteropError::refused)?;
    }
    let number = |name: &str| document.get(name).and_then(Value::as_i64);
    let list = NewTokenList {
        uri: text(document, "sub"),
        issuer: text(document, "iss"),
        array: &array,
        issued: Timestamp::from_unix_ms(number("iat").unwrap_or_default() * 1_000),
        expires: None,
        ttl_s: number("ttl").and_then(|ttl| u64::try_from(ttl).ok()),
        aggregation: None,
    };
    list.sign_jwt(SigningKey::Method(&key.id), &key.signer)
        .map(Value::from)
        .map_err(InteropError::refused)
}

/// Verifies a list and reads every entry of it.
pub(super) fn verify(now: Timestamp, secured: &Value) -> Answer {
    let token = secured.as_str().unwrap_or_default();
    let list = TokenList::parse(token.as_bytes()).map_err(InteropError::refused)?;
    let payload = payload(token)?;
    let issuer = text(&payload, "iss");
    let methods: BTreeSet<String> = list.verification_method(issuer).into_iter().collect();
    let verified = list
        .verify(issuer, &keys(&methods), &[], now)
        .map_err(InteropError::refused)?;
    let bits = small(payload.pointer("/status_list/bits"));
    let entries = verified.unfolded_bytes() as u64 * 8 / u64::from(bits.max(1));
    let statuses: Vec<u8> = (0..entries)
        .map(|index| {
            let entry = TokenEntry {
                index,
                uri: verified.uri().to_owned(),
            };
            verified
                .status(&entry, issuer, &BTreeSet::new(), now)
                .map(chop_credential::status::TokenStatus::value)
                .map_err(InteropError::refused)
        })
        .collect::<Result<_, _>>()?;
    Ok(json!({"bits": bits, "statuses": statuses}))
}

fn payload(token: &str) -> Answer {
    let part = token.split('.').nth(1).unwrap_or_default();
    let bytes = BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(InteropError::refused)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn small(value: Option<&Value>) -> u8 {
    value
        .and_then(Value::as_u64)
        .and_then(|number| u8::try_from(number).ok())
        .unwrap_or_default()
}
