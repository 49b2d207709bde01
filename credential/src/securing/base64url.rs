//! Base64url without padding (RFC 7515 §2), four characters at a time: every token that is verified goes through it.

/// Has more bits than any character's value.
const NONE: u8 = 0xff;
/// The value of each byte as a character of base64url (RFC 4648 §5).
const VALUES: [u8; 256] = values();

/// Decodes base64url without padding; `None` when a character is none of the alphabet, the length is none that encoding gives,
/// or spare bits are not zero, so that a text has one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut groups = text.as_bytes().chunks_exact(4);
    let rest = groups.remainder();
    let length = groups.len() * 3;
    // A group that is not whole gives one byte less than it has characters.
    let mut bytes = vec![0; length + rest.len().saturating_sub(1)];
    let (whole, last) = bytes.split_at_mut_checked(length)?;
    let mut seen = 0;
    for (group, place) in (&mut groups).zip(whole.chunks_exact_mut(3)) {
        if let (&[a, b, c, d], [first, second, third]) = (group, place) {
            let [a, b, c, d] = [a, b, c, d].map(value);
            seen |= a | b | c | d;
            (*first, *second, *third) = ((a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d);
        }
    }
    let spare = match (rest, last) {
        ([], []) => 0,
        (&[a, b], [first]) => {
            let [a, b] = [a, b].map(value);
            seen |= a | b;
            *first = (a << 2) | (b >> 4);
            b & 0x0f
        }
        (&[a, b, c], [first, second]) => {
            let [a, b, c] = [a, b, c].map(value);
            seen |= a | b | c;
            (*first, *second) = ((a << 2) | (b >> 4), (b << 4) | (c >> 2));
            c & 0x03
        }
        _ => return None,
    };
    (seen < 64 && spare == 0).then_some(bytes)
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NONE)
}

#[expect(
    clippy::indexing_slicing,
    reason = "it runs when the crate is compiled"
)]
const fn values() -> [u8; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NONE; 256];
    let mut place = 0_u8;
    while (place as usize) < ALPHABET.len() {
        values[ALPHABET[place as usize] as usize] = place;
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
        fn it_decodes_and_refuses_as_the_library_does(text in "[A-Ba-c0-1_é=+-]{0,14}") {
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
