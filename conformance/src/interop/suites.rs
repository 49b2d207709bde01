//! The suites that are exchanged, and how each is.

use super::documents::Shape;
use chop_keys::KeyType;

/// Is one suite.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Its name on the wire.
    pub name: &'static str,
    /// How it is exchanged.
    pub flow: Flow,
    /// The keys that issue with it.
    pub key_types: &'static [KeyType],
}

/// Says what is made, by whom, and how it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A credential with a proof.
    Proof,
    /// A credential with a base proof, of which a holder derives another.
    Selective,
    /// A credential in a token.
    Token,
    /// A presentation in a token, of an enveloped credential.
    TokenPresentation,
    /// An SD-JWT, of which a holder discloses a part, with a key binding or without.
    SdJwt,
    /// A status list in a token.
    StatusList,
    /// The canonical quads of a credential that is not secured.
    Canonical,
}

impl Suite {
    /// Says for what its documents are made.
    pub fn shape(&self) -> Shape {
        match self.flow {
            Flow::Proof if self.name.contains("-jcs-") => Shape::Json,
            Flow::Proof | Flow::Canonical => Shape::Rdf,
            Flow::Selective => Shape::Statements,
            Flow::Token | Flow::TokenPresentation | Flow::SdJwt | Flow::StatusList => Shape::Json,
        }
    }
}

impl Flow {
    /// Says whether a holder stands between issuer and verifier.
    pub fn has_holder(self) -> bool {
        matches!(self, Self::Selective | Self::SdJwt)
    }
}

const ANY: &[KeyType] = &[KeyType::Ed25519, KeyType::P256, KeyType::P384];
const ED25519: &[KeyType] = &[KeyType::Ed25519];
const ECDSA: &[KeyType] = &[KeyType::P256, KeyType::P384];

/// Lists the suites.
pub const SUITES: &[Suite] = &[
    suite("RDFC-1.0", Flow::Canonical, ED25519),
    suite("eddsa-jcs-2022", Flow::Proof, ED25519),
    suite("ecdsa-jcs-2019", Flow::Proof, ECDSA),
    suite("eddsa-rdfc-2022", Flow::Proof, ED25519),
    suite("ecdsa-rdfc-2019", Flow::Proof, ECDSA),
    suite("Ed25519Signature2020", Flow::Proof, ED25519),
    suite("ecdsa-sd-2023", Flow::Selective, &[KeyType::P256]),
    suite("bbs-2023", Flow::Selective, &[KeyType::Bls12381G2]),
    suite("vc+jwt", Flow::Token, ANY),
    suite("vp+jwt", Flow::TokenPresentation, ANY),
    suite("vc+cose", Flow::Token, ANY),
    suite("vp+cose", Flow::TokenPresentation, ANY),
    suite("vc+sd-jwt", Flow::SdJwt, &[KeyType::P256, KeyType::Ed25519]),
    suite("dc+sd-jwt", Flow::SdJwt, &[KeyType::P256, KeyType::Ed25519]),
    suite(
        "statuslist+jwt",
        Flow::StatusList,
        &[KeyType::P256, KeyType::Ed25519],
    ),
];

const fn suite(name: &'static str, flow: Flow, key_types: &'static [KeyType]) -> Suite {
    Suite {
        name,
        flow,
        key_types,
    }
}

/// Finds a suite by its name.
pub fn find(name: &str) -> Option<&'static Suite> {
    SUITES.iter().find(|suite| suite.name == name)
}
