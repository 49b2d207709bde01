//! The verifying service: VC-API, native verifications, verdicts.
