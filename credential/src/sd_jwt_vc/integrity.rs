//! `#integrity`: digests of documents that are fetched (draft-ietf-oauth-sd-jwt-vc-19 §5, Subresource Integrity §3).

use data_encoding::BASE64;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The most digests that one text may hold.
const MAX_DIGESTS: usize = 16;

/// Is integrity metadata: digests of which one by the strongest algorithm must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integrity {
    algorithm: Algorithm,
    digests: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// Says why text is no integrity metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no digest by sha256, sha384 or sha512 can be read in it")]
pub struct IntegrityError;

impl Integrity {
    /// Parses integrity metadata: `sha256-…` and the like, separated by white space; options after `?` have no meaning.
    ///
    /// # Errors
    /// When it holds no digest by an algorithm that is known here, one is malformed, or there are too many.
    pub fn parse(text: &str) -> Result<Self, IntegrityError> {
        let mut strongest: Option<Self> = None;
        for (count, item) in text.split_ascii_whitespace().enumerate() {
            if count >= MAX_DIGESTS {
                return Err(IntegrityError);
            }
            let item = item.split_once('?').map_or(item, |(item, _)| item);
            let Some((name, digest)) = item.split_once('-') else {
                return Err(IntegrityError);
            };
            let (algorithm, length) = match name {
                "sha256" => (Algorithm::Sha256, 32),
                "sha384" => (Algorithm::Sha384, 48),
                "sha512" => (Algorithm::Sha512, 64),
                // An algorithm that is not known is passed over, as long as another is there.
                _ => continue,
            };
            let digest = BASE64
                .decode(digest.as_bytes())
                .ok()
                .filter(|digest| digest.len() == length)
                .ok_or(IntegrityError)?;
            match &mut strongest {
                Some(best) if best.algorithm == algorithm => best.digests.push(digest),
                Some(best) if best.algorithm > algorithm => {}
                other => {
                    *other = Some(Self {
                        algorithm,
                        digests: vec![digest],
                    });
                }
            }
        }
        strongest.ok_or(IntegrityError)
    }

    /// Says whether a document is the one that was meant.
    pub fn matches(&self, document: &[u8]) -> bool {
        let digest = match self.algorithm {
            Algorithm::Sha256 => Sha256::digest(document).to_vec(),
            Algorithm::Sha384 => Sha384::digest(document).to_vec(),
            Algorithm::Sha512 => Sha512::digest(document).to_vec(),
        };
        self.digests.contains(&digest)
    }
}
