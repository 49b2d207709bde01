//! Vectors, the layer test, end-to-end tests.
