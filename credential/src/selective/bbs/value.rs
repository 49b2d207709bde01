//! The proof values of `bbs-2023` (vc-di-bbs §3.3.1, §3.3.2, §3.3.6, §3.3.7).
//!
//! ```text
//! base     d9 5d 02  [ signature 80, header 64, public key 96, HMAC key 32, [ mandatory pointer … ] ]
//!          d9 5d 04  the same, bound to a holder's secret
//! derived  d9 5d 03  [ proof, { canonical number: shuffled number … }, [ mandatory index … ], [ selective index … ], presentation header ]
//!          d9 5d 05  the same and the number of the issuer's messages, bound to a holder's secret
//! ```

use super::super::cbor::{Reader, Writer};
use super::super::value::{
    ascending, components, decode, encode, fixed, labels, texts, unknown_header,
};
use super::super::{SelectiveError, ValueError};
use zeroize::Zeroizing;

const SUITE: &str = "bbs-2023";
const PREFIX: [u8; 2] = [0xd9, 0x5d];

/// What the issuer gives the holder.
pub(crate) struct Base {
    pub(crate) signature: [u8; 80],
    pub(crate) header: [u8; 64],
    pub(crate) public_key: [u8; 96],
    pub(crate) hmac_key: Zeroizing<[u8; 32]>,
    pub(crate) mandatory_pointers: Vec<String>,
    /// Whether the signature is bound to a holder's secret.
    pub(crate) bound: bool,
}

/// What the holder gives a verifier.
#[derive(Debug, PartialEq)]
pub(crate) struct Derived {
    pub(crate) proof: Vec<u8>,
    /// By canonical number.
    pub(crate) labels: Vec<usize>,
    pub(crate) mandatory: Vec<usize>,
    pub(crate) selective: Vec<usize>,
    pub(crate) presentation_header: Vec<u8>,
    /// How many messages the issuer signed, where the signature is bound to a holder's secret.
    pub(crate) bound: Option<usize>,
}

/// The stage and feature that a header names.
enum Header {
    Base { bound: bool },
    Derived { bound: bool },
}

impl Header {
    fn parse(bytes: [u8; 3]) -> Result<Self, SelectiveError> {
        let [first, second, last] = bytes;
        let unsupported = |option| Err(SelectiveError::Feature { option });
        if [first, second] != PREFIX {
            return Err(unknown_header(SUITE, bytes).into());
        }
        match last {
            0x02 => Ok(Self::Base { bound: false }),
            0x03 => Ok(Self::Derived { bound: false }),
            0x04 => Ok(Self::Base { bound: true }),
            0x05 => Ok(Self::Derived { bound: true }),
            0x06 | 0x07 => unsupported("pseudonym"),
            0x08 | 0x09 => unsupported("holder_binding_pseudonym"),
            _ => Err(unknown_header(SUITE, bytes).into()),
        }
    }

    fn bytes(&self) -> [u8; 3] {
        let last = match self {
            Self::Base { bound: false } => 0x02,
            Self::Derived { bound: false } => 0x03,
            Self::Base { bound: true } => 0x04,
            Self::Derived { bound: true } => 0x05,
        };
        let [first, second] = PREFIX;
        [first, second, last]
    }
}

impl Base {
    pub(crate) fn encode(&self) -> String {
        let header = Header::Base { bound: self.bound };
        let mut writer = Writer::new(header.bytes());
        writer.array(5);
        writer.bytes(&self.signature);
        writer.bytes(&self.header);
        writer.bytes(&self.public_key);
        writer.bytes(self.hmac_key.as_slice());
        writer.array(self.mandatory_pointers.len());
        for pointer in &self.mandatory_pointers {
            writer.text(pointer);
        }
        encode(writer)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SelectiveError> {
        let (header, bytes) = decode(text)?;
        match Header::parse(header)? {
            Header::Base { bound } => Ok(Self::read(&mut Reader::new(&bytes), bound)?),
            Header::Derived { .. } => Err(SelectiveError::DerivedProof),
        }
    }

    fn read(reader: &mut Reader<'_>, bound: bool) -> Result<Self, ValueError> {
        components(reader, 5)?;
        let base = Self {
            signature: fixed(reader, "signature")?,
            header: fixed(reader, "header")?,
            public_key: fixed(reader, "public key")?,
            hmac_key: Zeroizing::new(fixed(reader, "HMAC key")?),
            mandatory_pointers: texts(reader)?,
            bound,
        };
        reader.end()?;
        Ok(base)
    }
}

impl Derived {
    pub(crate) fn encode(&self) -> String {
        let header = Header::Derived {
            bound: self.bound.is_some(),
        };
        let mut writer = Writer::new(header.bytes());
        writer.array(if self.bound.is_some() { 6 } else { 5 });
        writer.bytes(&self.proof);
        writer.map(self.labels.len());
        for (number, label) in self.labels.iter().enumerate() {
            writer.number(number);
            writer.number(*label);
        }
        writer.numbers(&self.mandatory);
        writer.numbers(&self.selective);
        writer.bytes(&self.presentation_header);
        if let Some(signed) = self.bound {
            writer.number(signed);
        }
        encode(writer)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SelectiveError> {
        let (header, bytes) = decode(text)?;
        match Header::parse(header)? {
            Header::Derived { bound } => Ok(Self::read(&mut Reader::new(&bytes), bound)?),
            Header::Base { .. } => Err(SelectiveError::BaseProof),
        }
    }

    fn read(reader: &mut Reader<'_>, bound: bool) -> Result<Self, ValueError> {
        components(reader, if bound { 6 } else { 5 })?;
        let derived = Self {
            proof: reader.bytes()?.to_vec(),
            labels: labels(reader, |reader| Ok(reader.number()?))?,
            mandatory: ascending(reader, "mandatory indexes")?,
            selective: ascending(reader, "selective indexes")?,
            presentation_header: reader.bytes()?.to_vec(),
            bound: if bound { Some(reader.number()?) } else { None },
        };
        reader.end()?;
        Ok(derived)
    }
}
