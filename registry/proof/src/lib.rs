//! Light client: proves from a signed header and a Merkle path what the ledger says.
