//! The identifiers of did:chop: SPEC §3.

use crate::did::{Did, DidError};
use chop_integrity::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The method name.
pub const METHOD: &str = "chop";
/// Characters of the ledger part: the first 80 bits of the ledger id.
const TAG_CHARS: usize = 16;

/// The full identifier of a ledger: the hash of its genesis, 52 base32 characters (SPEC §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LedgerId(Hash);

/// The first 16 characters of a [`LedgerId`], as they stand in a DID: they select the pinned trust root (SPEC §3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerTag([u8; TAG_CHARS]);

/// How the identifier of a DID was made (SPEC §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScidVersion {
    /// `a`: the SHA-256 of the DID's own genesis.
    Genesis,
    /// `b`: the SHA-256 of a batch item.
    BatchItem,
}

/// A self-certifying identifier: one version letter and 52 base32 characters (SPEC §3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scid {
    version: ScidVersion,
    digest: Hash,
}

/// A DID of this method: `did:chop:<ledger>:<scid>` (SPEC §3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChopDid {
    ledger: LedgerTag,
    scid: Scid,
}

/// Says why a string is no did:chop identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChopDidError {
    /// The string is no DID at all.
    #[error(transparent)]
    Did(#[from] DidError),
    /// The DID is of another method.
    #[error("expected method \"chop\", found {found:?}")]
    OtherMethod {
        /// The method name that was found.
        found: String,
    },
    /// The method-specific identifier is not two parts joined by one colon.
    #[error("a did:chop identifier is <ledger>:<scid>")]
    Parts,
    /// The ledger part is not 16 characters of a-z and 2-7.
    #[error("the ledger part is 16 characters of a-z and 2-7")]
    Ledger,
    /// The scid has an unknown version letter.
    #[error("a scid starts with \"a\" or \"b\"")]
    ScidVersion,
    /// The scid is not the one canonical spelling of 32 bytes.
    #[error("a scid is a version letter and the canonical 52 base32 characters of a SHA-256")]
    ScidSpelling,
}

impl LedgerId {
    /// Wraps the hash of a ledger's genesis.
    pub const fn new(hash: Hash) -> Self {
        Self(hash)
    }

    /// Parses the 52 characters of a full ledger id.
    ///
    /// # Errors
    /// Returns [`ChopDidError::Ledger`] when the string is not the canonical base32 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, ChopDidError> {
        text.parse().map(Self).map_err(|_| ChopDidError::Ledger)
    }

    /// Returns the hash itself.
    pub const fn hash(&self) -> &Hash {
        &self.0
    }

    /// Returns the 16 characters that stand in DIDs.
    pub fn short(&self) -> LedgerTag {
        let mut tag = [b'a'; TAG_CHARS];
        for (to, from) in tag.iter_mut().zip(self.0.to_string().bytes()) {
            *to = from;
        }
        LedgerTag(tag)
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LedgerId {
    type Err = ChopDidError;

    fn from_str(text: &str) -> Result<Self, ChopDidError> {
        Self::parse(text)
    }
}

impl LedgerTag {
    /// Parses the 16 characters of the ledger part of a DID.
    ///
    /// # Errors
    /// Returns [`ChopDidError::Ledger`] for any other length or alphabet.
    pub fn parse(text: &str) -> Result<Self, ChopDidError> {
        let tag: [u8; TAG_CHARS] = text
            .as_bytes()
            .try_into()
            .map_err(|_| ChopDidError::Ledger)?;
        if tag.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
            Ok(Self(tag))
        } else {
            Err(ChopDidError::Ledger)
        }
    }

    /// Returns the 16 characters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LedgerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LedgerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scid {
    /// Characters in the text form.
    pub const TEXT_LEN: usize = 1 + Hash::TEXT_LEN;

    /// Makes the scid of a genesis from the genesis hash.
    pub const fn of_genesis(digest: Hash) -> Self {
        Self {
            version: ScidVersion::Genesis,
            digest,
        }
    }

    /// Makes the scid of a batch item from the item hash.
    pub const fn of_batch_item(digest: Hash) -> Self {
        Self {
            version: ScidVersion::BatchItem,
            digest,
        }
    }

    /// Parses a version letter and 52 characters.
    ///
    /// # Errors
    /// Returns [`ChopDidError`] for an unknown version letter or a spelling that is not canonical.
    pub fn parse(text: &str) -> Result<Self, ChopDidError> {
        let (version, digest) = match (text.strip_prefix('a'), text.strip_prefix('b')) {
            (Some(digest), _) => (ScidVersion::Genesis, digest),
            (_, Some(digest)) => (ScidVersion::BatchItem, digest),
            _ => return Err(ChopDidError::ScidVersion),
        };
        let digest = digest.parse().map_err(|_| ChopDidError::ScidSpelling)?;
        Ok(Self { version, digest })
    }

    /// Returns how the identifier was made.
    pub const fn version(&self) -> ScidVersion {
        self.version
    }

    /// Returns the hash inside.
    pub const fn digest(&self) -> &Hash {
        &self.digest
    }

    /// Appends the text form.
    pub fn push_to(&self, text: &mut String) {
        text.push(match self.version {
            ScidVersion::Genesis => 'a',
            ScidVersion::BatchItem => 'b',
        });
        self.digest.push_to(text);
    }
}

impl fmt::Display for Scid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(Self::TEXT_LEN);
        self.push_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Scid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Scid {
    type Err = ChopDidError;

    fn from_str(text: &str) -> Result<Self, ChopDidError> {
        Self::parse(text)
    }
}

impl ChopDid {
    /// Characters in the text form.
    const TEXT_LEN: usize = "did:chop:".len() + TAG_CHARS + 1 + Scid::TEXT_LEN;

    /// Joins a ledger and a scid.
    pub const fn new(ledger: LedgerTag, scid: Scid) -> Self {
        Self { ledger, scid }
    }

    /// Parses a did:chop identifier; a spelling that is not canonical is refused, never normalised (SPEC §3.1).
    ///
    /// # Errors
    /// Returns [`ChopDidError`], which says what part is wrong.
    pub fn parse(text: &str) -> Result<Self, ChopDidError> {
        Self::try_from(&Did::parse(text)?)
    }

    /// Returns the ledger part.
    pub const fn ledger(&self) -> LedgerTag {
        self.ledger
    }

    /// Returns the self-certifying part.
    pub const fn scid(&self) -> Scid {
        self.scid
    }

    /// Returns the same identifier as a DID of any method.
    pub fn to_did(self) -> Did {
        Did::from_chop(&self.to_string())
    }
}

impl TryFrom<&Did> for ChopDid {
    type Error = ChopDidError;

    fn try_from(did: &Did) -> Result<Self, ChopDidError> {
        if did.method() != METHOD {
            return Err(ChopDidError::OtherMethod {
                found: did.method().to_owned(),
            });
        }
        let (ledger, scid) = did.id().split_once(':').ok_or(ChopDidError::Parts)?;
        if scid.contains(':') {
            return Err(ChopDidError::Parts);
        }
        Ok(Self {
            ledger: LedgerTag::parse(ledger)?,
            scid: Scid::parse(scid)?,
        })
    }
}

impl fmt::Display for ChopDid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(Self::TEXT_LEN);
        for part in ["did:", METHOD, ":", self.ledger.as_str(), ":"] {
            text.push_str(part);
        }
        self.scid.push_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for ChopDid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChopDid {
    type Err = ChopDidError;

    fn from_str(text: &str) -> Result<Self, ChopDidError> {
        Self::parse(text)
    }
}

impl From<ChopDid> for Did {
    fn from(did: ChopDid) -> Self {
        did.to_did()
    }
}

/// Serialises a type as its display form and reads it back with its own parser.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )+};
}

serde_as_text!(LedgerTag, Scid, ChopDid);

impl Did {
    /// Wraps the text of a did:chop identifier, which is a DID by construction.
    fn from_chop(text: &str) -> Self {
        Self {
            text: text.into(),
            colon: "did:chop".len(),
        }
    }
}
