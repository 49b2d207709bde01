//! The labels under which blank nodes are signed: pseudorandom, so that they say nothing of what is not disclosed.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Computes HMAC-SHA-256 of each canonical label, `c14n0` and so on (vc-di-ecdsa §3.4.4).
pub(super) fn hmac_labels(key: &[u8; 32], count: usize) -> Vec<[u8; 32]> {
    // HMAC takes keys of any length.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    (0..count)
        .map(|number| {
            let mut mac = keyed.clone();
            mac.update(format!("c14n{number}").as_bytes());
            mac.finalize().into_bytes().into()
        })
        .collect()
}

/// Numbers the nodes in the order of their HMAC labels as text (vc-di-bbs §3.2.1).
pub(super) fn shuffled_labels(key: &[u8; 32], count: usize) -> Vec<usize> {
    let mut order: Vec<(String, usize)> = hmac_labels(key, count)
        .iter()
        .map(hmac_text)
        .zip(0..)
        .collect();
    order.sort_unstable();
    let mut shuffled = vec![0; count];
    for (place, (_, number)) in order.into_iter().enumerate() {
        if let Some(label) = shuffled.get_mut(number) {
            *label = place;
        }
    }
    shuffled
}

/// Writes an HMAC label as N-Quads carry it, after `_:`.
pub(super) fn hmac_text(label: &[u8; 32]) -> String {
    format!("u{}", BASE64URL_NOPAD.encode(label))
}

/// Writes a shuffled label as N-Quads carry it, after `_:`.
pub(super) fn shuffled_text(label: usize) -> String {
    format!("b{label}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The HMAC key of the specifications' examples.
    const KEY: [u8; 32] = [
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
        0xee, 0xff,
    ];

    #[test]
    fn hmac_labels_are_those_of_the_specification() {
        let labels: Vec<String> = hmac_labels(&KEY, 2).iter().map(hmac_text).collect();
        assert_eq!(
            labels,
            [
                "u4YIOZn1MHES1Z4Ij2hWZG3R4dEYBqg5fHTyDEvYhC38",
                "u3Lv2QpFgo-YAegc1cQQKWJFW2sEjQF6FfuZ0VEoMKHg"
            ]
        );
    }

    #[test]
    fn shuffled_labels_are_a_permutation_in_the_order_of_the_texts() {
        let count = 40;
        let shuffled = shuffled_labels(&KEY, count);
        let texts: Vec<String> = hmac_labels(&KEY, count).iter().map(hmac_text).collect();
        for (one, first) in texts.iter().zip(&shuffled) {
            for (other, second) in texts.iter().zip(&shuffled) {
                assert_eq!(one < other, first < second);
            }
        }
    }
}
