//! Asks registries over HTTP and checks every proof; resolves the DID methods that verifiers meet.
