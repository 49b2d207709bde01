//! What a holder does: choose what to disclose (RFC 9901 §7.2).

use super::{ConcealError, SdJwt, Step, pointer};

impl SdJwt {
    /// Keeps the disclosures that the claims at JSON pointers need, and drops all others and the key binding.
    ///
    /// A pointer names a claim with all that is in it, counting an array's elements as they were issued; what encloses it
    /// comes along. A claim that is plain anyway needs none.
    ///
    /// # Errors
    /// When there is no claim at a pointer.
    pub fn disclose(&self, pointers: &[String]) -> Result<String, ConcealError> {
        let issued = self.issued();
        let wanted: Vec<Vec<Step>> = pointers
            .iter()
            .map(|pointer| {
                issued
                    .follow(&pointer::tokens(pointer)?)
                    .ok_or_else(|| ConcealError::NoClaim {
                        pointer: pointer.clone(),
                    })
            })
            .collect::<Result<_, _>>()?;
        let mut kept = self.token().compact().to_owned();
        kept.push('~');
        for (disclosure, place) in self.disclosures() {
            let path = place.path.as_slice();
            if wanted
                .iter()
                .any(|wanted| wanted.starts_with(path) || path.starts_with(wanted))
            {
                kept.push_str(disclosure.encoded());
                kept.push('~');
            }
        }
        Ok(kept)
    }
}
