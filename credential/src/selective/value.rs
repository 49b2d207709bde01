//! Proof values: a three-byte header that names suite, stage and feature, then one CBOR array.

use super::ValueError;
use super::cbor::{Reader, Writer};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

/// The longest proof value read, in characters; 512 statements take some 50,000.
const MAX_TEXT: usize = 131_072;

/// Decodes `u` and base64url; gives header and what follows it.
pub(super) fn decode(text: &str) -> Result<([u8; 3], Vec<u8>), ValueError> {
    if text.len() > MAX_TEXT {
        return Err(ValueError::TooLong {
            found: text.len(),
            max: MAX_TEXT,
        });
    }
    let encoded = text.strip_prefix('u').ok_or(ValueError::Multibase)?;
    let mut bytes = BASE64URL_NOPAD
        .decode(encoded.as_bytes())
        .map_err(|_| ValueError::Multibase)?;
    let Some((header, _)) = bytes.split_first_chunk::<3>() else {
        return Err(ValueError::Multibase);
    };
    let header = *header;
    bytes.drain(..3);
    Ok((header, bytes))
}

/// Encodes as base64url after a `u`.
pub(super) fn encode(writer: Writer) -> String {
    format!("u{}", BASE64URL_NOPAD.encode(&writer.into_bytes()))
}

pub(super) fn unknown_header(suite: &'static str, header: [u8; 3]) -> ValueError {
    ValueError::Header {
        suite,
        found: HEXLOWER.encode(&header),
    }
}

/// Reads the head of the one array, of exactly so many components.
pub(super) fn components(reader: &mut Reader<'_>, expected: usize) -> Result<(), ValueError> {
    let found = reader.array()?;
    if found != expected {
        return Err(ValueError::Components { expected, found });
    }
    Ok(())
}

/// Reads a byte string of a fixed length.
pub(super) fn fixed<const N: usize>(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<[u8; N], ValueError> {
    let bytes = reader.bytes()?;
    <[u8; N]>::try_from(bytes).map_err(|_| ValueError::Length {
        what,
        expected: N,
        found: bytes.len(),
    })
}

/// Reads an array of ascending numbers.
pub(super) fn ascending(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<Vec<usize>, ValueError> {
    let count = reader.array()?;
    let mut numbers: Vec<usize> = Vec::with_capacity(count);
    for _ in 0..count {
        let number = reader.number()?;
        if numbers.last().is_some_and(|last| *last >= number) {
            return Err(ValueError::Order { what });
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// Reads an array of texts.
pub(super) fn texts(reader: &mut Reader<'_>) -> Result<Vec<String>, ValueError> {
    (0..reader.array()?)
        .map(|_| Ok(reader.text()?.to_owned()))
        .collect()
}

/// Reads the label of each blank node, in the order of their canonical numbers; no label comes twice.
pub(super) fn labels<T: Ord + Clone>(
    reader: &mut Reader<'_>,
    mut label: impl FnMut(&mut Reader<'_>) -> Result<T, ValueError>,
) -> Result<Vec<T>, ValueError> {
    let count = reader.map()?;
    let mut found: Vec<Option<T>> = vec![None; count];
    for _ in 0..count {
        let number = reader.number()?;
        let label = label(reader)?;
        match found.get_mut(number) {
            Some(slot @ None) => *slot = Some(label),
            _ => return Err(ValueError::RepeatedLabel),
        }
    }
    let found: Vec<T> = found.into_iter().flatten().collect();
    let distinct: std::collections::BTreeSet<&T> = found.iter().collect();
    if distinct.len() != count {
        return Err(ValueError::RepeatedLabel);
    }
    Ok(found)
}
