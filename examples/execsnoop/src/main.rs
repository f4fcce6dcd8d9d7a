//! `execsnoop [ring|perf]`: prints each program that a process starts to run.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use execsnoop::{Buffer, ExecSnoop, HEADING, line};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let buffer = match arguments.as_slice() {
        [] => Buffer::best()?,
        ["ring"] => Buffer::Ring,
        ["perf"] => Buffer::Perf,
        _ => return Err("usage: execsnoop [ring|perf]".into()),
    };
    let mut snoop = ExecSnoop::start(buffer)?;
    let mut out = std::io::stdout();
    writeln!(out, "{HEADING}")?;
    let mut lost = 0;
    loop {
        let mut written = Ok(());
        snoop.poll(None, |event| {
            if written.is_ok() {
                written = writeln!(out, "{}", line(event));
            }
        })?;
        written?;
        out.flush()?;
        if snoop.lost() > lost {
            eprintln!("{} events were lost", snoop.lost() - lost);
            lost = snoop.lost();
        }
    }
}
