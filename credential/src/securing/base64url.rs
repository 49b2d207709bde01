//! Base64url without padding (RFC 7515 §2), eight characters at a time: every token that is verified goes through it.

/// Characters taken together: they give whole bytes.
const GROUP: usize = 8;
/// Bytes that a group gives.
const GROUP_BYTES: usize = 6;
/// Is set beside the six bits of what is no character of the alphabet; no value of four characters reaches it.
const NONE: u32 = 1 << 31;
/// The value of each byte as a character of base64url (RFC 4648 §5) at each of four places, the greatest first.
const VALUES: [[u32; 256]; 4] = [values(18), values(12), values(6), values(0)];

/// Decodes base64url without padding; `None` when a character is none of the alphabet, the length is none that encoding gives,
/// or spare bits are not zero, so that a text has one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut groups = text.as_bytes().chunks_exact(GROUP);
    let rest = groups.remainder();
    let length = groups.len() * GROUP_BYTES;
    let mut bytes = vec![0; length + rest.len() * 6 / 8];
    let (whole, last) = bytes.split_at_mut_checked(length)?;
    let mut seen = 0;
    for (group, place) in (&mut groups).zip(whole.chunks_exact_mut(GROUP_BYTES)) {
        if let &[a, b, c, d, e, f, g, h] = group {
            let (high, low) = (four([a, b, c, d]), four([e, f, g, h]));
            seen |= high | low;
            let [_, _, decoded @ ..] = ((u64::from(high) << 24) | u64::from(low)).to_be_bytes();
            place.copy_from_slice(&decoded);
        }
    }
    let [_, _, _, alone] = &VALUES;
    let mut bits = 0_u64;
    for byte in rest {
        let value = value(alone, *byte);
        seen |= value;
        bits = (bits << 6) | u64::from(value & 0x3f);
    }
    // The last byte ends where less than a byte is left, which is zero; six bits are what no encoding leaves.
    let spare = rest.len() * 6 % 8;
    let is_spelt_well = spare < 6 && bits & ((1 << spare) - 1) == 0;
    for (place, byte) in last.iter_mut().rev().zip((bits >> spare).to_le_bytes()) {
        *place = byte;
    }
    (seen & NONE == 0 && is_spelt_well).then_some(bytes)
}

/// Puts the bits of four characters together, 24 in all.
fn four(characters: [u8; 4]) -> u32 {
    let values = VALUES.iter().zip(characters);
    values.fold(0, |bits, (table, byte)| bits | value(table, byte))
}

fn value(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or(NONE)
}

#[expect(
    clippy::indexing_slicing,
    reason = "it runs when the crate is compiled"
)]
const fn values(shift: u32) -> [u32; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NONE; 256];
    let mut place = 0_u32;
    while (place as usize) < ALPHABET.len() {
        values[ALPHABET[place as usize] as usize] = place << shift;
        place += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::decode;
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    #[test]
    fn a_text_has_one_spelling() {
        assert_eq!(decode(""), Some(Vec::new()));
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        for text in [
            "A", "AAAAA", "AB", "AAB", "AA==", "+A", "A/", "A A", "AAAA\n", "ä",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn it_decodes_what_was_encoded(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode(&BASE64URL_NOPAD.encode(&bytes)), Some(bytes));
        }

        #[test]
        fn it_decodes_and_refuses_as_the_library_does(text in "[A-Ba-c0-1_é=+-]{0,20}") {
            prop_assert_eq!(decode(&text), BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        }

        #[test]
        fn one_other_character_is_decoded_and_refused_as_by_the_library(
            bytes in prop::collection::vec(any::<u8>(), 1..24), at in any::<prop::sample::Index>(), other in any::<char>(),
        ) {
            let mut text: Vec<char> = BASE64URL_NOPAD.encode(&bytes).chars().collect();
            let at = at.index(text.len());
            text[at] = other;
            let text: String = text.into_iter().collect();
            prop_assert_eq!(decode(&text), BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        }
    }
}
