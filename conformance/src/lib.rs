//! What the whole workspace is held to: the layer rules, and the bodies of the fuzz targets.

pub mod layers;
mod mutate;
pub mod targets;
