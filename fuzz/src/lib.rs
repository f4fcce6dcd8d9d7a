//! The functions that the fuzz targets call with an input. Each feature enables the functions and
//! dependencies of one group of targets.

#[cfg(feature = "schemas")]
pub mod schemas;
