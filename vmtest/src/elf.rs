//! Finds the shared libraries that a program needs on this machine. It searches like the dynamic
//! linker does (ld.so(8)), but runs neither the linker nor the program.

use crate::arch::Architecture;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use crate::root::Listing;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::read::{ReadCache, ReadRef};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

type Header = elf::FileHeader64<object::Endianness>;

/// The parts of an ELF file that the dynamic linker reads.
#[derive(Debug, Default, PartialEq, Eq)]
struct Dynamic {
    interpreter: Option<PathBuf>,
    needed: Vec<String>,
    rpath: Vec<String>,
    runpath: Vec<String>,
}

/// Returns the files that a program needs to run, except the program itself: its interpreter and
/// all shared libraries. For a script, these are the files that the script's interpreter needs. For
/// a static program, the result is empty. The directories in `libraries` are searched before the
/// directories in `LD_LIBRARY_PATH`. Files that are in the guest's root file system but not on this
/// machine are left out.
///
/// # Errors
/// Fails if a library or an interpreter is neither on this machine nor in the root file system, if
/// the program is for a different processor than the guest, or if a file cannot be read.
pub(crate) fn needed_files(
    program: &Path,
    libraries: &[PathBuf],
    root: Option<&Listing>,
    architecture: Architecture,
) -> Result<Vec<PathBuf>> {
    let from_environment = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let from_environment = from_environment.split(':').filter(|path| !path.is_empty());
    let library_path =
        libraries.iter().cloned().chain(from_environment.map(PathBuf::from)).collect();
    let cache = read_ld_so_cache(Path::new("/etc/ld.so.cache"), architecture);
    Search { library_path, cache, root, architecture }.of(program)
}

/// Returns the kernel modules that a program declares. The declarations are in a section called
/// `.vmtest`, which contains lines of the form `module NAME`.
pub(crate) fn declared_modules(program: &Path) -> Result<Vec<String>> {
    let text = section(program, ".vmtest")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.split(['\n', '\0']).map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let name = line.strip_prefix("module ").map(|name| name.trim().to_owned());
            name.ok_or_else(|| {
                let message = format!("{} has an unknown declaration: {line:?}", program.display());
                Error::new(ErrorKind::Usage, message)
                    .help("write `module NAME` in the section .vmtest")
            })
        })
        .collect()
}

/// Returns the contents of a program's section, or `None` if there is no such section or the file
/// is not an ELF file.
pub(crate) fn section(program: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let data = &open(program)?;
    let section = || {
        let header = Header::parse(data).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, data).ok()?;
        let (_, section) = sections.section_by_name(endian, name.as_bytes())?;
        Some(section.data(endian, data).ok()?.to_vec())
    };
    Ok(section())
}

/// Opens a file so that only the accessed parts are read, because most of a program is debug
/// information.
fn open(path: &Path) -> Result<ReadCache<File>> {
    Ok(ReadCache::new(regular::open(path)?))
}

/// The places in which to look for libraries.
struct Search<'a> {
    library_path: Vec<PathBuf>,
    cache: BTreeMap<String, PathBuf>,
    root: Option<&'a Listing>,
    /// The architecture of the guest.
    architecture: Architecture,
}

/// Returns the directories that the dynamic linker always searches.
fn standard_directories(architecture: Architecture) -> impl Iterator<Item = PathBuf> {
    let triplet = architecture.spec().triplet;
    let own = ["/lib", "/usr/lib"].map(|directory| Path::new(directory).join(triplet));
    own.into_iter().chain(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from))
}

impl Search<'_> {
    fn of(&self, program: &Path) -> Result<Vec<PathBuf>> {
        let mut files = BTreeSet::new();
        let mut names = BTreeSet::new();
        // The files to examine, each with the RPATHs of the files that needed it.
        let mut queue = VecDeque::from([(program.to_owned(), Vec::new())]);
        while let Some((file, inherited)) = queue.pop_front() {
            let data = &open(&file)?;
            if let Some(interpreter) = script_interpreter(data) {
                if self.is_here(program, &interpreter)? && files.insert(interpreter.clone()) {
                    queue.push_back((interpreter, Vec::new()));
                }
                continue;
            }
            let dynamic = read_dynamic(data, Some(self.architecture)).map_err(|what| {
                let message =
                    format!("{} is not a program for this machine: {what}", file.display());
                let head = data.read_bytes_at(0, 20).unwrap_or_default();
                match machine(head) {
                    Some(Err(processor)) => self.is_for(&file, &processor),
                    Some(Ok(found)) if found != self.architecture => self.is_for(&file, found),
                    _ => Error::new(ErrorKind::NotAProgram, message)
                        .help(ErrorKind::NotAProgram.advice()),
                }
            })?;
            if let Some(interpreter) = &dynamic.interpreter
                && self.is_here(program, interpreter)?
            {
                files.insert(interpreter.clone());
            }
            let origin = file.canonicalize().at("find", &file)?;
            let origin = origin.parent().unwrap_or(Path::new("/"));
            let expand = |paths: &[String]| -> Vec<PathBuf> {
                let expand = |path: &String| {
                    let origin = &origin.to_string_lossy();
                    PathBuf::from(path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
                };
                paths.iter().map(expand).collect()
            };
            // DT_RPATH applies to the dependencies of a file and of its libraries, and is ignored
            // if the file also has a DT_RUNPATH. DT_RUNPATH applies to the file's own dependencies
            // only.
            let mut rpath = expand(&dynamic.rpath);
            rpath.extend(inherited);
            let runpath = expand(&dynamic.runpath);
            for name in &dynamic.needed {
                if !names.insert(name.clone()) {
                    continue;
                }
                let found =
                    self.find(name, if runpath.is_empty() { &rpath } else { &[] }, &runpath);
                let Some(found) = found else {
                    if self.is_in_root(name) {
                        continue;
                    }
                    return Err(missing(program, &file, name));
                };
                if files.insert(found.clone()) {
                    queue.push_back((found, rpath.clone()));
                }
            }
        }
        Ok(files.into_iter().collect())
    }

    /// Returns the error for a file that is for a different processor.
    fn is_for(&self, file: &Path, processor: impl std::fmt::Display) -> Error {
        let guest = self.architecture;
        let message = format!("{} is for {processor}, and the guest for {guest}", file.display());
        let error = Error::new(ErrorKind::WrongArchitecture, message);
        if guest == Architecture::HOST {
            error.help(format!("build it for {guest}"))
        } else {
            error.help(format!(
                "build it for {guest} (`--target {}`), or use `--root` with a root file system that \
                 contains it",
                guest.spec().target
            ))
        }
    }

    /// Returns whether an interpreter is on this machine. If not, it must be in the root file
    /// system.
    fn is_here(&self, program: &Path, interpreter: &Path) -> Result<bool> {
        if interpreter.exists() {
            return Ok(true);
        }
        if self.root.is_some_and(|root| root.has_file(interpreter)) {
            return Ok(false);
        }
        let message = format!(
            "{} needs the interpreter {}, which is not installed on this machine",
            program.display(),
            interpreter.display()
        );
        let error = Error::new(ErrorKind::MissingInterpreter, message);
        Err(if self.architecture == Architecture::HOST {
            error.help("install it, or use `--root` with a root file system that contains it")
        } else {
            error.help(
                "link the program statically (`-C target-feature=+crt-static`), or use `--root` with \
                 a root file system that contains it, such as `debian:trixie/libc6`",
            )
        })
    }

    /// Returns whether the root file system has a library in a directory that the dynamic linker
    /// searches.
    fn is_in_root(&self, name: &str) -> bool {
        self.root.is_some_and(|root| {
            standard_directories(self.architecture)
                .any(|directory| root.has_file(&directory.join(name)))
        })
    }

    fn find(&self, name: &str, rpath: &[PathBuf], runpath: &[PathBuf]) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| is_library(path, self.architecture));
        }
        let in_directory = |directory: &PathBuf| {
            Some(directory.join(name)).filter(|path| is_library(path, self.architecture))
        };
        rpath
            .iter()
            .chain(&self.library_path)
            .chain(runpath)
            .find_map(in_directory)
            .or_else(|| {
                self.cache.get(name).filter(|path| is_library(path, self.architecture)).cloned()
            })
            .or_else(|| {
                standard_directories(self.architecture).find_map(|path| in_directory(&path))
            })
    }
}

fn missing(program: &Path, file: &Path, name: &str) -> Error {
    let message =
        format!("{} needs {name}, which is not installed on this machine", program.display());
    let by = if file == program {
        String::new()
    } else {
        format!(" (a dependency of {})", file.display())
    };
    Error::new(ErrorKind::MissingLibrary, message + &by).help(format!(
        "install the package that contains {name}, or set LD_LIBRARY_PATH to its directory"
    ))
}

/// Returns the interpreter in the first line of a script, or `None` if the file is not a script.
pub(crate) fn script_interpreter<'data>(data: impl ReadRef<'data>) -> Option<PathBuf> {
    /// The number of bytes of the first line that the kernel reads (`BINPRM_BUF_SIZE`).
    const LONGEST: u64 = 256;
    let head = data.read_bytes_at(0, data.len().ok()?.min(LONGEST)).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    Some(PathBuf::from(word))
}

/// Returns the architecture of an ELF file, the name of its processor as an error if guests cannot
/// have that, and `None` if it is not an ELF file.
pub(crate) fn machine(data: &[u8]) -> Option<Result<Architecture, String>> {
    if !data.starts_with(b"\x7fELF") {
        return None;
    }
    let number = match data.get(5)? {
        1 => u16::from_le_bytes([*data.get(18)?, *data.get(19)?]),
        _ => u16::from_be_bytes([*data.get(18)?, *data.get(19)?]),
    };
    if let Some(architecture) = Architecture::of_elf(number).filter(|_| data[4] == 2) {
        return Some(Ok(architecture));
    }
    Some(match number {
        3 | 62 => Err("32-bit x86".to_owned()),
        40 => Err("arm".to_owned()),
        243 => Err("riscv".to_owned()),
        21 => Err("powerpc64".to_owned()),
        22 => Err("s390x".to_owned()),
        number => Err(format!("the processor with the ELF number {number}")),
    })
}

/// Returns the architecture of a program, or `None` if it is not an ELF file or guests cannot have
/// its architecture.
pub(crate) fn architecture(program: &Path) -> Option<Architecture> {
    let mut head = [0; 20];
    regular::open(program).ok()?.read_exact(&mut head).ok()?;
    machine(&head)?.ok()
}

/// Returns the interpreter (the dynamic linker) that a program specifies.
pub(crate) fn interpreter(data: &[u8]) -> Option<PathBuf> {
    read_dynamic(data, None).ok()?.interpreter
}

/// Returns the version of glibc if the file is glibc's `libc.so.6`. This is the newest version
/// among the versions of its symbols.
pub(crate) fn c_library_version(data: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"\0GLIBC_2.";
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let names = sections.section_by_name(endian, b".dynstr")?.1.data(endian, data).ok()?;
    let found = names.windows(MARK.len()).enumerate().filter(|(_, it)| *it == MARK);
    let minor = |(at, _): (usize, &[u8])| {
        let digits = names[at + MARK.len()..].split(|byte| !byte.is_ascii_digit()).next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    Some((2, found.filter_map(minor).max()?))
}

fn is_library(path: &Path, architecture: Architecture) -> bool {
    let mut head = [0; 20];
    let read = regular::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok());
    read && head.starts_with(b"\x7fELF\x02") && machine(&head) == Some(Ok(architecture))
}

/// Reads a file that must be for the given architecture, or else for any that guests can have.
fn read_dynamic<'data, R: ReadRef<'data>>(
    data: R,
    architecture: Option<Architecture>,
) -> std::result::Result<Dynamic, String> {
    let text = |error: object::Error| error.to_string();
    let header = Header::parse(data).map_err(text)?;
    let endian = header.endian().map_err(text)?;
    let segments = header.program_headers(endian, data).map_err(text)?;
    let found = Architecture::of_elf(header.e_machine(endian).0);
    if found.is_none() || architecture.is_some() && found != architecture {
        return Err("it is for another processor".to_owned());
    }
    let mut dynamic = Dynamic::default();
    let mut entries = None;
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, data).map_err(text)? {
            dynamic.interpreter = Some(PathBuf::from(String::from_utf8_lossy(path).into_owned()));
        }
        if let Some(found) = segment.dynamic(endian, data).map_err(text)? {
            entries = Some(found);
        }
    }
    let Some(entries) = entries else { return Ok(dynamic) };
    let value = |tag: elf::DynamicTag| {
        entries.iter().find(|entry| entry.d_tag(endian) == tag).map(|entry| entry.d_val(endian))
    };
    let Some((address, size)) = value(elf::DT_STRTAB).zip(value(elf::DT_STRSZ)) else {
        return Ok(dynamic);
    };
    let strings = segments
        .iter()
        .find_map(|segment| {
            let start = address.checked_sub(segment.p_vaddr(endian))?;
            let is_in_file = start.checked_add(size)? <= segment.p_filesz(endian);
            let offset = segment.p_offset(endian).checked_add(start)?;
            is_in_file.then(|| data.read_bytes_at(offset, size).ok())?
        })
        .ok_or("its string table is out of bounds")?;
    for entry in entries {
        let string = || {
            usize::try_from(entry.d_val(endian))
                .ok()
                .and_then(|start| strings.get(start..)?.split(|byte| *byte == 0).next())
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .ok_or("a string of its dynamic section is out of bounds")
        };
        let paths = |text: String| text.split(':').map(str::to_owned).collect();
        match entry.d_tag(endian) {
            elf::DT_NEEDED => dynamic.needed.push(string()?),
            elf::DT_RPATH => dynamic.rpath = paths(string()?),
            elf::DT_RUNPATH => dynamic.runpath = paths(string()?),
            _ => {}
        }
    }
    Ok(dynamic)
}

/// Reads the dynamic linker's cache of library names. The result is empty if there is no cache (as
/// with musl).
fn read_ld_so_cache(path: &Path, architecture: Architecture) -> BTreeMap<String, PathBuf> {
    std::fs::read(path)
        .ok()
        .and_then(|data| parse_ld_so_cache(&data, architecture))
        .unwrap_or_default()
}

/// Parses the dynamic linker's cache. The format is `struct cache_file_new` in glibc's
/// `sysdeps/generic/dl-cache.h`.
fn parse_ld_so_cache(data: &[u8], architecture: Architecture) -> Option<BTreeMap<String, PathBuf>> {
    const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
    let flags = architecture.spec().library_flags;
    let start = data.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    let data = &data[start..];
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
    let string = |at: u32| {
        let bytes = data.get(at as usize..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let mut libraries = BTreeMap::new();
    for index in 0..word(20)? as usize {
        let at = 48 + index * 24;
        let hardware = word(at + 20)?;
        // Variants for newer processors work on hosts, but not on an emulated processor, and are
        // skipped.
        if word(at)? == flags && hardware == 0 {
            libraries.entry(string(word(at + 4)?)?).or_insert(string(word(at + 8)?)?.into());
        }
    }
    Some(libraries)
}

/// Returns a program's bytes without the parts that are not loaded (symbols and debug information).
/// Those parts are not read from the file. A file that is not an ELF file is returned unchanged.
pub(crate) fn loadable_part(program: &Path) -> Result<Vec<u8>> {
    let cache = open(program)?;
    let Some(end) = loadable_end(&cache) else {
        return regular::read(program, regular::FILE);
    };
    let mut data = Vec::new();
    regular::open(program)?.take(end).read_to_end(&mut data).at("read", program)?;
    // Clears the fields that refer to section headers: e_shoff, e_shnum and e_shstrndx.
    for range in [0x28..0x30, 0x3c..0x40] {
        data.get_mut(range).unwrap_or_default().fill(0);
    }
    Ok(data)
}

/// Returns the offset of the end of the last part that is loaded.
fn loadable_end<'data, R: ReadRef<'data>>(data: R) -> Option<u64> {
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let size = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    let table = header.e_phoff(endian).checked_add(size)?;
    let mut end = table.max(size_of::<Header>() as u64);
    for segment in header.program_headers(endian, data).ok()? {
        end = end.max(segment.p_offset(endian).checked_add(segment.p_filesz(endian))?);
    }
    Some(end).filter(|end| data.len().is_ok_and(|length| *end <= length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_needs_the_c_library_and_its_interpreter() {
        let files =
            needed_files(&std::env::current_exe().unwrap(), &[], None, Architecture::HOST).unwrap();
        let named = |name: &str| files.iter().any(|file| file.to_string_lossy().contains(name));
        assert!(named("libc.so.6") && named(Architecture::HOST.spec().dynamic_linker), "{files:?}");
    }

    #[used]
    #[unsafe(link_section = ".vmtest")]
    static DECLARED: [u8; 23] = *b"module veth\nmodule x_y\n";

    #[test]
    fn declarations_are_read_from_the_section_of_a_program() {
        let declared = declared_modules(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(declared, ["veth", "x_y"]);
        assert_eq!(declared_modules(Path::new("/bin/true")).unwrap(), [""; 0]);
    }

    #[test]
    fn a_missing_library_is_named() {
        let search = Search {
            library_path: Vec::new(),
            cache: BTreeMap::new(),
            root: None,
            architecture: Architecture::HOST,
        };
        assert_eq!(search.find("libnonesuch.so.1", &[], &[]), None);
        let error = missing(Path::new("/a"), Path::new("/b.so"), "libnonesuch.so.1");
        assert_eq!(error.kind(), ErrorKind::MissingLibrary);
        assert!(error.to_string().starts_with("/a needs libnonesuch.so.1, which"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_a_program_is_refused_and_damage_does_not_panic() {
        assert!(read_dynamic(b"text".as_slice(), None).is_err());
        let mut data = std::fs::read("/proc/self/exe").unwrap();
        data.truncate(4096);
        for cut in (0..data.len()).step_by(7) {
            let _ = read_dynamic(&data[..cut], None);
            let _ = parse_ld_so_cache(&data[..cut], Architecture::HOST);
            let _ = loadable_end(&data[..cut]);
        }
    }

    #[test]
    fn a_stripped_program_runs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("true");
        std::fs::write(&path, loadable_part(Path::new("/bin/true")).unwrap()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        assert!(std::process::Command::new(path).status().unwrap().success());
    }
}
