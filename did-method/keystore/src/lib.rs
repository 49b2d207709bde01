//! Private keys, encrypted on disk.
