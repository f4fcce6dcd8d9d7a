//! The names of the packages that a build needs, in different Linux distributions.

use std::fmt;

/// The name of the package that contains a dependency of the build, in each distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packages {
    /// The name in Debian and Ubuntu.
    debian: &'static str,
    fedora: &'static str,
    arch: &'static str,
}

/// Shows the command that installs the package in each distribution.
impl fmt::Display for Packages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { debian, fedora, arch } = self;
        write!(
            formatter,
            "`apt install {debian}` (Debian, Ubuntu), `dnf install {fedora}` (Fedora) or `pacman -S {arch}` (Arch)"
        )
    }
}

pub(crate) const CLANG: Packages = Packages { debian: "clang", fedora: "clang", arch: "clang" };
const LIBBPF: Packages = Packages { debian: "libbpf-dev", fedora: "libbpf-devel", arch: "libbpf" };
const KERNEL_HEADERS: Packages =
    Packages { debian: "linux-libc-dev", fedora: "kernel-headers", arch: "linux-api-headers" };
const C_LIBRARY: Packages = Packages { debian: "libc6-dev", fedora: "glibc-devel", arch: "glibc" };
const C_LIBRARY_32: Packages =
    Packages { debian: "libc6-dev-i386", fedora: "glibc-devel.i686", arch: "lib32-glibc" };

/// Returns the help text for a header that a program includes but clang does not find. `header` is
/// the missing header, and `generated` are the headers that the build generates.
pub(super) fn remedy(header: &str, generated: &[String]) -> String {
    let (folder, name) = header.rsplit_once('/').unwrap_or(("", header));
    let first = folder.split('/').next().unwrap_or_default();
    match (first, name) {
        ("", "vmlinux.h") => {
            "create `vmlinux.h` in the folder of the program with `bpftool btf dump file /sys/kernel/btf/vmlinux format c > \
             vmlinux.h`"
                .to_owned()
        }
        ("bpf", _) => format!("install the headers of libbpf: {LIBBPF}"),
        ("asm" | "asm-generic" | "linux", _) => {
            format!("install the headers of the kernel: {KERNEL_HEADERS}")
        }
        ("gnu", "stubs-32.h") => format!(
            "remove the C library's headers from the BPF program, or install the 32-bit headers of the C library: {C_LIBRARY_32}"
        ),
        ("arpa" | "bits" | "gnu" | "net" | "netinet" | "sys", _) => format!(
            "remove the C library's headers from the BPF program, or install the headers of the C library: {C_LIBRARY}"
        ),
        _ if generated.is_empty() => format!(
            "add the folder of `{header}` with `Builder::clang_args([\"-IFOLDER\"])`; this build generates no header"
        ),
        _ => format!(
            "add the folder of `{header}` with `Builder::clang_args([\"-IFOLDER\"])`; the headers that this build \
             generates are {}",
            listed(generated)
        ),
    }
}

/// Returns the names in backticks, with commas between them.
fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{CLANG, KERNEL_HEADERS, LIBBPF, Packages, remedy};

    #[test]
    fn the_page_about_troubleshooting_names_the_same_packages() {
        let page = include_str!("../../../docs/troubleshooting.md");
        for Packages { debian, fedora, arch } in [CLANG, LIBBPF, KERNEL_HEADERS] {
            let row = format!("| `{debian}` | `{fedora}` | `{arch}` |");
            assert!(page.contains(&row), "no row has {row}");
        }
    }

    #[test]
    fn each_missing_header_has_the_right_help() {
        let generated = ["a.h".to_owned(), "b.h".to_owned()];
        for (header, expected) in [
            ("bpf/bpf_helpers.h", "apt install libbpf-dev"),
            ("asm/types.h", "dnf install kernel-headers"),
            ("linux/tcp.h", "pacman -S linux-api-headers"),
            ("gnu/stubs-32.h", "pacman -S lib32-glibc"),
            ("sys/socket.h", "apt install libc6-dev`"),
            ("vmlinux.h", "bpftool btf dump"),
            ("maps.h", "the headers that this build generates are `a.h`, `b.h`"),
            ("net/if.h", "dnf install glibc-devel`"),
            ("mine/asm/types.h", "the folder of `mine/asm/types.h`"),
        ] {
            let found = remedy(header, &generated);
            assert!(found.contains(expected), "{header}: {found}");
        }
        assert!(remedy("maps.h", &[]).ends_with("this build generates no header"));
    }
}
