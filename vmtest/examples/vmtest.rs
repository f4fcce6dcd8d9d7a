//! A substitute for danobi/vmtest in the tests of the harness. It reads the configuration file like
//! danobi/vmtest does, but runs the command on this machine instead of in a guest.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let [_, flag, path] = args.as_slice() else { panic!("{args:?}") };
    assert_eq!(flag, "--config");
    let text = std::fs::read_to_string(path).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let target = &config["target"][0];
    assert!(Path::new(target["kernel"].as_str().unwrap()).is_file(), "{text}");
    println!("[    0.000000] Linux version {}", target["name"].as_str().unwrap());

    // The first character device in the arguments is the guest's second serial port.
    let extra = target["vm"]["extra_args"].as_array().unwrap();
    let device = extra[1].as_str().unwrap();
    let socket = device.rsplit_once("path=").unwrap().1;
    let port = UnixStream::connect(socket).unwrap();
    // In the guest, `/mnt/vmtest` is the directory of the configuration.
    let shared = Path::new(path).parent().unwrap().to_str().unwrap();
    let command = target["command"].as_str().unwrap().replace("/mnt/vmtest", shared);
    let mut words = command.split(' ').filter(|word| !matches!(*word, "--port" | "/dev/ttyS1"));
    let status = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::from(OwnedFd::from(port)))
        .status()
        .unwrap();
    if std::env::var_os("STAND_IN_PANICS").is_some() {
        println!("[    1.000000] Kernel panic - not syncing: as the test wants");
    }
    ExitCode::from(u8::from(!status.success()))
}
