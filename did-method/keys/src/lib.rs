//! Key types, Multikey and JWK forms, signature verification and the Signer trait.
