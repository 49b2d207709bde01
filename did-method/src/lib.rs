//! The did:chop method and the rules of the methods resolved beside it.
