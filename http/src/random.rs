//! Randomness: one of the two ambient sources of the house.

use std::process::abort;

/// Returns `N` bytes of the operating system's randomness.
///
/// Ends the process when the operating system has none to give: nothing that needs a random value may go on without.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    fill(&mut buffer);
    buffer
}

/// Fills a buffer with the operating system's randomness, under the terms of [`bytes`].
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that draws randomness"
)]
pub fn fill(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        tracing::error!(%error, "the operating system gives no randomness");
        abort();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::bytes::<32>(), super::bytes::<32>());
    }
}
