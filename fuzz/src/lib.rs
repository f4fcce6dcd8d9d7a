//! What the targets do with an input. Each feature builds what one part of them needs, and no more.

#[cfg(feature = "schemas")]
pub mod schemas;
