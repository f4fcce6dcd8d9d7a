//! Kernel modules: found by name, with those that they depend on, and uncompressed.

use crate::error::{Context as _, Error, ErrorKind, Result};
use object::{Object as _, ObjectSection as _};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What ends the name of a module that is left out where it can't be had.
pub(super) const WISH: char = '?';

/// The modules asked for and what they depend on, in the order to load them.
pub(super) fn closure(
    kernel: &str,
    directory: &Path,
    names: &[String],
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = BTreeMap::new();
    find(directory, &mut files)?;
    let builtin = std::fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
    let builtin: Vec<String> =
        builtin.lines().filter_map(|line| module_name(Path::new(line))).collect();
    let mut loaded: Vec<(String, Vec<u8>)> = Vec::new();
    for name in names {
        let before = loaded.len();
        let (name, is_wish) =
            name.strip_suffix(WISH).map_or((name.as_str(), false), |name| (name, true));
        match add(kernel, &files, &builtin, &normalise(name), &mut loaded, 0) {
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
    files: &BTreeMap<String, PathBuf>,
    builtin: &[String],
    name: &str,
    loaded: &mut Vec<(String, Vec<u8>)>,
    depth: usize,
) -> Result<()> {
    if loaded.iter().any(|module| module.0 == name) || builtin.iter().any(|module| module == name) {
        return Ok(());
    }
    let path = files.get(name).filter(|_| depth < 64).ok_or_else(|| {
        Error::new(ErrorKind::MissingModule, format!("kernel {kernel} has no module {name}"))
            .help("if it is built into this kernel, it need not be asked for")
    })?;
    let data = read(path)?;
    for dependency in dependencies(&data) {
        add(kernel, files, builtin, &dependency, loaded, depth + 1)?;
    }
    loaded.push((name.to_owned(), data));
    Ok(())
}

fn find(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let path = entry.at("list", directory)?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if let Some(name) = module_name(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// `kernel/net/act-bpf.ko.xz` is the module `act_bpf`.
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

fn read(path: &Path) -> Result<Vec<u8>> {
    let data = std::fs::read(path).at("read", path)?;
    let mut module = Vec::new();
    let unpacked = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => {
            lzma_rust2::XzReader::new(&data[..], false).read_to_end(&mut module).map(drop)
        }
        Some("zst") => ruzstd::decoding::StreamingDecoder::new(&data[..])
            .map_err(std::io::Error::other)
            .and_then(|mut decoder| decoder.read_to_end(&mut module))
            .map(drop),
        Some("gz") => Err(std::io::Error::other("gzip is not supported here")),
        _ => {
            module = data;
            Ok(())
        }
    };
    unpacked.at("unpack", path)?;
    Ok(module)
}

/// The names after `depends=` in a module's `.modinfo`.
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

/// The value of a key in a `.modinfo` section: `key=value`, each ended by a zero.
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
    fn a_module_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = closure("6.1", directory.path(), &["no-such".to_owned()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingModule);
        assert!(error.to_string().starts_with("kernel 6.1 has no module no_such"), "{error}");
        assert_eq!(closure("6.1", directory.path(), &["no-such?".to_owned()]).unwrap(), []);
        std::fs::write(directory.path().join("modules.builtin"), "kernel/no-such.ko\n").unwrap();
        assert_eq!(closure("6.1", directory.path(), &["no_such".to_owned()]).unwrap(), []);
    }
}
