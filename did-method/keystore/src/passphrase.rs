//! The passphrase that opens a key store.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase, wiped when dropped and never shown.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the text; line ends at its end, as files and prompts leave them, are dropped.
    pub fn new(text: String) -> Self {
        let mut text = Zeroizing::new(text);
        let kept = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(kept);
        Self(text)
    }

    /// Tells whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_line_ends_and_shows_nothing() {
        let passphrase = Passphrase::new("correct horse \r\n".to_owned());

        assert_eq!(passphrase.as_bytes(), b"correct horse ");
        assert_eq!(format!("{passphrase:?}"), "Passphrase(…)");
        assert!(Passphrase::new("\n".to_owned()).is_empty());
    }
}
