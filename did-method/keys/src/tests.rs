mod bbs;
mod codes;
mod ecdsa;
mod ed25519;
mod forms;
mod properties;
mod signing;
mod x509;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .unwrap()
}
