//! RFC 6979 A.2.5, A.2.6 and A.2.7, and what a lax verifier would let through.

use super::hex;
use crate::{
    JwsSigningInput, KeyError, KeyType, PrivateKey, PublicKey, Signer, VerifyError, curve,
};

struct Vector {
    key_type: KeyType,
    scalar: &'static str,
    x: &'static str,
    y: &'static str,
    /// r ‖ s over `sample`.
    signature: [&'static str; 2],
    order: &'static str,
}

const P256: Vector = Vector {
    key_type: KeyType::P256,
    scalar: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
    x: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
    y: "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    signature: [
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ],
    order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
};

const P384: Vector = Vector {
    key_type: KeyType::P384,
    scalar: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
    x: "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
    y: "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    signature: [
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    ],
    order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
};

const P521: Vector = Vector {
    key_type: KeyType::P521,
    scalar: "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
    x: "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4",
    y: "00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
    signature: [
        "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
        "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
    ],
    order: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
};

const SAMPLE: &[u8] = b"sample";

impl Vector {
    fn key(&self) -> PrivateKey {
        PrivateKey::from_seed(self.key_type, &hex(self.scalar)).unwrap()
    }

    fn signature(&self) -> Vec<u8> {
        hex(&self.signature.concat())
    }
}

#[test]
fn derives_the_public_keys_and_verifies_the_signatures_of_rfc_6979() {
    for vector in [P256, P384, P521] {
        let key = vector.key();
        let public = key.public_key();

        assert_eq!(public.raw()[1..], hex(vector.x));
        assert_eq!(public.y(), Some(hex(vector.y)));
        assert_eq!(public.verify(SAMPLE, &vector.signature()), Ok(()));
        assert_eq!(
            public.verify(b"test", &vector.signature()),
            Err(VerifyError::Mismatch)
        );
    }
}

#[test]
fn refuses_the_high_twin_where_it_is_strict_and_takes_the_low_one() {
    for vector in [P256, P384] {
        // Both of these signatures happen to have a high s.
        let mut signature = vector.signature();
        let key = vector.key();
        assert_eq!(
            key.public_key().verify_strict(SAMPLE, &signature),
            Err(VerifyError::HighS)
        );

        curve::make_low_s(vector.key_type, &mut signature);

        assert_eq!(key.public_key().verify_strict(SAMPLE, &signature), Ok(()));
        assert_eq!(key.public_key().verify(SAMPLE, &signature), Ok(()));
    }
}

#[test]
fn signs_with_a_low_s_on_every_curve() {
    let input = JwsSigningInput::new("eyJhbGciOiJFUzUxMiJ9.e30").unwrap();
    for vector in [P256, P384, P521] {
        let key = vector.key();
        for _ in 0..8 {
            let signature = key.sign_jws(&input).unwrap();
            assert_eq!(
                key.public_key()
                    .verify_strict(input.as_bytes(), signature.as_bytes()),
                Ok(())
            );
        }
    }
}

#[test]
fn draws_the_line_between_low_and_high_at_half_the_order() {
    // (n − 1) / 2 is the largest low s, (n + 1) / 2 the smallest high one.
    let largest_low = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
    let smallest_high = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9";
    let r = "01".repeat(32);
    let at = |s: &str| hex(&format!("{r}{s}"));

    assert!(curve::is_low_s(KeyType::P256, &at(largest_low)));
    assert!(!curve::is_low_s(KeyType::P256, &at(smallest_high)));
    let mut lowered = at(smallest_high);
    curve::make_low_s(KeyType::P256, &mut lowered);
    assert_eq!(lowered, at(largest_low));
}

#[test]
fn refuses_signatures_with_r_or_s_zero_or_past_the_order() {
    for vector in [P256, P384, P521] {
        let key = vector.key();
        let half = vector.key_type.secret_len();
        let zero = vec![0; half];
        let order = hex(vector.order);
        let [r, s] = vector.signature.map(hex);
        for (r, s) in [
            (&zero, &s),
            (&r, &zero),
            (&zero, &zero),
            (&order, &s),
            (&r, &order),
            (&vec![0xff; half], &s),
            (&r, &vec![0xff; half]),
        ] {
            let forged = [r.as_slice(), s.as_slice()].concat();

            assert!(key.public_key().verify(SAMPLE, &forged).is_err());
            assert!(key.public_key().verify_strict(SAMPLE, &forged).is_err());
        }
    }
}

#[test]
fn refuses_der_and_other_lengths() {
    let key = P256.key();
    let signature = P256.signature();

    for found in [0, 63, 65, 70, 96] {
        let mut other = signature.clone();
        other.resize(found, 0);
        assert_eq!(
            key.public_key().verify(SAMPLE, &other),
            Err(VerifyError::Length {
                expected: 64,
                found
            })
        );
    }
}

#[test]
fn refuses_points_that_are_not_on_the_curve_or_not_compressed() {
    for vector in [P256, P384, P521] {
        let key_type = vector.key_type;
        let not_on_curve = Err(KeyError::NotOnCurve { key_type });
        let mut raw = vec![0x02];
        raw.extend(hex(vector.x));
        assert!(PublicKey::from_raw(key_type, &raw).is_ok());

        for prefix in [0x00, 0x01, 0x04, 0x05, 0x06, 0x07] {
            raw[0] = prefix;
            assert_eq!(PublicKey::from_raw(key_type, &raw), not_on_curve);
        }
        let past_the_prime = [vec![0x02], vec![0xff; key_type.secret_len()]].concat();
        assert_eq!(PublicKey::from_raw(key_type, &past_the_prime), not_on_curve);
        assert!(matches!(
            PublicKey::from_raw(key_type, &[0]),
            Err(KeyError::Length { found: 1, .. })
        ));
        let mut y = hex(vector.y);
        *y.last_mut().unwrap() ^= 1;
        assert_eq!(
            PublicKey::from_coordinates(key_type, &hex(vector.x), &y),
            not_on_curve
        );
        let zero = vec![0; key_type.secret_len()];
        assert_eq!(
            PublicKey::from_coordinates(key_type, &zero, &zero),
            not_on_curve
        );
    }
}

#[test]
fn refuses_scalars_that_are_zero_or_past_the_order() {
    for vector in [P256, P384, P521] {
        let key_type = vector.key_type;
        let zero = vec![0; key_type.secret_len()];
        for scalar in [zero, hex(vector.order), vec![0xff; key_type.secret_len()]] {
            let refused = PrivateKey::from_seed(key_type, &scalar);

            assert_eq!(refused.err(), Some(KeyError::Scalar { key_type }));
        }
    }
}
