//! An envelope without its proofs: what they sign, and where they go.
//!
//! ```text
//! {"actions":[…],"actor":"…","ledger":"…","nonce":"…","proof":[…],"sponsor":"…","validUntil":"…"}
//! ```

use std::ops::Range;

use chop_integrity::{JcsError, canonicalize_members};
use serde_json::{Map, Value};

use super::{Envelope, EnvelopeError};

/// An envelope of the right shape, and its canonical text, which is written once for all that is made of it.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) envelope: Envelope,
    text: Vec<u8>,
    /// Where in the text `"proof":[…],` goes.
    place: usize,
}

impl Body {
    pub(crate) fn parse(members: Map<String, Value>) -> Result<Self, EnvelopeError> {
        // Where members are missing on either side of the proofs this is no JSON, and the next line refuses them.
        let (text, place) = text(&members)?;
        let envelope = Envelope::parse(members)?;
        Ok(Self {
            envelope,
            text,
            place,
        })
    }

    /// Returns what is hashed and signed: the canonical JSON without proofs.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Writes the canonical JSON with these proofs, a canonical array; also where in it `"proof":[…],` stands.
    pub(super) fn with_proofs(&self, proofs: &[u8]) -> (Vec<u8>, Range<usize>) {
        const NAME: &[u8] = b"\"proof\":";
        let (before, after) = self.text.split_at_checked(self.place).unwrap_or_default();
        let end = self.place + NAME.len() + proofs.len() + 1;
        (
            [before, NAME, proofs, b",", after].concat(),
            self.place..end,
        )
    }
}

/// Writes the members without `proof` in canonical form; also where that one would stand.
fn text(members: &Map<String, Value>) -> Result<(Vec<u8>, usize), JcsError> {
    let named = members.iter().map(|(name, value)| (name.as_str(), value));
    let mut text = canonicalize_members(named.clone().filter(|(name, _)| *name < "proof"))?;
    let after = canonicalize_members(named.filter(|(name, _)| *name > "proof"))?;
    text.pop();
    text.push(b',');
    let place = text.len();
    text.extend_from_slice(after.get(1..).unwrap_or_default());
    Ok((text, place))
}
