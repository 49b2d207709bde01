//! The half of ECDSA's group orders: which of the two signatures for one message is the low one.

use crate::KeyType;

/// Order n of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3), big-endian.
const N_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Order n of P-384 (SP 800-186 §3.2.1.4), big-endian.
const N_P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

/// Order n of P-521 (SP 800-186 §3.2.1.5), big-endian.
const N_P521: [u8; 66] = [
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09,
    0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38,
    0x64, 0x09,
];

/// Tells whether the `s` half of a fixed-length signature is at most n/2; Ed25519 and BBS have no such twin and are always low.
pub(crate) fn is_low_s(key_type: KeyType, signature: &[u8]) -> bool {
    let Some(order) = order(key_type) else {
        return true;
    };
    match signature.split_at_checked(order.len()) {
        // s ≤ n/2 exactly when s ≤ n − s, as n is odd.
        Some((_, s)) => s <= negated(order, s).as_slice(),
        None => false,
    }
}

/// Replaces a high `s` by n − s, which verifies as well.
pub(crate) fn make_low_s(key_type: KeyType, signature: &mut [u8]) {
    let Some(order) = order(key_type) else {
        return;
    };
    if let Some((_, s)) = signature.split_at_mut_checked(order.len()) {
        let twin = negated(order, s);
        if *s > *twin.as_slice() {
            s.copy_from_slice(&twin);
        }
    }
}

fn order(key_type: KeyType) -> Option<&'static [u8]> {
    match key_type {
        KeyType::Ed25519 | KeyType::Bls12381G2 => None,
        KeyType::P256 => Some(&N_P256),
        KeyType::P384 => Some(&N_P384),
        KeyType::P521 => Some(&N_P521),
    }
}

/// Computes n − s modulo 2^(8·len), big-endian; both of one length. For s > n it wraps; such an s never verifies.
fn negated(order: &[u8], s: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut difference: Vec<u8> = order
        .iter()
        .zip(s)
        .rev()
        .map(|(n, s)| {
            let (partial, first) = n.overflowing_sub(*s);
            let (byte, second) = partial.overflowing_sub(u8::from(borrow));
            borrow = first || second;
            byte
        })
        .collect();
    difference.reverse();
    difference
}
