//! Tests of the harness with guests that boot.

mod cargo;
mod common;
mod drivers;
mod faults;
mod forgeries;
mod handover;
mod help;
mod hostile;
mod library;
mod roots;
mod run;
mod sources;
