//! Cursors: where a page ended, in a form that says whether it belongs to the question.
//!
//! ```text
//! base64url( position ‖ first 8 bytes of SHA-256("chop/cursor/v1" ‖ 0 ‖ ledger ‖ 0 ‖ question ‖ 0 ‖ position) )
//! ```
//!
//! The hash is no secret: it finds mistakes, such as a cursor of other filters. A made-up cursor shows nothing that a question
//! without one would not. The same cursor means the same at every node of the ledger, and at every later height.

use std::fmt::Write as _;

use chop_did::LedgerId;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::CursorError;

/// Bytes of the check.
const CHECK: usize = 8;
/// Longest cursor, in characters.
const MAX_CURSOR: usize = 400;

/// What is asked for, without the page: cursors of one question are none of another.
#[derive(Debug)]
pub(crate) struct Filters {
    ledger: LedgerId,
    question: String,
}

impl Filters {
    /// A question: the list, and each filter with its value.
    pub(crate) fn new(ledger: LedgerId, list: &str, filters: &[(&str, Option<&str>)]) -> Self {
        let mut question = list.to_owned();
        for (name, value) in filters {
            if let Some(value) = value {
                // Lengths, so that no value can look like another filter.
                let _ = write!(question, "\n{name} {} {value}", value.len());
            }
        }
        Self { ledger, question }
    }

    /// The cursor for what follows a position.
    pub(crate) fn cursor(&self, position: &str) -> String {
        let mut bytes = position.as_bytes().to_vec();
        bytes.extend_from_slice(&self.check(position));
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position that a cursor of this question says.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub(crate) fn position(&self, cursor: &str) -> Result<String, CursorError> {
        let wrong = |reason| CursorError { reason };
        if cursor.len() > MAX_CURSOR {
            return Err(wrong("it is too long"));
        }
        let bytes = BASE64URL_NOPAD
            .decode(cursor.as_bytes())
            .map_err(|_| wrong("it is not in base64url"))?;
        let end = bytes.len().checked_sub(CHECK);
        let parts = end.and_then(|end| bytes.split_at_checked(end));
        let (position, check) = parts.ok_or_else(|| wrong("it is too short"))?;
        let position = std::str::from_utf8(position).map_err(|_| wrong("it holds no text"))?;
        if check == self.check(position) {
            Ok(position.to_owned())
        } else {
            Err(wrong("it was changed, or is of another question or ledger"))
        }
    }

    fn check(&self, position: &str) -> Vec<u8> {
        let ledger = self.ledger.to_string();
        let mut hasher = Sha256::new();
        for part in ["chop/cursor/v1", &ledger, &self.question] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.update(position.as_bytes());
        hasher.finalize().into_iter().take(CHECK).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_integrity::Hash;

    fn filters(ledger: &[u8], did: Option<&str>) -> Filters {
        let ledger = LedgerId::new(Hash::of("test", ledger));
        Filters::new(ledger, "transactions", &[("did", did), ("actor", None)])
    }

    #[test]
    fn a_cursor_means_its_position_again() {
        let asked = filters(b"a", Some("did:chop:x"));
        let cursor = asked.cursor("17.3");
        assert_eq!(asked.position(&cursor).unwrap(), "17.3");
        assert_eq!(
            filters(b"a", Some("did:chop:x")).cursor("17.3"),
            cursor,
            "it is stable"
        );
    }

    #[test]
    fn refuses_a_cursor_of_another_question_or_ledger_and_any_changed_one() {
        let cursor = filters(b"a", Some("x")).cursor("17.3");
        for other in [
            filters(b"a", Some("y")),
            filters(b"a", None),
            filters(b"b", Some("x")),
        ] {
            other.position(&cursor).unwrap_err();
        }
        let asked = filters(b"a", Some("x"));
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            asked
                .position(std::str::from_utf8(&changed).unwrap())
                .unwrap_err();
        }
        for bad in ["", "A", "x y", "====", "AAAA", &"A".repeat(500)] {
            asked.position(bad).unwrap_err();
        }
    }
}
