//! Hostile images, lock files and caches, and files that never end. Each immediately causes a
//! failure with its own name, and nothing is written to another place.

use crate::common::{ELF_HEADER, KERNEL, Report, harness, matrix, processes_with, said, victim};
use crate::sources::{digest, kernel_image, serve};
use bpfmap_vmtest::kernel::{Kernel, Packages};
use rustix::fs::{CWD, FlockOperation, Mode, flock, mkfifoat};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tar::EntryType;
use tempfile::TempDir;

/// A directory to run in, with a separate cache.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns a path in the cache.
    fn cache(&self, name: &str) -> PathBuf {
        self.path("bpfmap-vmtest").join(name)
    }

    fn in_place<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(self.directory.path()).env("XDG_CACHE_HOME", self.directory.path())
    }

    /// Runs a test on the kernel `x`, which comes from this source. Returns the report.
    fn run(&self, source: &str, args: &[&str]) -> Report {
        fs::write(self.path("bpfmap-vmtest.toml"), format!("[kernels]\nx = {source}\n")).unwrap();
        self.run_on("x", args)
    }

    fn run_on(&self, kernel: &str, args: &[&str]) -> Report {
        let mut all = vec!["--kernel", kernel, "--exact", "--filter", "passes", "--no-snapshot"];
        all.extend(args);
        all.push(victim().to_str().unwrap());
        matrix(&all, |command| {
            self.in_place(command);
        })
    }

    /// Returns the name and the reason of the failure of the kernel `x`, which comes from this
    /// source.
    fn refusal(&self, source: &str) -> (String, String) {
        refusal(&self.run(source, &[]))
    }
}

fn refusal(report: &Report) -> (String, String) {
    assert!(!report.green, "{}", report.said);
    let kernel = report.kernel();
    (kernel.outcome.clone(), kernel.reason.clone().unwrap_or_default())
}

/// Returns a layer with these entries. Each has a type, a name, a size in its header, and contents
/// or the target of a link.
fn layer(entries: &[(EntryType, &str, u64, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (kind, name, size, contents) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(*size);
        header.set_mode(0o6777);
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
        if kind.is_symlink() || kind.is_hard_link() {
            header.as_old_mut().linkname[..contents.len()].copy_from_slice(contents.as_bytes());
        }
        header.set_cksum();
        data.extend(header.as_bytes());
        if kind.is_file() {
            data.extend(contents.as_bytes());
            data.resize(data.len().next_multiple_of(512), 0);
        }
    }
    data.resize(data.len() + 1024, 0);
    data
}

/// Serves an image with these layers. Returns the image's name for a configuration.
fn image(layers: &[Vec<u8>]) -> String {
    let mut pages = BTreeMap::new();
    let mut entries = Vec::new();
    for layer in layers {
        let digest = format!("sha256:{}", digest(layer));
        entries.push(format!("{{\"digest\": \"{digest}\", \"size\": {}}}", layer.len()));
        pages.insert(format!("/v2/k/blobs/{digest}"), layer.clone());
    }
    let manifest = format!("{{\"layers\": [{}]}}", entries.join(", "));
    pages.insert("/v2/k/manifests/1".to_owned(), manifest.into_bytes());
    format!("{{ oci = \"{}/k:1\" }}", serve(pages))
}

#[test]
fn image_that_writes_through_a_link() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    let links = [(EntryType::Symlink, "out", 0, target), (EntryType::Symlink, "boot", 0, target)];
    let others = [
        (EntryType::Link, "vmlinuz-link", 0, "/etc/hostname"),
        (EntryType::Char, "vmlinuz-device", 0, ""),
    ];
    let files = [
        (EntryType::Regular, "out/vmlinuz", 4, "evil"),
        (EntryType::Regular, "boot/vmlinuz", 4, "evil"),
        (EntryType::Regular, "out/tool", 4, "evil"),
    ];
    let (outcome, reason) = place.refusal(&image(&[layer(&links), layer(&files), layer(&others)]));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{reason}");
    // The extracted file is in the cache, and it is not a kernel.
    assert_eq!(outcome, "kernel-corrupt", "{reason}");
    let mut kept = Vec::new();
    let mut directories = vec![place.cache("oci")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let (path, kind) = entry.map(|it| (it.path(), it.file_type().unwrap())).unwrap();
            if kind.is_dir() {
                directories.push(path);
            } else {
                let mode = path.symlink_metadata().unwrap().mode();
                assert!(kind.is_file() && mode & 0o7000 == 0, "{}: {mode:o}", path.display());
                kept.push(path.file_name().unwrap().to_owned());
            }
        }
    }
    kept.sort();
    assert_eq!(kept, ["files.json", "vmlinuz", "vmlinuz"]);
}

#[test]
fn image_with_a_name_that_leads_out() {
    let place = Place::new();
    let up = format!("{}{}", "../".repeat(15), place.path("vmlinuz").display());
    let (outcome, reason) =
        place.refusal(&image(&[layer(&[(EntryType::Regular, &up, 4, "evil")])]));
    assert_eq!(outcome, "archive-refused", "{reason}");
    assert!(reason.contains("leads out of the archive") && reason.contains("/k:1"), "{reason}");
    assert!(!place.path("vmlinuz").exists());
}

#[test]
fn image_that_is_a_bomb() {
    let place = Place::new();
    let huge = layer(&[(EntryType::Regular, "vmlinuz", 3 << 30, "")]);
    let ends = layer(&[(EntryType::Regular, "other", 1 << 40, "")]);
    for (layer, what) in [(huge, "vmlinuz has"), (ends, "many bytes")] {
        let (outcome, reason) = place.refusal(&image(&[layer]));
        assert_eq!(outcome, "archive-refused", "{reason}");
        assert!(reason.contains(what), "{reason}");
    }
}

#[test]
fn image_whose_digest_is_of_another_kind() {
    let place = Place::new();
    for digest in ["sha512:00", "sha256:00", "sha256:../../k", ""] {
        let index = format!("{{\"manifests\": [{{\"digest\": \"{digest}\"}}]}}");
        let pages = BTreeMap::from([
            ("/v2/k/manifests/1".to_owned(), index.into_bytes()),
            (format!("/v2/k/manifests/{digest}"), b"{\"layers\": [{}]}".to_vec()),
        ]);
        let (outcome, reason) = place.refusal(&format!("{{ oci = \"{}/k:1\" }}", serve(pages)));
        assert_eq!(outcome, "fetch-failed", "{reason}");
        assert!(reason.contains("is not a SHA-256 digest"), "{reason}");
    }
}

#[test]
fn image_without_a_kernel_is_told() {
    let place = Place::new();
    let (outcome, reason) = place.refusal(&image(&[layer(&[(EntryType::Regular, "a", 1, "a")])]));
    assert_eq!(outcome, "kernel-corrupt", "{reason}");
    assert!(reason.contains("no vmlinuz"), "{reason}");
}

/// Returns a bzImage that unpacks to gigabytes: a zstd frame whose blocks repeat one byte.
fn bomb() -> Vec<u8> {
    let block = |is_last: u32| {
        let [a, b, c, _] = (is_last | 1 << 1 | (128 << 10) << 3).to_le_bytes();
        [a, b, c, 0]
    };
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
    frame.extend(block(0).repeat(10_000));
    frame.extend(block(1));
    let mut image = vec![0; 1024];
    image[0x1f1] = 1;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    let length = u32::try_from(frame.len() + 4).unwrap();
    image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
    [&image, frame.as_slice(), &[0; 4]].concat()
}

#[test]
fn kernel_image_that_is_a_bomb() {
    let place = Place::new();
    fs::write(place.path("bzImage"), bomb()).unwrap();
    let (outcome, reason) = place.refusal("{ path = \"bzImage\" }");
    assert_eq!(outcome, "too-large", "{reason}");
    assert!(reason.contains("unpacks to more than 512 MiB"), "{reason}");
    // A sparse file of one terabyte.
    File::create(place.path("bzImage")).unwrap().set_len(1 << 40).unwrap();
    let (outcome, reason) = place.refusal("{ path = \"bzImage\" }");
    assert_eq!(outcome, "too-large", "{reason}");
}

#[test]
fn a_path_that_is_not_a_regular_file_is_refused() {
    let place = Place::new();
    mkfifoat(CWD, place.path("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
    symlink("/dev/zero", place.path("link")).unwrap();
    for name in ["fifo", "link", "/dev/zero"] {
        let (outcome, reason) = place.refusal(&format!("{{ path = \"{name}\" }}"));
        assert_eq!(outcome, "not-a-file", "{reason}");
        let url = format!("file://{}", place.path(name).display());
        let sha256 = digest(b"");
        let (outcome, reason) =
            place.refusal(&format!("{{ url = \"{url}\", sha256 = \"{sha256}\" }}"));
        assert_eq!(outcome, "not-a-file", "{reason}");
        let lock = place.run_on(KERNEL, &["--lock", name]);
        assert_eq!(refusal(&lock).0, "not-a-file", "{}", lock.said);
        let mut run = harness();
        let file = format!("{}:/x", place.path(name).display());
        let image = kernel_image();
        fs::write(
            place.path("bpfmap-vmtest.toml"),
            format!("[kernels]\ny = {{ path = {image:?} }}\n"),
        )
        .unwrap();
        place.in_place(run.args(["run", "--kernel", "y", "--file", &file, "--", "true"]));
        let output = run.output().unwrap();
        assert_eq!(output.status.code(), Some(125));
        assert!(said(&output).contains("is not a regular file"), "{}", said(&output));
    }
}

#[test]
fn modules_with_links_that_go_round() {
    let place = Place::new();
    fs::create_dir_all(place.path("modules/kernel")).unwrap();
    for (target, name) in [("..", "up"), (".", "here"), ("/dev/zero", "a.ko")] {
        symlink(target, place.path("modules/kernel").join(name)).unwrap();
    }
    let source = format!("{{ path = {:?}, modules = \"modules\" }}", kernel_image());
    let report = place.run(&source, &["--module", "b"]);
    assert_eq!(refusal(&report).0, "missing-module", "{}", report.said);
    let report = place.run(&source, &["--module", "a"]);
    assert_eq!(refusal(&report).0, "not-a-file", "{}", report.said);
}

#[test]
fn address_that_is_an_option_or_not_encrypted() {
    let place = Place::new();
    let evil =
        format!("output = \"{}\"\nurl = \"file:///etc/hostname\"\n", place.path("evil").display());
    fs::write(place.path("curlrc"), evil).unwrap();
    let sha256 = digest(b"");
    for url in [
        format!("-K{}", place.path("curlrc").display()),
        "http://127.example.invalid/x".to_owned(),
        "http://127.0.0.1@example.invalid/x".to_owned(),
        "ftp://127.0.0.1/x".to_owned(),
    ] {
        let source = format!("{{ url = \"{url}\", sha256 = \"{sha256}\" }}");
        let (outcome, reason) = place.refusal(&source);
        assert_eq!(outcome, "configuration", "{reason}");
        assert!(reason.contains("can't fetch from"), "{reason}");
    }
    assert!(!place.path("evil").exists());
    let source = "{ url = \"https://127.0.0.1/x\", sha256 = \"../../x\" }";
    let (outcome, reason) = place.refusal(source);
    assert_eq!(outcome, "configuration", "{reason}");
}

/// Returns a place whose cache contains a copy of the kernel that the tests boot, and the path of
/// that copy.
fn with_kernel() -> (Place, PathBuf) {
    let place = Place::new();
    let packages = Packages::configured();
    let kernel = Kernel::debian(KERNEL, &packages).unwrap();
    // The modules are fetched with the kernel or by this call.
    kernel.modules(&["dummy".to_owned()], &packages).unwrap();
    let source = kernel.vmlinux.parent().unwrap();
    let line = place.cache("debian").join(KERNEL);
    fs::create_dir_all(&line).unwrap();
    let status = Command::new("cp")
        .args(["--recursive", "--no-target-directory"])
        .arg(source)
        .arg(line.join(source.file_name().unwrap()))
        .status()
        .unwrap();
    assert!(status.success());
    let kernel = line.join(source.file_name().unwrap());
    (place, kernel)
}

/// Changes one byte of a file, but not the file's times and size.
fn tamper(path: &Path, at: usize) {
    let modified = path.metadata().unwrap().modified().unwrap();
    let mut data = fs::read(path).unwrap();
    data[at] ^= 1;
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(&data).unwrap();
    file.set_modified(modified).unwrap();
}

#[test]
fn cache_tampered() {
    let (place, kernel) = with_kernel();
    let module = kernel.join("modules/kernel/drivers/net/dummy.ko.xz");
    tamper(&module, 100);
    let report = place.run_on(KERNEL, &["--module", "dummy?"]);
    assert_eq!(refusal(&report).0, "cache-tampered", "{}", report.said);
    assert!(report.said.contains("dummy.ko.xz has changed in the cache"), "{}", report.said);

    tamper(&kernel.join("vmlinux"), 1 << 20);
    let report = place.run_on(KERNEL, &[]);
    assert_eq!(refusal(&report).0, "cache-tampered", "{}", report.said);

    fs::write(kernel.join("kernel.json"), "{}").unwrap();
    let report = place.run_on(KERNEL, &[]);
    assert_eq!(refusal(&report).0, "cache-tampered", "{}", report.said);
}

#[test]
fn cached_images_tampered() {
    let place = Place::new();
    let data = [ELF_HEADER, &b"Linux version 6.1 ".repeat(1000)].concat();
    fs::write(place.path("vmlinux"), &data).unwrap();
    let list = || {
        let mut command = harness();
        place.in_place(command.args(["kernels", "fetch", "x"]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    let sources = [
        ("{ path = \"vmlinux\" }".to_owned(), format!("images/{}/vmlinux", digest(&data))),
        (
            format!(
                "{{ url = \"file://{}\", sha256 = \"{}\" }}",
                place.path("vmlinux").display(),
                digest(&data)
            ),
            format!("urls/{}/image", digest(&data)),
        ),
    ];
    for (source, file) in sources {
        let text = format!("[kernels]\nx = {source}\n");
        fs::write(place.path("bpfmap-vmtest.toml"), text).unwrap();
        list();
        tamper(&place.cache(&file), 5000);
        let (outcome, reason) = place.refusal(&source);
        assert_eq!(outcome, "cache-tampered", "{reason}");
        fs::remove_dir_all(place.cache("images")).unwrap();
    }
    let file = "vmlinuz";
    let text = "not a kernel, but an image's file";
    let source = image(&[layer(&[(EntryType::Regular, file, text.len() as u64, text)])]);
    assert_eq!(place.refusal(&source).0, "kernel-corrupt");
    let kept = fs::read_dir(place.cache("oci")).unwrap().next().unwrap().unwrap().path();
    tamper(&kept.join(file), 3);
    assert_eq!(place.refusal(&source).0, "cache-tampered");
}

#[test]
fn cache_unsafe() {
    let place = Place::new();
    let root = place.cache("");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    let report = place.run_on(KERNEL, &[]);
    assert_eq!(refusal(&report).0, "cache-unsafe", "{}", report.said);
    assert!(report.said.contains("other users can write to"), "{}", report.said);
    fs::remove_dir(&root).unwrap();
    // The cache, or its parent directory, belongs to another user.
    if rustix::process::geteuid().is_root() {
        for owned in [&root, place.directory.path()] {
            fs::create_dir_all(&root).unwrap();
            fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
            chown(owned, Some(12345), None).unwrap();
            let report = place.run_on(KERNEL, &[]);
            assert_eq!(refusal(&report).0, "cache-unsafe", "{}", report.said);
            assert!(report.said.contains("belongs to the user 12345"), "{}", report.said);
            chown(owned, Some(0), None).unwrap();
        }
    }
}

#[test]
fn lock_mismatch() {
    let (place, kernel) = with_kernel();
    let lock = place.path("x.lock");
    let run = |text: &str| {
        fs::write(&lock, text).unwrap();
        let report = place.run_on(KERNEL, &["--lock", "x.lock"]);
        assert_eq!(fs::read_to_string(&lock).unwrap(), text, "the lock file was changed");
        refusal(&report)
    };
    let mut pin = harness();
    place.in_place(pin.args(["kernels", "--lock", "x.lock", "fetch", KERNEL]));
    assert!(pin.output().unwrap().status.success());
    let good = fs::read_to_string(&lock).unwrap();
    let value = |key: &str| {
        let line = good.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };

    let (outcome, reason) = run(&good.replace(&value("sha256"), &"0".repeat(64)));
    assert_eq!(outcome, "lock-mismatch", "{reason}");

    // A path to another directory takes the place of a version.
    fs::create_dir(place.path("elsewhere")).unwrap();
    let elsewhere = place.path("elsewhere").display().to_string();
    for version in ["../../../elsewhere", elsewhere.as_str()] {
        let (outcome, reason) = run(&good.replace(&value("version"), version));
        assert_eq!(outcome, "configuration", "{reason}");
        assert!(reason.contains("`version`"), "{reason}");
    }

    // The cache contains another kernel, with a description that matches it.
    let manifest = fs::read_to_string(kernel.join("kernel.json")).unwrap();
    let vmlinux = digest(&fs::read(kernel.join("vmlinux")).unwrap());
    tamper(&kernel.join("vmlinux"), 1 << 20);
    let forged = digest(&fs::read(kernel.join("vmlinux")).unwrap());
    fs::write(kernel.join("kernel.json"), manifest.replace(&vmlinux, &forged)).unwrap();
    let (outcome, reason) = run(&good);
    assert_eq!(outcome, "lock-mismatch", "{reason}");
}

#[test]
fn stray_files_in_the_cache_are_left_alone_or_pruned() {
    let (place, kernel) = with_kernel();
    let line = kernel.parent().unwrap();
    fs::write(line.join("zzz"), "").unwrap();
    fs::create_dir(line.join("99")).unwrap();
    for name in ["oci", "urls"] {
        fs::create_dir(place.cache(name)).unwrap();
        fs::write(place.cache(name).join("stray"), "").unwrap();
        fs::create_dir(place.cache(name).join("old")).unwrap();
    }
    fs::write(place.cache("snapshots"), "").unwrap();
    let kernels = |args: &[&str]| {
        let mut command = harness();
        place.in_place(command.arg("kernels").args(args));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert!(kernels(&["list", KERNEL]).contains("linux-image-6.12"));
    let sha256 = digest(b"kept");
    fs::create_dir(place.cache("urls").join(&sha256)).unwrap();
    let text =
        format!("[kernels]\nx = {{ url = \"https://127.0.0.1/\", sha256 = \"{sha256}\" }}\n");
    fs::write(place.path("bpfmap-vmtest.toml"), text).unwrap();
    assert!(kernels(&["prune"]).starts_with("removed 6 kernels"));
    let left = |path: &Path| {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!(left(line), [kernel.as_path()]);
    assert_eq!(left(&place.cache("urls")), [place.cache("urls").join(sha256)]);
    assert_eq!(left(&place.cache("oci")).len(), 0);
    assert!(!place.cache("snapshots").exists());

    // The directory of a pinned kernel is empty.
    kernels(&["--lock", "x.lock", "fetch", KERNEL]);
    fs::rename(&kernel, place.path("kernel")).unwrap();
    fs::create_dir(&kernel).unwrap();
    assert!(kernels(&["--lock", "x.lock", "list", KERNEL]).contains("not fetched"));
}

#[test]
fn prune_waits_for_other_runs() {
    let place = Place::new();
    fs::create_dir_all(place.cache("locks")).unwrap();
    let used = place.cache("snapshots");
    fs::create_dir(&used).unwrap();
    // Each run holds this lock from its beginning to its end.
    let run = File::create(place.cache("locks/in-use")).unwrap();
    flock(&run, FlockOperation::LockShared).unwrap();
    let mut command = harness();
    place.in_place(command.args(["kernels", "prune"])).stdout(Stdio::piped());
    let mut prune = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(prune.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "waiting for other runs to end\n");
    assert!(used.exists());
    drop(run);
    assert!(prune.wait().unwrap().success());
    assert!(!used.exists());
}

#[test]
fn fetch_killed() {
    let place = Place::new();
    let data = ELF_HEADER.to_vec();
    // A server that accepts a request and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap();
    let address = serve(BTreeMap::from([("/vmlinux".to_owned(), data.clone())]));
    let fetch = |host: &str| {
        let source =
            format!("{{ url = \"http://{host}/vmlinux\", sha256 = \"{}\" }}", digest(&data));
        fs::write(place.path("bpfmap-vmtest.toml"), format!("[kernels]\nx = {source}\n")).unwrap();
        let mut command = harness();
        place.in_place(command.args(["kernels", "fetch", "x"])).stdout(Stdio::null());
        command
    };
    let mut killed = fetch(&silent.to_string()).spawn().unwrap();
    let (connection, _) = listener.accept().unwrap();
    assert_eq!(processes_with(&silent.to_string()).len(), 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    // The next run waits for the lock until curl has ended, and then succeeds. If curl were not
    // killed, it would wait for the server for one minute, three times.
    let since = Instant::now();
    let output = fetch(&address.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(since.elapsed() < Duration::from_secs(50), "curl outlived the run that was killed");
    assert_eq!(processes_with(&silent.to_string()), [0; 0]);
    let names: Vec<_> = fs::read_dir(place.cache("urls")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    drop(connection);
}
