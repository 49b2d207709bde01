//! BBS over BLS12-381 with SHA-256: many messages under one signature, of which a holder discloses some
//! (draft-irtf-cfrg-bbs-signatures, and draft-irtf-cfrg-bbs-blind-signatures for a signature bound to a holder's secret).
//!
//! The library draws randomness of its own when a proof is derived or a secret is committed to. What it leaves to its caller
//! is checked here before it sees anything: lengths (it slices), counts and order of indexes (it indexes), the identity and
//! zero scalars (it takes them, and a proof made of identities would hold for every key).

mod encoding;

use std::fmt;

use zeroize::Zeroizing;
use zkryptium::bbsplus::commitment::BlindFactor;
use zkryptium::bbsplus::keys::{BBSplusPublicKey, BBSplusSecretKey};
use zkryptium::schemes::algorithms::BbsBls12381Sha256;
use zkryptium::schemes::generics::{BlindSignature, Commitment, PoKSignature, Signature as Made};

use crate::{KeyError, KeyType, PublicKey, SignError, Signature};

/// The most messages under one signature; each costs a hash to the curve and a multiplication, some 0.3 ms.
pub const MAX_MESSAGES: usize = 512;

/// How many messages a holder commits to beside the signer's: the blinding factor and the secret.
const COMMITTED: usize = 2;

/// What a BBS signature is about.
#[derive(Clone, Copy, Debug)]
pub struct BbsInput<'a> {
    header: &'a [u8],
    messages: &'a [Vec<u8>],
    commitment: Option<&'a [u8]>,
}

/// The secret that a bound signature needs beside itself: shown by nobody, never sent.
#[derive(Clone, Copy)]
pub struct HolderSecret<'a> {
    /// The secret that the holder committed to.
    pub secret: &'a [u8],
    /// The blinding factor that [`commit`] gave.
    pub blind: &'a [u8; 32],
}

/// What a holder discloses of a signature's messages.
#[derive(Clone, Copy, Debug)]
pub struct Disclosure<'a> {
    /// The signature, 80 bytes.
    pub signature: &'a [u8],
    /// The header that was signed.
    pub header: &'a [u8],
    /// What the holder signs beside: a verifier's nonce, say.
    pub presentation_header: &'a [u8],
    /// Every message, in the order in which it was signed.
    pub messages: &'a [Vec<u8>],
    /// The places of the messages that are disclosed, ascending.
    pub disclosed: &'a [usize],
    /// The secret, if the signature is bound to one.
    pub holder: Option<HolderSecret<'a>>,
}

/// A derived proof, and what it is about.
#[derive(Clone, Copy, Debug)]
pub struct BbsProof<'a> {
    /// Three points and at least four scalars.
    pub proof: &'a [u8],
    /// The header that was signed.
    pub header: &'a [u8],
    /// What the holder signed beside.
    pub presentation_header: &'a [u8],
    /// The messages disclosed, in the order of their places.
    pub messages: &'a [Vec<u8>],
    /// The places that they have among all messages, ascending.
    pub places: &'a [usize],
    /// For a signature bound to a holder's secret: how many messages the signer signed.
    pub bound: Option<usize>,
}

/// Says why a BBS proof is not made or does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BbsError {
    /// The key is of another type.
    #[error("BBS needs a key of type {}, this one is {found}", KeyType::Bls12381G2)]
    KeyType {
        /// The key's type.
        found: KeyType,
    },
    /// More messages than are handled.
    #[error("{found} messages are more than {MAX_MESSAGES}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// The bytes do not have a length that such a value has.
    #[error("{what} does not take {found} bytes")]
    Length {
        /// Signature, proof or commitment.
        what: &'static str,
        /// How many bytes there are.
        found: usize,
    },
    /// A point or scalar is not canonical, or not of its group.
    #[error("{what} holds a malformed point or scalar")]
    Encoding {
        /// Signature, proof or commitment.
        what: &'static str,
    },
    /// A point is the identity, or a scalar zero.
    #[error("{what} holds the identity point or a zero scalar")]
    Identity {
        /// Signature, proof or commitment.
        what: &'static str,
    },
    /// There are not as many places as messages disclosed.
    #[error("{messages} messages are disclosed, {places} places are named")]
    Count {
        /// The messages disclosed.
        messages: usize,
        /// The places named.
        places: usize,
    },
    /// The places are not ascending, or one is not among the signer's messages.
    #[error("place {place} is repeated, out of order or not below {messages}")]
    Place {
        /// The first place that is wrong.
        place: usize,
        /// How many messages the signer signed.
        messages: usize,
    },
    /// The proof says that the signer signed more or fewer messages than it has room for.
    #[error("proof is about {found} messages, it says {stated}")]
    Stated {
        /// How many it says.
        stated: usize,
        /// How many it is about.
        found: usize,
    },
    /// The proof does not hold for key, header and messages.
    #[error("proof does not match key, header and messages")]
    Mismatch,
}

impl<'a> BbsInput<'a> {
    /// Takes a header and the messages.
    ///
    /// # Errors
    /// When the messages are more than [`MAX_MESSAGES`].
    pub fn new(header: &'a [u8], messages: &'a [Vec<u8>]) -> Result<Self, BbsError> {
        within(messages.len())?;
        Ok(Self {
            header,
            messages,
            commitment: None,
        })
    }

    /// Binds the signature to the secret that a holder committed to with [`commit`].
    ///
    /// # Errors
    /// When the commitment is malformed; whether it was made knowing the secret is checked when it is signed.
    pub fn bound_to(self, commitment: &'a [u8]) -> Result<Self, BbsError> {
        encoding::commitment(commitment)?;
        Ok(Self {
            commitment: Some(commitment),
            ..self
        })
    }
}

/// Commits to a holder's secret; gives the commitment with its proof (144 bytes), for the issuer, and the blinding factor,
/// which the holder keeps.
///
/// # Errors
/// When the library cannot hash the secret.
pub fn commit(secret: &[u8]) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), BbsError> {
    let (commitment, blind) = Commitment::<BbsBls12381Sha256>::commit(Some(&[secret.to_vec()]))
        .map_err(|_| BbsError::Encoding { what: COMMITMENT })?;
    Ok((commitment.to_bytes(), Zeroizing::new(blind.to_bytes())))
}

impl PublicKey {
    /// Derives a proof that discloses some of a signature's messages; a wrong signature gives a proof that does not hold.
    ///
    /// # Errors
    /// When the key is not BLS12-381, a value is malformed, or the places are not ascending places of messages.
    pub fn derive_bbs_proof(&self, disclosure: &Disclosure<'_>) -> Result<Vec<u8>, BbsError> {
        let point = self.bbs()?;
        let messages = disclosure.messages;
        within(messages.len())?;
        encoding::signature(disclosure.signature)?;
        ascending(disclosure.disclosed, messages.len())?;
        let refused = |_| BbsError::Encoding { what: SIGNATURE };
        let (header, presented) = (
            Some(disclosure.header),
            Some(disclosure.presentation_header),
        );
        let proof = match disclosure.holder {
            None => PoKSignature::<BbsBls12381Sha256>::proof_gen(
                &point.0,
                disclosure.signature,
                header,
                presented,
                Some(messages),
                Some(disclosure.disclosed),
            )
            .map_err(refused)?,
            Some(holder) => PoKSignature::<BbsBls12381Sha256>::blind_proof_gen(
                &point.0,
                disclosure.signature,
                header,
                presented,
                Some(messages),
                Some(&[holder.secret.to_vec()]),
                Some(disclosure.disclosed),
                None,
                Some(&BlindFactor::from_bytes(holder.blind).map_err(refused)?),
            )
            .map_err(refused)?,
        };
        Ok(proof.to_bytes())
    }

    /// Verifies a derived proof.
    ///
    /// # Errors
    /// When the key is not BLS12-381, a value is malformed, or the proof does not hold.
    pub fn verify_bbs_proof(&self, claim: &BbsProof<'_>) -> Result<(), BbsError> {
        let point = self.bbs()?;
        let hidden = encoding::proof(claim.proof)?;
        let (found, places) = (claim.messages.len(), claim.places);
        if found != places.len() {
            return Err(BbsError::Count {
                messages: found,
                places: places.len(),
            });
        }
        let all = hidden + found;
        within(all)?;
        let signed = match claim.bound {
            None => all,
            Some(stated) => match all.checked_sub(COMMITTED) {
                Some(signed) if signed == stated => signed,
                found => {
                    return Err(BbsError::Stated {
                        stated,
                        found: found.unwrap_or_default(),
                    });
                }
            },
        };
        // Below `signed`, or a holder could show what it committed to as something that the signer said.
        ascending(places, signed)?;
        let proof = PoKSignature::<BbsBls12381Sha256>::from_bytes(claim.proof)
            .map_err(|_| BbsError::Encoding { what: PROOF })?;
        let (header, presented) = (Some(claim.header), Some(claim.presentation_header));
        let (messages, places) = (Some(claim.messages), Some(places));
        match claim.bound {
            None => proof.proof_verify(&point.0, messages, places, header, presented),
            Some(signed) => proof.blind_proof_verify(
                &point.0,
                header,
                presented,
                Some(signed),
                messages,
                None,
                places,
                None,
            ),
        }
        .map_err(|_| BbsError::Mismatch)
    }

    fn bbs(&self) -> Result<&Point, BbsError> {
        self.bbs_point().ok_or(BbsError::KeyType {
            found: self.key_type(),
        })
    }
}

const SIGNATURE: &str = "signature";
const PROOF: &str = "proof";
const COMMITMENT: &str = "commitment";

fn within(messages: usize) -> Result<(), BbsError> {
    if messages > MAX_MESSAGES {
        return Err(BbsError::TooMany { found: messages });
    }
    Ok(())
}

fn ascending(places: &[usize], messages: usize) -> Result<(), BbsError> {
    let mut least = 0;
    for place in places {
        if *place < least || *place >= messages {
            return Err(BbsError::Place {
                place: *place,
                messages,
            });
        }
        least = place + 1;
    }
    Ok(())
}

/// A public key's point in G2.
pub(crate) struct Point(BBSplusPublicKey);

impl Point {
    /// Parses the 96 bytes of a compressed point of prime order.
    pub(crate) fn parse(raw: &[u8]) -> Result<Self, KeyError> {
        let not_on_curve = KeyError::NotOnCurve {
            key_type: KeyType::Bls12381G2,
        };
        // The library slices, and takes the identity.
        if raw.len() != KeyType::Bls12381G2.public_key_len() || encoding::is_identity(raw) {
            return Err(not_on_curve);
        }
        BBSplusPublicKey::from_bytes(raw)
            .map(Self)
            .map_err(|_| not_on_curve)
    }
}

/// A private key's scalar, wiped when dropped.
pub(crate) struct Secret {
    scalar: Zeroizing<Vec<u8>>,
    public: BBSplusPublicKey,
}

impl Secret {
    /// Parses a big-endian scalar of 32 bytes.
    pub(crate) fn parse(scalar: &[u8]) -> Result<Self, KeyError> {
        let invalid = KeyError::Scalar {
            key_type: KeyType::Bls12381G2,
        };
        if scalar.iter().all(|byte| *byte == 0) {
            return Err(invalid);
        }
        let key = BBSplusSecretKey::from_bytes(scalar).map_err(|_| invalid)?;
        Ok(Self {
            scalar: Zeroizing::new(scalar.to_vec()),
            public: key.public_key(),
        })
    }

    pub(crate) fn public_bytes(&self) -> [u8; 96] {
        self.public.to_bytes()
    }

    pub(crate) fn sign(&self, input: &BbsInput<'_>) -> Result<Signature, SignError> {
        let refused = |error: zkryptium::errors::Error| SignError::Holder {
            reason: error.to_string(),
        };
        let key = BBSplusSecretKey::from_bytes(&self.scalar).map_err(refused)?;
        let (header, messages) = (Some(input.header), Some(input.messages));
        let bytes = match input.commitment {
            None => Made::<BbsBls12381Sha256>::sign(messages, &key, &self.public, header)
                .map_err(refused)?
                .to_bytes(),
            commitment => BlindSignature::<BbsBls12381Sha256>::blind_sign(
                &key,
                &self.public,
                commitment,
                header,
                messages,
            )
            .map_err(refused)?
            .to_bytes(),
        };
        Ok(Signature::from_bytes(bytes.to_vec()))
    }
}

impl fmt::Debug for HolderSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HolderSecret")
    }
}
