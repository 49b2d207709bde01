//! The proof values of `ecdsa-sd-2023` (vc-di-ecdsa §3.5.2, §3.5.3, §3.5.7, §3.5.8).
//!
//! ```text
//! base     d9 5d 00  [ signature 64, statement key 35, HMAC key 32, [ signature 64 … ], [ mandatory pointer … ] ]
//! derived  d9 5d 01  [ signature 64, statement key 35, [ signature 64 … ], { canonical number: label 32 … }, [ mandatory index … ] ]
//! ```
//!
//! The specification speaks of a key of 36 bytes; the Multikey form that it prescribes, and its vectors, have 35.

use super::super::cbor::{Reader, Writer};
use super::super::value::{
    ascending, components, decode, encode, fixed, labels, texts, unknown_header,
};
use super::super::{SelectiveError, ValueError};
use zeroize::Zeroizing;

const SUITE: &str = "ecdsa-sd-2023";
const BASE: [u8; 3] = [0xd9, 0x5d, 0x00];
const DERIVED: [u8; 3] = [0xd9, 0x5d, 0x01];

/// What the issuer gives the holder.
pub(crate) struct Base {
    pub(crate) signature: [u8; 64],
    pub(crate) statement_key: [u8; 35],
    pub(crate) hmac_key: Zeroizing<[u8; 32]>,
    pub(crate) signatures: Vec<[u8; 64]>,
    pub(crate) mandatory_pointers: Vec<String>,
}

/// What the holder gives a verifier.
#[derive(Debug, PartialEq)]
pub(crate) struct Derived {
    pub(crate) signature: [u8; 64],
    pub(crate) statement_key: [u8; 35],
    pub(crate) signatures: Vec<[u8; 64]>,
    /// By canonical number.
    pub(crate) labels: Vec<[u8; 32]>,
    pub(crate) mandatory: Vec<usize>,
}

impl Base {
    pub(crate) fn encode(&self) -> String {
        let mut writer = Writer::new(BASE);
        writer.array(5);
        writer.bytes(&self.signature);
        writer.bytes(&self.statement_key);
        writer.bytes(self.hmac_key.as_slice());
        write_signatures(&mut writer, &self.signatures);
        writer.array(self.mandatory_pointers.len());
        for pointer in &self.mandatory_pointers {
            writer.text(pointer);
        }
        encode(writer)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SelectiveError> {
        let (header, bytes) = decode(text)?;
        match header {
            BASE => Ok(Self::read(&mut Reader::new(&bytes))?),
            DERIVED => Err(SelectiveError::DerivedProof),
            _ => Err(unknown_header(SUITE, header).into()),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ValueError> {
        components(reader, 5)?;
        let base = Self {
            signature: fixed(reader, "base signature")?,
            statement_key: fixed(reader, "statement key")?,
            hmac_key: Zeroizing::new(fixed(reader, "HMAC key")?),
            signatures: signatures(reader)?,
            mandatory_pointers: texts(reader)?,
        };
        reader.end()?;
        Ok(base)
    }
}

impl Derived {
    pub(crate) fn encode(&self) -> String {
        let mut writer = Writer::new(DERIVED);
        writer.array(5);
        writer.bytes(&self.signature);
        writer.bytes(&self.statement_key);
        write_signatures(&mut writer, &self.signatures);
        writer.map(self.labels.len());
        for (number, label) in self.labels.iter().enumerate() {
            writer.number(number);
            writer.bytes(label);
        }
        writer.numbers(&self.mandatory);
        encode(writer)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SelectiveError> {
        let (header, bytes) = decode(text)?;
        match header {
            DERIVED => Ok(Self::read(&mut Reader::new(&bytes))?),
            BASE => Err(SelectiveError::BaseProof),
            _ => Err(unknown_header(SUITE, header).into()),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ValueError> {
        components(reader, 5)?;
        let derived = Self {
            signature: fixed(reader, "base signature")?,
            statement_key: fixed(reader, "statement key")?,
            signatures: signatures(reader)?,
            labels: labels(reader, |reader| fixed(reader, "label"))?,
            mandatory: ascending(reader, "mandatory indexes")?,
        };
        reader.end()?;
        Ok(derived)
    }
}

fn signatures(reader: &mut Reader<'_>) -> Result<Vec<[u8; 64]>, ValueError> {
    (0..reader.array()?)
        .map(|_| fixed(reader, "signature"))
        .collect()
}

fn write_signatures(writer: &mut Writer, signatures: &[[u8; 64]]) {
    writer.array(signatures.len());
    for signature in signatures {
        writer.bytes(signature);
    }
}
