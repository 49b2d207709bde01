//! The one binary: registry, issuer and verifier in one process, and the tools around them.

fn main() {}
