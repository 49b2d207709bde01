//! What parties ask of one another: the operations of the line protocol.

use super::InteropError;
use serde::Serialize;
use serde_json::Value;

use super::keys::Key;

/// Is one operation; as JSON it is the line that a peer reads.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Act<'a> {
    /// Secures a document: a credential, a presentation, the claims of an SD-JWT or a status list.
    Issue {
        /// The suite's name.
        suite: &'a str,
        /// The document.
        document: &'a Value,
        /// Who issues.
        key: &'a Key,
        /// How.
        options: Options<'a>,
    },
    /// Derives a credential that discloses less.
    Derive {
        /// The suite's name.
        suite: &'a str,
        /// The credential as it was issued.
        secured: &'a Value,
        /// What to disclose.
        options: Options<'a>,
    },
    /// Presents: a presentation with a proof, or an SD-JWT with what is disclosed and a key binding.
    Present {
        /// The suite's name.
        suite: &'a str,
        /// The presentation, if there is a document of its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        document: Option<&'a Value>,
        /// The SD-JWT as it was issued, if that is presented.
        #[serde(skip_serializing_if = "Option::is_none")]
        secured: Option<&'a Value>,
        /// Who presents.
        key: &'a Key,
        /// For whom, and what.
        options: Options<'a>,
    },
    /// Verifies; the answer is what was verified where the suite gives the document back, else `true`.
    Verify {
        /// The suite's name.
        suite: &'a str,
        /// What was secured.
        secured: &'a Value,
        /// Who issued: the verification method and the public key.
        key: &'a Value,
        /// What is expected.
        options: Options<'a>,
    },
    /// Verifies a presentation with a proof, and the credentials in it.
    VerifyPresentation {
        /// The suite's name, of the presentation and of its credentials.
        suite: &'a str,
        /// The presentation.
        secured: &'a Value,
        /// What is expected.
        options: Options<'a>,
    },
    /// Canonicalizes a JSON-LD document: RDFC-1.0 N-Quads.
    Canonicalize {
        /// The document.
        document: &'a Value,
    },
    /// Measures how long verifying takes.
    Bench {
        /// The suite's name.
        suite: &'a str,
        /// What is verified.
        secured: &'a Value,
        /// Who issued.
        key: &'a Key,
        /// What is expected.
        options: Options<'a>,
        /// How often.
        iterations: u32,
    },
}

impl<'a> Act<'a> {
    /// Returns what it is about: a document, or what was secured.
    pub fn document(&self) -> &'a Value {
        match self {
            Self::Issue { document, .. }
            | Self::Present {
                document: Some(document),
                ..
            }
            | Self::Canonicalize { document } => document,
            Self::Present {
                secured: Some(secured),
                ..
            }
            | Self::Derive { secured, .. }
            | Self::Verify { secured, .. }
            | Self::VerifyPresentation { secured, .. }
            | Self::Bench { secured, .. } => secured,
            Self::Present { .. } => &Value::Null,
        }
    }
}

/// Says how something is secured, disclosed or verified; what a suite has no use for is left out.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options<'a> {
    /// When the proof is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<&'a str>,
    /// What a derived credential must always disclose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandatory_pointers: Option<&'a [String]>,
    /// What a derived credential discloses besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selective_pointers: Option<&'a [String]>,
    /// The claims that an SD-JWT may disclose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosable: Option<&'a [String]>,
    /// How many decoys stand among their digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoys: Option<usize>,
    /// The claims that the holder discloses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclose: Option<&'a [String]>,
    /// For whom a token or key binding is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<&'a str>,
    /// The verifier's `nonce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The `iat` of a key binding, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// The `challenge` of a presentation's proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<&'a str>,
    /// The `domain` of a presentation's proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<&'a str>,
}

impl Options<'_> {
    /// Says nothing.
    pub const NONE: Self = Self {
        created: None,
        mandatory_pointers: None,
        selective_pointers: None,
        disclosable: None,
        decoys: None,
        disclose: None,
        audience: None,
        nonce: None,
        issued_at: None,
        challenge: None,
        domain: None,
    };
}

/// Can do what it is asked, or refuses.
pub trait Party {
    /// Names the party in reports.
    fn name(&self) -> &'static str;

    /// Says whether it has the suite.
    fn has(&self, suite: &str) -> bool;

    /// Does what it is asked.
    ///
    /// # Errors
    /// [`InteropError::Refused`] when the party refuses, which is an answer; anything else ends the exchange.
    fn ask(&mut self, act: &Act<'_>) -> Result<Value, InteropError>;
}
