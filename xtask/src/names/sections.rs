//! The sections that libbpf treats as programs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bpfmap_vmtest::kernel::{Mirror, debian_package};

use crate::Error;
use crate::cargo::root;
use crate::step::run;

/// A program that asks libbpf about each word: `libbpf_prog_type_by_name` returns 0 for a section
/// of programs.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
int libbpf_prog_type_by_name(const char *name, int *type, int *attach);
void *libbpf_set_print(void *print);
int main(void)
{
	char word[256];
	int type, attach;
	libbpf_set_print(NULL);
	while (fgets(word, sizeof(word), stdin)) {
		word[strcspn(word, "\n")] = 0;
		if (libbpf_prog_type_by_name(word, &type, &attach) == 0)
			puts(word);
	}
	return 0;
}
"#;

/// Returns the names of the sections of programs that could also be the name of a map, because they
/// consist of letters, digits and `_`.
pub(super) fn all() -> Result<BTreeSet<String>, Error> {
    let mirror = Mirror::configured(None, None);
    let [libc, libbpf] = [
        debian_package("trixie", "libc6", &mirror)?,
        debian_package("trixie", "libbpf1", &mirror)?,
    ]
    .map(|package| package.join("usr/lib/x86_64-linux-gnu"));
    let library = libbpf.join("libbpf.so.1");
    let folder = root().join("target/names");
    fs::create_dir_all(&folder)?;
    let (source, program) = (folder.join("sections.c"), folder.join("sections"));
    fs::write(&source, PROGRAM)?;
    let mut compile = Command::new("gcc");
    compile.arg("-o").arg(&program).arg(&source).arg(&library);
    // The library may be newer than this machine's libc, and runs with a libc of its own.
    run(compile.arg("-Wl,--allow-shlib-undefined"))?;
    let libraries = [libc.as_path(), &libbpf, Path::new("/usr/lib/x86_64-linux-gnu")];
    let mut command = Command::new(libc.join("ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(std::env::join_paths(libraries)?).arg(&program);
    ask(command, &fs::read(&library)?)
}

/// Returns the strings in `library` that `command` recognises as sections.
fn ask(mut command: Command, library: &[u8]) -> Result<BTreeSet<String>, Error> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let words = library.split(|byte| *byte == 0).filter(|word| {
        (1..64).contains(&word.len())
            // `kprobe+` stands for the section `kprobe` as well.
            && word.strip_suffix(b"+").unwrap_or(word).iter().all(is_name)
    });
    let words: Vec<&[u8]> = words.map(|word| word.strip_suffix(b"+").unwrap_or(word)).collect();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("the program has no standard input")?;
    input.write_all(&words.join(&b'\n'))?;
    drop(input);
    let output = child.wait_with_output()?;
    let found = String::from_utf8(output.stdout)?;
    let found: BTreeSet<String> = found.lines().map(str::to_owned).collect();
    if found.contains("xdp") { Ok(found) } else { Err("libbpf knows no section `xdp`".into()) }
}
