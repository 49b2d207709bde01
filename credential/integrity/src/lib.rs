//! Strict JSON, JCS and the jcs cryptosuites of W3C Data Integrity.
