//! The small words of envelopes and accreditations, each with one spelling.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest credential type in characters.
const TYPE_MAX: usize = 128;
/// Longest name of a member in characters.
const NAME_MAX: usize = 64;
/// Longest note in characters.
const NOTE_MAX: usize = 280;

/// Says why a word is not one of the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermError {
    /// Not a term nor an https URL of at most 128 characters.
    #[error(
        "a credential type is a letter followed by letters and digits, or an https URL, of at most 128 characters"
    )]
    CredentialType,
    /// Neither an ISO 3166-1 alpha-2 code nor an ISO 3166-2 code.
    #[error("a jurisdiction is a code of ISO 3166-1 (\"CN\") or ISO 3166-2 (\"CN-SN\")")]
    Jurisdiction,
    /// Not one line of at most 64 characters.
    #[error(
        "a member's name is one line of 1 to 64 characters, without space around it or control characters"
    )]
    MemberName,
    /// Not one line of at most 280 characters.
    #[error(
        "a note is one line of 1 to 280 characters, without space around it or control characters"
    )]
    Note,
    /// Not one line of at most 64 characters.
    #[error(
        "a lot is one line of 1 to 64 characters, without space around it or control characters"
    )]
    Lot,
    /// Not 32 lower-case hexadecimal digits.
    #[error("a nonce is 32 lower-case hexadecimal digits")]
    Nonce,
}

/// The type of a credential as it stands in the `type` array of VCDM: a term such as `QualityInspection`, or an https URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialType(String);

impl CredentialType {
    /// Parses a term or an https URL.
    ///
    /// # Errors
    /// Returns [`TermError::CredentialType`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let term = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric());
        let url = text
            .strip_prefix("https://")
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_url_character));
        if (term || url) && text.len() <= TYPE_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(TermError::CredentialType)
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3986 characters that need no escape in a state key's URL and cannot be normalised away.
fn is_url_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~/#:".contains(c)
}

/// Where an accreditation holds: a country (ISO 3166-1 alpha-2) or a part of one (ISO 3166-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// Parses `CC` or `CC-xxx`, one to three capitals or digits after the hyphen.
    ///
    /// # Errors
    /// Returns [`TermError::Jurisdiction`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let (country, part) = match text.split_once('-') {
            Some((country, part)) => (country, Some(part)),
            None => (text, None),
        };
        let country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
        let part = part.is_none_or(|part| {
            (1..=3).contains(&part.len())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        });
        if country && part {
            Ok(Self(text.to_owned()))
        } else {
            Err(TermError::Jurisdiction)
        }
    }

    /// Says whether `other` lies inside this jurisdiction: equal, or a part of this country.
    pub fn contains(&self, other: &Self) -> bool {
        self == other
            || other
                .0
                .split_once('-')
                .is_some_and(|(country, _)| country == self.0)
    }

    /// Returns the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What people call a member: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberName(String);

impl MemberName {
    /// Parses one line of 1 to 64 characters.
    ///
    /// # Errors
    /// Returns [`TermError::MemberName`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        if is_line(text, NAME_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TermError::MemberName)
        }
    }
}

/// Why a change is proposed: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

impl Note {
    /// Parses one line of 1 to 280 characters.
    ///
    /// # Errors
    /// Returns [`TermError::Note`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        if is_line(text, NOTE_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TermError::Note)
        }
    }
}

/// The lot that codes are bound to: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lot(String);

impl Lot {
    /// Parses one line of 1 to 64 characters.
    ///
    /// # Errors
    /// Returns [`TermError::Lot`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        if is_line(text, NAME_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TermError::Lot)
        }
    }
}

/// Text that shows as what it is: no line breaks, no controls, nothing that turns the direction of what follows.
fn is_line(text: &str, most: usize) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= most
        && !text.chars().any(|c| c.is_control() || turns(c))
}

/// The 128 bits that make an actor's envelope unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// Wraps 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Parses 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// Returns [`TermError::Nonce`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let bytes = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .map_err(|_| TermError::Nonce)?;
        bytes.try_into().map(Self).map_err(|_| TermError::Nonce)
    }

    /// Appends the 32 digits.
    pub(crate) fn push_to(&self, text: &mut String) {
        data_encoding::HEXLOWER.encode_append(&self.0, text);
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Lot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CredentialType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads and writes a type as its text, through its own parser.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl TryFrom<String> for $name {
            type Error = TermError;

            fn try_from(text: String) -> Result<Self, TermError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(term: $name) -> Self {
                term.to_string()
            }
        }
    )+};
}

as_text!(CredentialType, Jurisdiction, Lot, MemberName, Nonce, Note);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_type_is_a_term_or_an_https_url() {
        for good in ["QualityInspection", "A1", "https://example.org/types#Lab"] {
            assert_eq!(CredentialType::parse(good).unwrap().as_str(), good);
        }
        let long = "A".repeat(129);
        for bad in [
            "",
            "1A",
            "Quality Inspection",
            "http://a",
            "https://",
            "https://a/%41",
            "Q/x",
            "Ä",
            long.as_str(),
        ] {
            assert_eq!(
                CredentialType::parse(bad),
                Err(TermError::CredentialType),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_country_contains_its_parts_and_no_neighbour() {
        let code = |text| Jurisdiction::parse(text).unwrap();
        assert!(code("CN").contains(&code("CN-SN")));
        assert!(code("CN-SN").contains(&code("CN-SN")));
        assert!(!code("CN-SN").contains(&code("CN")));
        assert!(!code("CN").contains(&code("CA")));
        for bad in ["", "C", "cn", "CN-", "CN-ABCD", "CN-sn", "CN-S-N", "CHN"] {
            assert_eq!(
                Jurisdiction::parse(bad),
                Err(TermError::Jurisdiction),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_name_is_one_line_that_shows_as_what_it_is() {
        for good in ["Fruit Co", "果业公司", &"N".repeat(64)] {
            assert_eq!(MemberName::parse(good).unwrap().to_string(), good);
        }
        let long = "N".repeat(65);
        for bad in [
            "",
            " Fruit",
            "Fruit ",
            "A\nB",
            "A\u{1b}[31m",
            "A\u{202e}B",
            &long,
        ] {
            assert_eq!(
                MemberName::parse(bad),
                Err(TermError::MemberName),
                "{bad:?}"
            );
        }
        assert_eq!(Lot::parse(&long), Err(TermError::Lot));
        assert_eq!(Lot::parse("L-7 / 2026").unwrap().to_string(), "L-7 / 2026");
        assert!(Note::parse(&long).is_ok());
        assert_eq!(Note::parse(&"N".repeat(281)), Err(TermError::Note));
    }

    #[test]
    fn a_nonce_has_one_spelling() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(Nonce::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "00112233445566778899aabbccddeef",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff00",
        ] {
            assert_eq!(Nonce::parse(bad), Err(TermError::Nonce), "{bad}");
        }
    }
}
