//! Counts the system calls of each process for a second, and prints the counts.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use CRATE::Counter;

fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter::start()?;
    sleep(Duration::from_secs(1));
    for entry in counter.maps.counts.iter() {
        let (call, count) = entry?;
        println!(
            "process {} made call {} {count} times",
            call.process, call.number
        );
    }
    Ok(())
}
