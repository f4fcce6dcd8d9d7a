//! `bpfmap`: schemas of BPF maps on the command line.

fn main() -> std::process::ExitCode {
    // `bpfmap test` boots kernels with this program as their init.
    bpfmap_vmtest::init::main_if_init();
    std::process::ExitCode::from(bpfmap_cli::run(std::env::args_os()))
}
