//! Commits and sets that differ from good ones in one thing.

use chop_keys::Signer;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest, Sha512};
use tendermint::block::CommitSig;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;
use tendermint_proto::Protobuf;
use tendermint_proto::v0_38::types as pb;

use super::Consortium;
use crate::fixtures::Part::{Signs, SignsNil};
use crate::fixtures::key;
use crate::hashes::vote_sign_bytes;

/// The path of a key of the tree whose place begins with another bit than that of `key`.
pub(super) fn far_path(four: &Consortium, key: &str) -> Vec<u8> {
    let side = |key: &str| crate::key_hash(key).0[0] >> 7;
    let far = (0..40)
        .map(|n| format!("did/{n}"))
        .find(|other| side(other) != side(key));
    four.tree.path(&far.unwrap())
}

/// Flips a bit of the signature of one entry.
pub(super) fn altered(signed: &SignedHeader, index: usize) -> SignedHeader {
    changed_signature(signed, index, |bytes| bytes[3] ^= 1)
}

pub(super) fn altered_nil(four: &Consortium) -> SignedHeader {
    let signed = four.signed(&[Signs, Signs, SignsNil, Signs]);
    let nil = signed.commit.signatures.iter().position(CommitSig::is_nil);
    altered(&signed, nil.unwrap())
}

/// Adds the group order to s: an equation that does not look at s would still hold.
pub(super) fn with_high_s(signed: &SignedHeader) -> SignedHeader {
    // The order, little-endian, is one more than the largest scalar.
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    changed_signature(signed, 0, |bytes| {
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
    })
}

fn changed_signature(
    signed: &SignedHeader,
    index: usize,
    change: impl Fn(&mut [u8]),
) -> SignedHeader {
    let mut signed = signed.clone();
    if let Some(
        CommitSig::BlockIdFlagCommit { signature, .. }
        | CommitSig::BlockIdFlagNil { signature, .. },
    ) = signed.commit.signatures.get_mut(index)
    {
        let mut bytes = signature.clone().unwrap().into_bytes();
        change(&mut bytes);
        *signature = Some(bytes.try_into().unwrap());
    }
    signed
}

/// Signs anew for the validator in the first place, with a point of order eight added to R.
pub(super) fn with_mixed_order(four: &Consortium) -> SignedHeader {
    let mut signed = four.signed(&[Signs; 4]);
    let first = signed.commit.signatures.first().unwrap().clone();
    let message = vote_sign_bytes(&signed.header.chain_id, &signed.commit, &first).unwrap();
    let info: &validator::Info = four.root.validators().validators().first().unwrap();
    let public = info.pub_key.to_bytes();
    let seed = (1..=4_u8)
        .find(|seed| key(*seed).public_key().raw() == public)
        .unwrap();
    let wide = |parts: &[&[u8]]| -> [u8; 64] {
        let mut hasher = Sha512::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    };
    let expanded = wide(&[&[seed; 32]]);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(expanded[..32].try_into().unwrap()));
    let nonce = Scalar::from_bytes_mod_order_wide(&wide(&[&expanded[32..], &message]));
    let point: CompressedEdwardsY = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[1]).compress();
    let challenge =
        Scalar::from_bytes_mod_order_wide(&wide(&[point.as_bytes(), &public, &message]));
    let s = nonce + challenge * secret;
    if let Some(CommitSig::BlockIdFlagCommit { signature, .. }) =
        signed.commit.signatures.first_mut()
    {
        let bytes = [point.to_bytes(), s.to_bytes()].concat();
        *signature = Some(bytes.try_into().unwrap());
    }
    signed
}

/// Spells the total power, the last number of a set, with a superfluous byte.
pub(super) fn with_long_total(set: &[u8]) -> Vec<u8> {
    let decoded = <validator::Set as Protobuf<pb::ValidatorSet>>::decode(set).unwrap();
    assert!(decoded.total_voting_power().value() < 128);
    let mut set = set.to_vec();
    *set.last_mut().unwrap() |= 0x80;
    set.push(0);
    set
}
