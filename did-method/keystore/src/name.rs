//! Names of keys, which are names of files too.

use std::fmt;
use std::str::FromStr;

/// The name of a key: `[a-z0-9][a-z0-9._-]{0,63}`, so that it names a file in the key store and nothing elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Says why text is not the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "key name {text:?} is not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
)]
pub struct KeyNameError {
    /// The text, cut to 64 characters.
    pub text: String,
}

impl KeyName {
    /// Parses a name.
    ///
    /// # Errors
    /// When the text is empty, longer than 64, or holds another character.
    pub fn parse(text: &str) -> Result<Self, KeyNameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let well_formed = text.len() <= 64
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyNameError {
                text: text.chars().take(64).collect(),
            })
        }
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plain_names() {
        for text in ["a", "0", "issuer-1", "validator.key_2", &"z".repeat(64)] {
            assert_eq!(
                KeyName::parse(text).map(|name| name.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn refuses_names_that_could_leave_the_directory_or_clash() {
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "-x",
            "_x",
            "a/b",
            "../a",
            "a\\b",
            "A",
            "ä",
            "a b",
            "a\0",
            "a\n",
            &"z".repeat(65),
        ] {
            assert!(KeyName::parse(text).is_err(), "{text:?}");
        }
    }
}
