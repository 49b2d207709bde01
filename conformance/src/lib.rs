//! What the whole workspace is held to: the layer rules, the bodies of the fuzz targets, and the exchange with
//! other implementations.

pub mod interop;
pub mod layers;
mod mutate;
pub mod targets;
