//! What the harness promises, shown on guests that boot.

mod common;
mod drivers;
mod faults;
mod hostile;
mod library;
mod run;
mod sources;
