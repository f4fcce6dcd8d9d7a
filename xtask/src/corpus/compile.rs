//! Compiles programs, and headers that were generated from them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::source::{Source, make_headers};
use crate::Error;

/// The compiler of every program.
const CLANG: &str = "clang-19";

/// Compiles programs as the selftests' makefile does.
pub(super) struct Compiler<'a> {
    source: &'a Source,
    /// `vmlinux.h`, and libbpf's headers.
    headers: PathBuf,
    objects: PathBuf,
}

/// A program that compiled.
pub(super) struct Program {
    /// The name of the program, which the names of its other files are derived from.
    pub(super) name: String,
    pub(super) object: PathBuf,
    /// Whether the program includes `vmlinux.h`. `None` if this is not known.
    pub(super) has_vmlinux: Option<bool>,
    /// The project of the program, which is a subdirectory of the directory of all objects.
    pub(super) project: String,
}

/// The extensions of object files.
const ENDS: [&str; 2] = ["o", "elf"];

impl Program {
    /// Returns every file in a directory and its subdirectories whose name ends in `.o` or `.elf`.
    pub(super) fn all_in(folder: &Path) -> Result<Vec<Self>, Error> {
        let mut programs = vec![];
        let mut folders = vec![folder.to_owned()];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(&at).map_err(|error| format!("{}: {error}", at.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| ENDS.iter().any(|end| it == *end)) {
                    let below = path.strip_prefix(folder).unwrap_or(&path);
                    let name = below.with_extension("").to_string_lossy().replace(['/', '.'], "_");
                    let mut folders = below.parent().into_iter().flat_map(Path::components);
                    let project = folders.next().map(std::path::Component::as_os_str);
                    let project = project.unwrap_or_default().to_string_lossy().into_owned();
                    programs.push(Self { name, object: path, has_vmlinux: None, project });
                }
            }
        }
        programs.sort_by(|one, other| one.object.cmp(&other.object));
        Ok(programs)
    }
}

/// The programs that were compiled.
pub(super) struct Programs {
    pub(super) tried: usize,
    pub(super) objects: Vec<Program>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(source: &'a Source, cache: &Path) -> Result<Self, Error> {
        let headers = cache.join("headers");
        make_headers(source, &headers)?;
        let objects = cache.join("objects");
        fs::create_dir_all(objects.join("made"))?;
        let compiler = Self { source, headers, objects };
        compiler.precompile()?;
        Ok(compiler)
    }

    /// Precompiles `vmlinux.h`, which takes clang a second and is needed by most headers.
    fn precompile(&self) -> Result<(), Error> {
        let precompiled = self.precompiled();
        if precompiled.exists() {
            return Ok(());
        }
        let mut clang = self.clang();
        clang.args(["-x", "c-header"]).arg(self.headers.join("vmlinux.h"));
        Ok(finish(clang, &precompiled)?)
    }

    fn precompiled(&self) -> PathBuf {
        self.headers.join("vmlinux.pch")
    }

    /// Returns every program of the selftests that compiles. Programs that need headers from other
    /// makefiles do not compile.
    pub(super) fn programs(&self) -> Result<Programs, Error> {
        let folder = self.source.root.join("tools/testing/selftests/bpf/progs");
        let mut sources: Vec<PathBuf> = fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
            .collect();
        sources.sort();
        let next = AtomicUsize::new(0);
        let workers = thread::available_parallelism().map_or(1, Into::into);
        let objects = thread::scope(|scope| {
            let work = || {
                let mut done = vec![];
                while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                    done.extend(self.program(source));
                }
                done
            };
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let done = workers.into_iter().map(|worker| worker.join().unwrap_or_default());
            done.flatten().collect::<Vec<_>>()
        });
        let mut objects = objects;
        objects.sort_by(|one: &Program, other| one.name.cmp(&other.name));
        Ok(Programs { tried: sources.len(), objects })
    }

    /// Compiles a program, unless an earlier call has compiled it or has failed to compile it.
    fn program(&self, source: &Path) -> Option<Program> {
        let name = source.file_stem()?.to_string_lossy().into_owned();
        let object = self.objects.join(format!("{name}.bpf.o"));
        let depends = self.objects.join(format!("{name}.d"));
        let failed = self.objects.join(format!("{name}.failed"));
        if failed.exists() {
            return None;
        }
        if !object.exists() {
            let dependencies = ["-MMD".as_ref(), "-MF".as_ref(), depends.as_os_str()];
            let mut clang = self.clang();
            clang.args(dependencies).arg("-c").arg(source);
            if let Err(why) = finish(clang, &object) {
                let _ = fs::write(&failed, why);
                return None;
            }
        }
        let included = fs::read_to_string(&depends).unwrap_or_default();
        let has_vmlinux = included.contains("/vmlinux.h");
        let project = "Linux".to_owned();
        Some(Program { name, object, has_vmlinux: Some(has_vmlinux), project })
    }

    /// Compiles a generated header by itself, or after `vmlinux.h`.
    pub(super) fn compile_header(
        &self,
        name: &str,
        text: &str,
        has_vmlinux: bool,
    ) -> Result<PathBuf, String> {
        let folder = self.objects.join("made");
        let (source, object) =
            (folder.join(format!("{name}.c")), folder.join(format!("{name}.bpf.o")));
        let uapi = "#include <linux/bpf.h>\n#include <linux/types.h>\n";
        let types = if has_vmlinux { "" } else { uapi };
        let text = format!("{types}#include <bpf/bpf_helpers.h>\n{text}");
        fs::write(&source, text).map_err(|error| error.to_string())?;
        let mut clang = self.clang();
        if has_vmlinux {
            clang.arg("-include-pch").arg(self.precompiled());
        }
        clang.arg("-c").arg(&source);
        finish(clang, &object)?;
        Ok(object)
    }

    /// Returns the path of the TOML schema of the object `name`.
    pub(super) fn schema(&self, name: &str) -> PathBuf {
        self.objects.join("made").join(format!("{name}.toml"))
    }

    fn clang(&self) -> Command {
        let selftests = self.source.root.join("tools/testing/selftests");
        let tools = self.source.root.join("tools");
        let mut clang = Command::new(CLANG);
        clang.args(["-target", "bpf", "-g", "-O2", "-mcpu=v3", "-std=gnu11"]);
        clang.args(["-D__TARGET_ARCH_x86", "-mlittle-endian", "-fno-strict-aliasing", "-w"]);
        let include = |clang: &mut Command, option: &str, path: &Path| {
            clang.arg(option).arg(path);
        };
        include(&mut clang, "-I", &self.headers);
        include(&mut clang, "-I", &selftests.join("bpf"));
        include(&mut clang, "-I", &selftests);
        include(&mut clang, "-I", &tools.join("include/uapi"));
        include(&mut clang, "-I", &tools.join("include"));
        // Debian keeps `asm/types.h` where clang does not search when it compiles for a different
        // target.
        let host = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
        include(&mut clang, "-idirafter", Path::new(&host));
        clang
    }
}

fn finish(mut clang: Command, object: &Path) -> Result<(), String> {
    let unfinished = object.with_extension("unfinished");
    let output = clang
        .arg("-o")
        .arg(&unfinished)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{CLANG} can't be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error:")).unwrap_or_default();
        return Err(first.to_owned());
    }
    fs::rename(&unfinished, object).map_err(|error| error.to_string())
}
