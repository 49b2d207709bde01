//! JSON-LD contexts, JSON Schemas and scenario packs, embedded.
