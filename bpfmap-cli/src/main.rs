//! `bpfmap`: schemas of BPF maps on the command line.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(bpfmap_cli::run(std::env::args_os()))
}
