//! The bitstring of a status list and its encoding (Bitstring Status List 1.0 §3.3, §3.4).
//!
//! ```text
//! entry i of size n: bits i·n … i·n+n−1, counted from the most significant bit of the first byte
//! encodedList      = "u" ‖ base64url-no-pad( gzip( bytes ) )
//! ```

use super::StatusError;
use data_encoding::BASE64URL_NOPAD;
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use std::io::{Read as _, Write as _};

/// The least bytes of a list: 131,072 entries of one bit, so that an index says little (Bitstring Status List 1.0 §6.1).
pub const MIN_BYTES: usize = 16 * 1024;

/// The least entries of a list, whatever the size of each (Bitstring Status List 1.0 §3.2).
pub const MIN_ENTRIES: u64 = 131_072;

/// The most bytes that a list is unfolded to.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most bits of one entry.
const MAX_SIZE: u8 = 16;

/// Is the bitstring of a status list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitstring {
    bytes: Vec<u8>,
}

impl Bitstring {
    /// Makes a list whose entries are all zero, at least as many as privacy asks for.
    ///
    /// # Errors
    /// When so many entries do not fit into [`MAX_BYTES`], or the size is not 1 to 16 bits.
    pub fn zeros(entries: u64, size: u8) -> Result<Self, StatusError> {
        check_size(size)?;
        let bits = entries.max(MIN_ENTRIES).saturating_mul(u64::from(size));
        let bytes = usize::try_from(bits.div_ceil(8))
            .ok()
            .filter(|bytes| *bytes <= MAX_BYTES)
            .ok_or(StatusError::TooLarge { max: MAX_BYTES })?;
        Ok(Self {
            bytes: vec![0; bytes],
        })
    }

    /// Decodes `encodedList`.
    ///
    /// # Errors
    /// When it is not `u` and base64url of gzip, or unfolds to fewer than [`MIN_BYTES`] or more than [`MAX_BYTES`].
    pub fn decode(encoded: &str) -> Result<Self, StatusError> {
        let encoding = |reason| StatusError::Encoding { reason };
        let text = encoded
            .strip_prefix('u')
            .ok_or(encoding("it does not begin with the multibase prefix u"))?;
        let packed = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| encoding("it is not base64url without padding"))?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        MultiGzDecoder::new(packed.as_slice())
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|_| encoding("it is not gzip"))?;
        if bytes.len() > MAX_BYTES {
            return Err(StatusError::TooLarge { max: MAX_BYTES });
        }
        if bytes.len() < MIN_BYTES {
            return Err(StatusError::TooShort {
                found: bytes.len(),
                min: MIN_BYTES,
            });
        }
        Ok(Self { bytes })
    }

    /// Encodes the list; equal lists have equal texts.
    ///
    /// # Errors
    /// When compressing fails, which it does not in memory.
    pub fn encode(&self) -> Result<String, StatusError> {
        let failed = |_| StatusError::Encoding {
            reason: "it could not be compressed",
        };
        let mut gzip = GzBuilder::new()
            .mtime(0)
            .write(Vec::new(), Compression::default());
        gzip.write_all(&self.bytes).map_err(failed)?;
        let packed = gzip.finish().map_err(failed)?;
        Ok(format!("u{}", BASE64URL_NOPAD.encode(&packed)))
    }

    /// Returns its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Says how many entries of a size the list has.
    pub fn entries(&self, size: u8) -> u64 {
        let bits = u64::try_from(self.bytes.len())
            .unwrap_or(u64::MAX)
            .saturating_mul(8);
        bits.checked_div(u64::from(size)).unwrap_or(0)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// When the index lies outside the list, or the size is not 1 to 16 bits.
    pub fn entry(&self, index: u64, size: u8) -> Result<u16, StatusError> {
        let mut value = 0;
        for bit in self.bits(index, size)? {
            let byte = self.bytes.get(bit / 8).copied().unwrap_or(0);
            value = (value << 1) | u16::from(byte >> (7 - bit % 8) & 1);
        }
        Ok(value)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// When the index lies outside the list, or the value does not fit into the size.
    pub fn set(&mut self, index: u64, size: u8, value: u16) -> Result<(), StatusError> {
        let bits = self.bits(index, size)?;
        if u32::from(value) >> size != 0 {
            return Err(StatusError::Entry {
                reason: "the value does not fit into statusSize bits",
            });
        }
        for (offset, bit) in (0..size).rev().zip(bits) {
            if let Some(byte) = self.bytes.get_mut(bit / 8) {
                let mask = 0x80_u8 >> (bit % 8);
                if value >> offset & 1 == 1 {
                    *byte |= mask;
                } else {
                    *byte &= !mask;
                }
            }
        }
        Ok(())
    }

    fn bits(&self, index: u64, size: u8) -> Result<std::ops::Range<usize>, StatusError> {
        check_size(size)?;
        let entries = self.entries(size);
        if index >= entries {
            return Err(StatusError::Index { index, entries });
        }
        let start = usize::try_from(index.saturating_mul(u64::from(size))).unwrap_or(usize::MAX);
        Ok(start..start.saturating_add(usize::from(size)))
    }
}

fn check_size(size: u8) -> Result<(), StatusError> {
    if (1..=MAX_SIZE).contains(&size) {
        Ok(())
    } else {
        Err(StatusError::Entry {
            reason: "statusSize is not 1 to 16",
        })
    }
}
