//! Measures one test in the same kernel, booted by this crate, by danobi/vmtest and by virtme-ng.
//! Run the benchmark with `cargo bench --package bpfmap-vmtest --bench peers`. A tool that is not
//! installed is reported and left out. The kernel is Debian's generic kernel, because the cloud
//! kernels can't mount the file systems that the other tools need.
//!
//! virtme-ng looks for the kernel's modules in `/lib/modules`, and also needs `depmod`.

use bpfmap_vmtest::kernel::{Kernel, Mirror, Packages, debian_package};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const HARNESS: &str = env!("CARGO_BIN_EXE_bpfmap-vmtest");
/// The number of runs. The minimum is reported, because other programs on this machine can only add
/// time.
const ROUNDS: usize = 3;
/// A shell script that does everything that the harness needs from a test binary.
const TEST_BINARY: &str = "#!/bin/sh
case \"$*\" in
  *--ignored*) ;;
  *--list*) echo 'boots: test' ;;
  *) echo 'test result: ok. 1 passed; 0 failed;' ;;
esac
";

fn main() {
    let (image, modules) = generic_kernel();
    // The directory must not be in `/tmp`, because danobi/vmtest mounts a file system there.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let test = directory.path().join("test");
    fs::write(&test, TEST_BINARY).expect("a file can be written");
    fs::set_permissions(&test, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let config = format!(
        "[kernels]\ngeneric = {{ path = '{}', modules = '{}' }}\n",
        image.display(),
        modules.display()
    );
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).expect("a file can be written");
    let matrix = |more: &[&str]| {
        let mut command = Command::new(HARNESS);
        command.args(["matrix", "--kernel", "generic"]).args(more).arg(&test);
        command.current_dir(directory.path());
        command
    };
    let cold = least("bpfmap-vmtest, cold", || matrix(&["--no-snapshot"]), cold_is_all);
    least("bpfmap-vmtest, from a snapshot", || matrix(&[]), |time| against(cold, time));
    if is_installed("vmtest") {
        let by_vmtest = || matrix(&["--driver", "vmtest"]);
        least("danobi/vmtest", by_vmtest, |time| against(cold, time));
    } else {
        println!("danobi/vmtest: not installed (cargo install vmtest, and qemu-guest-agent)");
    }
    if is_installed("vng") {
        // virtme-ng needs a terminal, and relies on the KVM device if it exists.
        let line =
            format!("vng --disable-kvm -r {} --cpus 1 --memory 512M --exec true", image.display());
        let by_vng = || {
            let mut command = Command::new("script");
            command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
            command
        };
        least("virtme-ng", by_vng, |time| against(cold, time));
    } else {
        println!("virtme-ng: not installed (pip install virtme-ng, and kmod and busybox)");
    }
}

/// Returns Debian's generic kernel of the line 6.1, in the same version as the cloud kernel: its
/// image and the directory of its modules.
fn generic_kernel() -> (PathBuf, PathBuf) {
    let cloud = Kernel::debian("6.1", &Packages::configured()).expect("the kernel can be had");
    let release = cloud.release.replace("-cloud-", "-");
    let mirror = Mirror::configured(None, None);
    let unpacked = debian_package("bookworm-security", &format!("linux-image-{release}"), &mirror);
    let unpacked = unpacked.expect("the package can be had");
    let image = unpacked.join(format!("boot/vmlinuz-{release}"));
    (image, unpacked.join(format!("lib/modules/{release}")))
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

fn cold_is_all(_: Duration) -> String {
    String::new()
}

fn against(cold: Duration, time: Duration) -> String {
    format!("  {:.1} x", time.as_secs_f64() / cold.as_secs_f64())
}

/// Measures the time of a command, and prints the minimum. A failure is reported and has no time.
fn least(
    name: &str,
    command: impl Fn() -> Command,
    ratio: impl Fn(Duration) -> String,
) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let output = command().stdin(Stdio::null()).output().expect("a command can be run");
        if !output.status.success() {
            let (out, err) = (&output.stdout, &output.stderr);
            let said = String::from_utf8_lossy(out) + String::from_utf8_lossy(err);
            let why = said.lines().last().unwrap_or_default();
            println!("{name}: failed with {}: {why}", output.status);
            return Duration::ZERO;
        }
        least = least.min(start.elapsed());
    }
    println!("{name}: {:.2} s{}", least.as_secs_f64(), ratio(least));
    least
}
