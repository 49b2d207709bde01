//! The ledger's state machine: execution, authenticated state, accreditation.
