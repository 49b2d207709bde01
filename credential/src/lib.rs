//! The W3C Verifiable Credentials data model, securing mechanisms, status lists and verdicts.
