//! The fixed-length parts of signatures, proofs and commitments, checked before the library parses them.
//!
//! ```text
//! signature   | A 48 | e 32 |
//! proof       | Abar 48 | Bbar 48 | D 48 | ê 32 | r̂1 32 | r̂3 32 | m̂ 32 … | challenge 32 |
//! commitment  | C 48 | ŝ 32 | m̂ 32 | challenge 32 |          one committed message
//! ```

use super::{BbsError, COMMITMENT, PROOF, SIGNATURE};

const POINT: usize = 48;
const SCALAR: usize = 32;

/// Checks a signature's length and that it holds no identity.
pub(super) fn signature(bytes: &[u8]) -> Result<(), BbsError> {
    parts(SIGNATURE, bytes, 1, 1..=1).map(|_| ())
}

/// Checks a commitment to one secret.
pub(super) fn commitment(bytes: &[u8]) -> Result<(), BbsError> {
    parts(COMMITMENT, bytes, 1, 3..=3).map(|_| ())
}

/// Checks a proof; gives the number of messages that it hides.
pub(super) fn proof(bytes: &[u8]) -> Result<usize, BbsError> {
    let scalars = parts(PROOF, bytes, 3, 4..=usize::MAX)?;
    Ok(scalars - 4)
}

/// Says whether a compressed point of G1 or G2 has the flag of the identity.
pub(super) fn is_identity(point: &[u8]) -> bool {
    point.first().is_some_and(|flags| flags & 0x40 != 0)
}

/// Splits into points and scalars; gives the number of scalars.
fn parts(
    what: &'static str,
    bytes: &[u8],
    points: usize,
    scalars: std::ops::RangeInclusive<usize>,
) -> Result<usize, BbsError> {
    let wrong = BbsError::Length {
        what,
        found: bytes.len(),
    };
    let Some((head, tail)) = bytes.split_at_checked(points * POINT) else {
        return Err(wrong);
    };
    let count = tail.len() / SCALAR;
    if tail.len() % SCALAR != 0 || !scalars.contains(&count) {
        return Err(wrong);
    }
    let zero = |scalar: &[u8]| scalar.iter().all(|byte| *byte == 0);
    if head.chunks(POINT).any(is_identity) || tail.chunks(SCALAR).any(zero) {
        return Err(BbsError::Identity { what });
    }
    Ok(count)
}
