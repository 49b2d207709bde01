//! The issuing service: VC-API and status lists.
