//! A ledger for engine tests.
