//! The byte array of a Token Status List and its compression (draft-ietf-oauth-status-list-20 §4.1).
//!
//! ```text
//! entry i of n bits: bits (i·n mod 8) … (i·n mod 8)+n−1 of byte ⌊i·n/8⌋, counted from the least significant bit
//! lst              = zlib( bytes ), in JSON base64url without padding
//! ```

use super::super::{MAX_BYTES, StatusError};
use data_encoding::BASE64URL_NOPAD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use std::io::Write as _;

/// Is the unfolded byte array of a Token Status List.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusArray {
    bits: u8,
    bytes: Vec<u8>,
}

impl StatusArray {
    /// Makes an array whose entries are all zero, `VALID`.
    ///
    /// # Errors
    /// When so many entries do not fit into [`MAX_BYTES`], or an entry has not 1, 2, 4 or 8 bits.
    pub fn zeros(entries: u64, bits: u8) -> Result<Self, StatusError> {
        check_bits(u64::from(bits))?;
        let bytes = usize::try_from(entries.saturating_mul(u64::from(bits)).div_ceil(8))
            .ok()
            .filter(|bytes| *bytes <= MAX_BYTES)
            .ok_or(StatusError::TooLarge { max: MAX_BYTES })?;
        Ok(Self {
            bits,
            bytes: vec![0; bytes],
        })
    }

    /// Unfolds a compressed array, as CBOR holds it.
    ///
    /// # Errors
    /// When an entry has not 1, 2, 4 or 8 bits, or the bytes are not exactly one zlib stream of at most [`MAX_BYTES`].
    pub fn unfold(packed: &[u8], bits: u8) -> Result<Self, StatusError> {
        check_bits(u64::from(bits))?;
        Ok(Self {
            bits,
            bytes: inflate(packed)?,
        })
    }

    /// Unfolds `lst`, as JSON holds it.
    ///
    /// # Errors
    /// When it is not base64url without padding, or as [`Self::unfold`] says.
    pub fn decode(lst: &str, bits: u8) -> Result<Self, StatusError> {
        let packed = BASE64URL_NOPAD
            .decode(lst.as_bytes())
            .map_err(|_| StatusError::Encoding {
                reason: "it is not base64url without padding",
            })?;
        Self::unfold(&packed, bits)
    }

    /// Compresses the array at the highest level; equal arrays have equal bytes.
    ///
    /// # Errors
    /// When compressing fails, which it does not in memory.
    pub fn fold(&self) -> Result<Vec<u8>, StatusError> {
        let failed = |_| StatusError::Encoding {
            reason: "it could not be compressed",
        };
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(&self.bytes).map_err(failed)?;
        zlib.finish().map_err(failed)
    }

    /// Compresses the array and encodes it for JSON.
    ///
    /// # Errors
    /// As [`Self::fold`] says.
    pub fn encode(&self) -> Result<String, StatusError> {
        Ok(BASE64URL_NOPAD.encode(&self.fold()?))
    }

    /// Returns the bits of one entry.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Returns its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Says how many entries it has.
    pub fn entries(&self) -> u64 {
        let bits = u64::try_from(self.bytes.len())
            .unwrap_or(u64::MAX)
            .saturating_mul(8);
        bits.checked_div(u64::from(self.bits)).unwrap_or(0)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// When the index lies outside the array.
    pub fn entry(&self, index: u64) -> Result<u8, StatusError> {
        let (byte, shift) = self.place(index)?;
        let byte = self.bytes.get(byte).copied().unwrap_or(0);
        Ok(byte >> shift & self.mask())
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// When the index lies outside the array, or the value does not fit into the bits.
    pub fn set(&mut self, index: u64, value: u8) -> Result<(), StatusError> {
        let (byte, shift) = self.place(index)?;
        let mask = self.mask();
        if value & !mask != 0 {
            return Err(StatusError::Entry {
                reason: "the value does not fit into the bits of an entry",
            });
        }
        if let Some(byte) = self.bytes.get_mut(byte) {
            *byte = *byte & !(mask << shift) | value << shift;
        }
        Ok(())
    }

    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.bits)
    }

    fn place(&self, index: u64) -> Result<(usize, u8), StatusError> {
        let entries = self.entries();
        if index >= entries {
            return Err(StatusError::Index { index, entries });
        }
        let bit = index.saturating_mul(u64::from(self.bits));
        let byte = usize::try_from(bit / 8).unwrap_or(usize::MAX);
        Ok((byte, u8::try_from(bit % 8).unwrap_or(0)))
    }
}

/// Unfolds exactly one zlib stream; one that breaks off is refused, which reading it as a file would not notice.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, StatusError> {
    let encoding = |reason| StatusError::Encoding { reason };
    let mut zlib = Decompress::new(true);
    let mut bytes = Vec::new();
    let mut piece = vec![0; 32 * 1024];
    let mut rest = packed;
    loop {
        let (read, written) = (zlib.total_in(), zlib.total_out());
        let status = zlib
            .decompress(rest, &mut piece, FlushDecompress::None)
            .map_err(|_| encoding("it is not zlib"))?;
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let (read, written) = (
            count(zlib.total_in(), read),
            count(zlib.total_out(), written),
        );
        rest = rest.get(read..).unwrap_or_default();
        bytes.extend_from_slice(piece.get(..written).unwrap_or_default());
        if bytes.len() > MAX_BYTES {
            return Err(StatusError::TooLarge { max: MAX_BYTES });
        }
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(bytes),
            Status::StreamEnd => return Err(encoding("bytes follow the compressed list")),
            _ if read == 0 && written == 0 => return Err(encoding("it breaks off")),
            _ => {}
        }
    }
}

/// Checks the bits of an entry, as a token or an order names them.
pub(super) fn check_bits(bits: u64) -> Result<u8, StatusError> {
    match u8::try_from(bits) {
        Ok(bits @ (1 | 2 | 4 | 8)) => Ok(bits),
        _ => Err(StatusError::Shape {
            reason: "bits is none of 1, 2, 4 and 8",
        }),
    }
}
