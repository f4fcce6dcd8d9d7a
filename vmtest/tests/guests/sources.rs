//! Kernels from this machine, and from a registry of container images and an address, both on the
//! loopback interface.

use crate::common::{KERNEL, harness, said};
use bpfmap_vmtest::kernel::{Kernel, Packages};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Serves pages by path until the tests end. Returns the server's address.
pub(crate) fn serve(pages: BTreeMap<String, Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Arc::new(pages);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, pages) = (stream.unwrap(), pages.clone());
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let path = request.split(' ').nth(1).unwrap();
                let (status, body) = match pages.get(path) {
                    Some(page) => ("200 OK", page.as_slice()),
                    None => ("404 Not Found", &b""[..]),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // A client may close the connection before it has read everything.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            });
        }
    });
    address
}

pub(crate) fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Returns the image of a kernel in the cache.
pub(crate) fn kernel_image() -> PathBuf {
    let packages = Packages::configured();
    Kernel::debian(KERNEL, &packages).unwrap().vmlinux
}

/// Runs a program in the kernel `x` of a configuration.
fn run(config: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let output = harness()
        .args(["run", "--kernel", "x", "--no-snapshot", "--", "uname", "-r"])
        .current_dir(directory.path())
        .env("XDG_CACHE_HOME", directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.success(), said(&output))
}

#[test]
fn a_kernel_comes_from_the_tree_that_it_was_built_in() {
    let tree = tempfile::tempdir().unwrap();
    let config = format!("[kernels]\nx = {{ tree = '{}' }}\n", tree.path().display());
    let (green, said) = run(&config);
    assert!(!green && said.contains("no kernel was built in") && said.contains("make"), "{said}");
    std::os::unix::fs::symlink(kernel_image(), tree.path().join("vmlinux")).unwrap();
    let (green, said) = run(&config);
    assert!(green && said.starts_with("6.12."), "{said}");
}

/// Few machines have the image of the kernel that they run.
#[test]
fn the_kernel_of_this_machine_is_booted_or_said_to_be_missing() {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let release = release.trim();
    let (green, said) = run("[kernels]\nx = { host = true }\n");
    let missing = said.contains(&format!("{release}, does not exist"));
    assert_ne!(green && said.starts_with(release), missing, "{said}");
}

#[test]
fn a_kernel_comes_from_an_address_if_its_checksum_is_right() {
    let image = fs::read(kernel_image()).unwrap();
    let sha256 = digest(&image);
    let address = serve(BTreeMap::from([("/vmlinux".to_owned(), image)]));
    let config = |sha256: &str| {
        format!("[kernels]\nx = {{ url = \"http://{address}/vmlinux\", sha256 = \"{sha256}\" }}\n")
    };
    let (green, said) = run(&config(&sha256));
    assert!(green && said.starts_with("6.12."), "{said}");
    let (green, said) = run(&config(&sha256.replace(&sha256[..8], "00000000")));
    assert!(!green && said.contains("has the SHA-256"), "{said}");
}

#[test]
fn a_kernel_comes_from_a_container_image() {
    let layer = layer(&kernel_image());
    let layer_digest = format!("sha256:{}", digest(&layer));
    let manifest = format!(
        "{{\"schemaVersion\": 2, \"layers\": [{{\"digest\": \"{layer_digest}\", \"size\": {}}}]}}",
        layer.len()
    );
    let index = format!(
        "{{\"manifests\": [{{\"digest\": \"sha256:{}\", \"platform\": {{\"architecture\": \"amd64\"}}}}]}}",
        digest(manifest.as_bytes())
    );
    let mut pages = BTreeMap::from([
        ("/v2/ci/kernels/manifests/6.12".to_owned(), index.into_bytes()),
        (format!("/v2/ci/kernels/blobs/{layer_digest}"), layer.clone()),
    ]);
    let digest = digest(manifest.as_bytes());
    pages.insert(format!("/v2/ci/kernels/manifests/sha256:{digest}"), manifest.into_bytes());
    let good = serve(pages.clone());
    let (green, said) = run(&format!("[kernels]\nx = {{ oci = \"{good}/ci/kernels:6.12\" }}\n"));
    assert!(green && said.starts_with("6.12."), "{said}");

    // A valid layer or manifest is refused if it is not the requested one.
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("other");
    fs::write(&other, "another kernel").unwrap();
    let replaced = [
        (format!("/v2/ci/kernels/blobs/{layer_digest}"), self::layer(&other)),
        (format!("/v2/ci/kernels/manifests/sha256:{digest}"), b"{\"layers\": []}".to_vec()),
    ];
    for (page, contents) in replaced {
        let bad = serve(pages.clone().into_iter().chain([(page, contents)]).collect());
        let (green, said) = run(&format!("[kernels]\nx = {{ oci = \"{bad}/ci/kernels:6.12\" }}\n"));
        assert!(!green && said.contains("is damaged"), "{said}");
        assert!(said.contains("has the digest sha256:"), "{said}");
    }
}

/// Returns a layer with a kernel in the layout of cilium's ci-kernels.
fn layer(image: &Path) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("boot")).unwrap();
    fs::copy(image, directory.path().join("boot/vmlinuz")).unwrap();
    let output = Command::new("tar")
        .args(["--create", "--gzip", "--directory"])
        .arg(directory.path())
        .arg("boot")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output.stdout
}
