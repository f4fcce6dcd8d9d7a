//! Boots kernels and runs test binaries in them.
