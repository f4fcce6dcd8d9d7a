//! The kernel's source from Debian's package, and the types of a kernel of the matrix.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::{output, run};
use crate::{Error, matrix};

/// The package with the source.
const PACKAGE: &str = "linux-source-6.12";

/// The kernel that provides the types for compiling programs. It belongs to the same line as the
/// source.
const KERNEL: &str = "6.12";

/// The parts of the source that are necessary for compiling programs.
const PARTS: &[&str] = &[
    "*/tools/testing/selftests/bpf/*",
    "*/tools/lib/bpf/*",
    "*/tools/include/*",
    "*/scripts/bpf_doc.py",
];

/// The files that were fetched.
pub(super) struct Source {
    /// The root of the unpacked source.
    pub(super) root: PathBuf,
    /// The BTF of a kernel.
    pub(super) vmlinux: PathBuf,
}

/// Fetches the files that are not in the cache.
pub(super) fn ensure(cache: &Path) -> Result<Source, Error> {
    let root = cache.join("source");
    if !root.join("complete").exists() {
        fetch(cache, &root)?;
        fs::write(root.join("complete"), "")?;
    }
    let vmlinux = cache.join(format!("vmlinux-{KERNEL}"));
    if !vmlinux.exists() {
        let harness = matrix::build_harness()?;
        let arguments = ["run", "--kernel", KERNEL, "--", "/bin/cat", "/sys/kernel/btf/vmlinux"];
        let types = Command::new(&harness)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !types.status.success() {
            return Err(format!("the kernel {KERNEL} did not report its types").into());
        }
        write_whole(&vmlinux, &types.stdout)?;
    }
    Ok(Source { root, vmlinux })
}

/// Fetches the package and unpacks it. apt uses a separate state, but verifies the package with the
/// keys and sources of this machine.
fn fetch(cache: &Path, root: &Path) -> Result<(), Error> {
    let state = cache.join("apt");
    // Files that an interrupted run left behind may be older than the ones that are fetched now.
    for folder in [&state, root] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    for folder in ["lists/partial", "archives/partial"] {
        fs::create_dir_all(state.join(folder))?;
    }
    let apt = |arguments: &[&str]| -> Result<(), Error> {
        let path = |name: &str| state.join(name).display().to_string();
        let settings = [
            format!("Dir::State={}", path("")),
            format!("Dir::State::Lists={}", path("lists")),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={}", path("")),
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
        ];
        let mut command = Command::new("apt-get");
        command.current_dir(&state).arg("--quiet");
        for setting in settings {
            command.args(["-o", &setting]);
        }
        run(command.args(arguments))
    };
    apt(&["update"])?;
    apt(&["download", PACKAGE]).map_err(|error| {
        format!(
            "{error}: {PACKAGE} is in Debian 12 (from its security archive) and 13; see /etc/apt"
        )
    })?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let mut files = fs::read_dir(&state)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = files.find(is_package).ok_or("apt fetched no package")?;
    fs::create_dir_all(root)?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(root))?;
    let archive = root.join(format!("usr/src/{PACKAGE}.tar.xz"));
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(root);
    run(tar.args(["--strip-components=1", "--wildcards"]).args(PARTS))?;
    fs::remove_dir_all(root.join("usr"))?;
    fs::remove_dir_all(&state)?;
    Ok(())
}

/// Writes a file atomically.
pub(super) fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, contents)?;
    Ok(fs::rename(&unfinished, path)?)
}

/// Creates the headers that libbpf generates when it is built, and `vmlinux.h`.
pub(super) fn make_headers(source: &Source, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    let vmlinux = folder.join("vmlinux.h");
    if !vmlinux.exists() {
        let mut bpftool = Command::new("bpftool");
        bpftool.args(["btf", "dump", "file"]).arg(&source.vmlinux).args(["format", "c"]);
        write_whole(&vmlinux, output(&mut bpftool)?.as_bytes())?;
    }
    let helpers = source.root.join("tools/lib/bpf/bpf_helper_defs.h");
    if !helpers.exists() {
        let mut script = Command::new("python3");
        script.arg(source.root.join("scripts/bpf_doc.py")).arg("--header").arg("--file");
        script.arg(source.root.join("tools/include/uapi/linux/bpf.h"));
        write_whole(&helpers, output(&mut script)?.as_bytes())?;
    }
    let bpf = folder.join("bpf");
    if !bpf.exists() {
        std::os::unix::fs::symlink(source.root.join("tools/lib/bpf"), &bpf)?;
    }
    Ok(())
}
