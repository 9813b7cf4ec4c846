//! Bodies of the fuzz targets.

pub mod bodies;
pub mod resource_texts;
