//! `ratelimit INTERFACE PACKETS`: lets this many packets of each source pass in a second, and shows
//! who sends.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use ratelimit::RateLimiter;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, packets] = arguments.as_slice() else {
        return Err("usage: ratelimit INTERFACE PACKETS".into());
    };
    let packets = packets.parse().map_err(|_| format!("{packets:?} is no number of packets"))?;
    let limiter = RateLimiter::attach(interface_number(interface)?, packets, SECOND)?;
    loop {
        sleep(SECOND);
        println!("{:40} {:>12} {:>12}", "source", "passed", "dropped");
        for (source, usage) in limiter.sources()? {
            println!("{:40} {:>12} {:>12}", source.to_string(), usage.passed, usage.dropped);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn interface_number(name: &str) -> Result<i32, Box<dyn Error>> {
    let path = format!("/sys/class/net/{name}/ifindex");
    let text = std::fs::read_to_string(path)
        .map_err(|_| format!("there is no network interface {name:?}"))?;
    Ok(text.trim().parse()?)
}
