//! Finds kernel modules by name, together with their dependencies, and decompresses them.

use super::decompress::decompressed;
use super::kept::List;
use super::verified;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use object::{Object as _, ObjectSection as _};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The character at the end of a module's name that makes the module optional: if the module is not
/// available, it is left out.
pub(super) const WISH: char = '?';

/// The size limit of an uncompressed module.
const LARGEST: u64 = 256 << 20;

/// The files of a kernel's modules.
#[derive(Default)]
pub(super) struct Files {
    /// The module files, by the names of the modules.
    modules: BTreeMap<String, File>,
    /// The list of the built-in modules.
    builtin: Option<File>,
}

/// A file, and its expected SHA-256 if that is known.
struct File {
    path: PathBuf,
    digest: Option<String>,
}

impl File {
    fn read(&self) -> Result<Vec<u8>> {
        match &self.digest {
            Some(digest) => verified::read(&self.path, digest, LARGEST),
            None => regular::read(&self.path, LARGEST),
        }
    }
}

impl Files {
    /// Finds all module files below a directory of this machine. Symbolic links to files are
    /// followed. Symbolic links to directories are not followed, because they lead to sources or
    /// form cycles.
    pub(super) fn below(directory: &Path) -> Result<Self> {
        let mut files = Self::default();
        let builtin = directory.join(BUILTIN);
        if builtin.is_file() {
            files.builtin = Some(File { path: builtin, digest: None });
        }
        let mut directories = vec![directory.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).at("list", &directory)? {
                let entry = entry.at("list", &directory)?;
                let path = entry.path();
                if entry.file_type().at("find", &path)?.is_dir() {
                    directories.push(path);
                } else if let Some(name) = module_name(&path) {
                    files.modules.insert(name, File { path, digest: None });
                }
            }
        }
        Ok(files)
    }

    /// Returns the module files that a list contains. Their paths are below a directory of the
    /// cache.
    pub(super) fn listed(directory: &Path, list: &List) -> Self {
        let mut files = Self::default();
        for (path, digest) in list {
            let file = File { path: directory.join(path), digest: Some(digest.clone()) };
            if let Some(name) = module_name(&file.path) {
                files.modules.insert(name, file);
            } else if file.path.ends_with(BUILTIN) {
                files.builtin = Some(file);
            }
        }
        files
    }
}

/// The name of the file that lists the built-in modules.
pub(super) const BUILTIN: &str = "modules.builtin";

/// Returns the requested modules and their dependencies, in the order in which they must be loaded.
pub(super) fn closure(
    kernel: &str,
    files: &Files,
    names: &[String],
) -> Result<Vec<(String, Vec<u8>)>> {
    let builtin = files.builtin.as_ref().map_or(Ok(Vec::new()), File::read)?;
    let builtin = String::from_utf8_lossy(&builtin);
    let builtin: Vec<String> =
        builtin.lines().filter_map(|line| module_name(Path::new(line))).collect();
    let mut loaded: Vec<(String, Vec<u8>)> = Vec::new();
    for name in names {
        let before = loaded.len();
        let (name, is_wish) =
            name.strip_suffix(WISH).map_or((name.as_str(), false), |name| (name, true));
        match add(kernel, &files.modules, &builtin, &normalise(name), &mut loaded, 0) {
            Err(error) if is_wish && error.kind() == ErrorKind::MissingModule => {
                loaded.truncate(before);
            }
            added => added?,
        }
    }
    Ok(loaded)
}

fn add(
    kernel: &str,
    files: &BTreeMap<String, File>,
    builtin: &[String],
    name: &str,
    loaded: &mut Vec<(String, Vec<u8>)>,
    depth: usize,
) -> Result<()> {
    if loaded.iter().any(|module| module.0 == name) || builtin.iter().any(|module| module == name) {
        return Ok(());
    }
    let file = files.get(name).filter(|_| depth < 64).ok_or_else(|| {
        Error::new(ErrorKind::MissingModule, format!("kernel {kernel} has no module {name}"))
            .help("if it is built into this kernel, do not request it")
    })?;
    let data = unpacked(file)?;
    for dependency in dependencies(&data) {
        add(kernel, files, builtin, &dependency, loaded, depth + 1)?;
    }
    loaded.push((name.to_owned(), data));
    Ok(())
}

/// Returns whether a file with this name is a module.
pub(super) fn is_module(name: &str) -> bool {
    module_name(Path::new(name)).is_some()
}

/// Returns the name of a module: `act_bpf` for `kernel/net/act-bpf.ko.xz`.
fn module_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = ["", ".xz", ".zst", ".gz"]
        .iter()
        .find_map(|kind| name.strip_suffix(kind)?.strip_suffix(".ko"))?;
    Some(normalise(name))
}

fn normalise(name: &str) -> String {
    name.replace('-', "_")
}

fn unpacked(file: &File) -> Result<Vec<u8>> {
    let data = file.read()?;
    let mut module = Vec::new();
    let stream = decompressed(&data[..])?;
    stream.take(LARGEST + 1).read_to_end(&mut module).at("unpack", &file.path)?;
    if module.len() as u64 > LARGEST {
        let message = format!("{} unpacks to more than {} MiB", file.path.display(), LARGEST >> 20);
        return Err(Error::new(ErrorKind::TooLarge, message)
            .help("check where the module comes from: no module is this large"));
    }
    Ok(module)
}

/// Returns the names after `depends=` in a module's `.modinfo`.
fn dependencies(module: &[u8]) -> Vec<String> {
    let info = object::File::parse(module)
        .ok()
        .and_then(|file| file.section_by_name(".modinfo")?.data().ok().map(<[u8]>::to_vec))
        .unwrap_or_default();
    parse_modinfo(&info, "depends")
        .split(',')
        .filter(|name| !name.is_empty())
        .map(normalise)
        .collect()
}

/// Returns the value of a key in a `.modinfo` section, which consists of zero-terminated strings
/// `key=value`.
fn parse_modinfo(info: &[u8], key: &str) -> String {
    info.split(|byte| *byte == 0)
        .filter_map(|field| std::str::from_utf8(field).ok()?.split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_files() {
        let name = |path: &str| module_name(Path::new(path));
        assert_eq!(name("/k/net/sched/act-bpf.ko.xz").as_deref(), Some("act_bpf"));
        assert_eq!(name("veth.ko").as_deref(), Some("veth"));
        assert_eq!(name("modules.dep"), None);
    }

    #[test]
    fn modinfo_is_read() {
        let info = b"license=GPL\0depends=llc,stp\0alias=x=y\0";
        assert_eq!(parse_modinfo(info, "depends"), "llc,stp");
        assert_eq!(parse_modinfo(info, "alias"), "x=y");
        assert_eq!(parse_modinfo(info, "vermagic"), "");
    }

    #[test]
    fn a_missing_module_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let closure =
            |name: &str| closure("6.1", &Files::below(directory.path())?, &[name.to_owned()]);
        let error = closure("no-such").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingModule);
        assert!(error.to_string().starts_with("kernel 6.1 has no module no_such"), "{error}");
        assert_eq!(closure("no-such?").unwrap(), []);
        std::fs::write(directory.path().join("modules.builtin"), "kernel/no-such.ko\n").unwrap();
        assert_eq!(closure("no_such").unwrap(), []);
    }

    #[test]
    fn cyclic_links_and_devices_yield_an_error_or_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("kernel");
        std::fs::create_dir(&below).unwrap();
        std::fs::write(below.join("a.ko"), "module").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, below.join(name)).unwrap();
        };
        for loops in [("..", "up"), (".", "here"), ("/", "root"), ("self", "self")] {
            link(loops.0, loops.1);
        }
        link("a.ko", "b.ko");
        link("/dev/zero", "c.ko");
        let files = Files::below(directory.path()).unwrap();
        assert_eq!(files.modules.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        let load = |name: &str| closure("6.1", &files, &[name.to_owned()]);
        assert_eq!(load("b").unwrap(), [("b".to_owned(), b"module".to_vec())]);
        assert_eq!(load("c").unwrap_err().kind(), ErrorKind::NotAFile);
    }

    #[test]
    fn a_module_is_read_only_if_its_digest_is_the_one_in_the_list() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.ko"), "module").unwrap();
        let load = |contents: &str| {
            let list = List::from([("a.ko".to_owned(), crate::digest::sha256(contents))]);
            closure("6.1", &Files::listed(directory.path(), &list), &["a".to_owned()])
        };
        assert_eq!(load("module").unwrap().len(), 1);
        assert_eq!(load("other").unwrap_err().kind(), ErrorKind::CacheTampered);
    }
}
