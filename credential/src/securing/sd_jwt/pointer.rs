//! JSON pointers (RFC 6901).

use super::{ConcealError, Step};
use serde_json::Value;

/// Splits a pointer into its tokens, at least one.
pub(super) fn tokens(pointer: &str) -> Result<Vec<String>, ConcealError> {
    let malformed = || ConcealError::Pointer {
        pointer: pointer.to_owned(),
    };
    let rest = pointer.strip_prefix('/').ok_or_else(malformed)?;
    rest.split('/')
        .map(|token| unescape(token).ok_or_else(malformed))
        .collect()
}

/// Reads a token as the place of an array's element; leading zeros are not allowed (RFC 6901 §4).
pub(super) fn index(token: &str) -> Option<usize> {
    let canonical = token == "0"
        || token
            .bytes()
            .next()
            .is_some_and(|byte| (b'1'..=b'9').contains(&byte));
    token.parse().ok().filter(|_| canonical)
}

/// Follows a pointer to a claim that is there.
pub(super) fn resolve(claims: &Value, pointer: &str) -> Result<Vec<Step>, ConcealError> {
    let missing = || ConcealError::NoClaim {
        pointer: pointer.to_owned(),
    };
    let mut at = claims;
    let mut steps = Vec::new();
    for token in tokens(pointer)? {
        let step = match at {
            Value::Object(members) => {
                at = members.get(&token).ok_or_else(missing)?;
                Step::Name(token)
            }
            Value::Array(elements) => {
                let index = index(&token).ok_or_else(missing)?;
                at = elements.get(index).ok_or_else(missing)?;
                Step::Index(index)
            }
            _ => return Err(missing()),
        };
        steps.push(step);
    }
    Ok(steps)
}

/// Undoes the escapes of RFC 6901 §4; any other `~` is none of its.
fn unescape(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(character) = rest.next() {
        text.push(match character {
            '~' => match rest.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(text)
}
