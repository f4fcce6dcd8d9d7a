//! Tests of `bpfmap diff`, as users and CI run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const OLD: &str = "[types.stats]\nkind = \"struct\"\nmembers = [\n  { name = \"rx\", type = \"u64\" },\n  { name = \"tx\", type = \"u64\" },\n]\n\n\
                   [maps.packets]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"stats\"\nmax_entries = 64\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, arguments: &str) -> Said {
        Said::by(bpfmap(self.0.path()).args(arguments.split_whitespace()))
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"])
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "A revision"]);
    }
}

fn bpfmap(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    // git must not find a repository that contains the temporary folder.
    command.current_dir(folder).env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    command
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Said {
    fn by(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }
}

#[test]
fn shows_changes_and_fails_if_a_change_is_unsafe() {
    let folder = Folder::new(&[
        ("old.toml", OLD),
        ("new.toml", &OLD.replace("rx", "x").replace("tx", "rx").replace("\"x\"", "\"tx\"")),
        ("safe.toml", &OLD.replace("\"tx\", ", "\"sent\", renamed_from = \"tx\", ")),
    ]);
    let said = folder.run("diff old.toml new.toml");
    assert_eq!(
        said,
        Said {
            status: 1,
            err: String::new(),
            out: "\
new.toml:4:3: packets.value.tx: moved from byte 8 to byte 0 [member-moved]
    silently reads wrong data: libbpf reuses the pin; bpfmap refuses to open the map
new.toml:5:3: packets.value.rx: moved from byte 0 to byte 8 [member-moved]
    silently reads wrong data: libbpf reuses the pin; bpfmap refuses to open the map
2 changes: silently reads wrong data (2); run `bpfmap explain member-moved` for details
"
            .to_owned(),
        }
    );
    let said = folder.run("diff old.toml safe.toml");
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert!(
        said.out.contains("safe.toml:5:3: packets.value.sent: renamed from `tx` [member-renamed]")
    );

    let said = folder.run("diff old.toml old.toml");
    assert_eq!((said.status, said.out.as_str()), (0, "no changes\n"));
    assert_eq!(folder.run("diff old.toml new.toml --fail-on none").status, 0);
    assert_eq!(folder.run("diff old.toml new.toml --fail-on new-pin").status, 0);
    assert_eq!(folder.run("diff old.toml new.toml --fail-on new-pin,member-moved").status, 1);
    assert_eq!(folder.run("diff old.toml safe.toml --fail-on safe").status, 1);
}

#[test]
fn writes_json_and_github_commands() {
    let folder = Folder::new(&[("old.toml", OLD), ("new.toml", &OLD.replace("= 64", "= 65"))]);
    let said = folder.run("diff old.toml new.toml --format json");
    let answer =
        "libbpf refuses the pin with EINVAL (parameter mismatch); bpfmap refuses to open the map";
    assert_eq!(
        said.out,
        format!(
            "{{\"class\":\"new-pin\",\"changes\":[{{\"rule\":\"max-entries\",\"class\":\"new-pin\",\
             \"path\":\"packets\",\"message\":\"`max_entries` changed from 64 to 65\",\"answer\":\"{answer}\",\
             \"side\":\"new\",\"file\":\"new.toml\",\"line\":12,\"column\":15}}]}}\n"
        )
    );
    assert_eq!(said.status, 1);
    let said = folder.run("diff old.toml new.toml --format github");
    assert_eq!(
        said.out,
        format!(
            "::error file=new.toml,line=12,col=15,title=max-entries::packets: `max_entries` changed \
             from 64 to 65: needs a new pin: {answer}\n"
        )
    );
    let said = folder.run("diff old.toml new.toml --format github --fail-on none");
    assert!(said.out.starts_with("::warning file=new.toml,"), "{}", said.out);
    assert_eq!(
        folder.run("diff old.toml old.toml --format json").out,
        "{\"class\":null,\"changes\":[]}\n"
    );
    assert_eq!(folder.run("diff old.toml old.toml --format github").out, "");
}

#[test]
fn compares_with_a_revision() {
    let folder = Folder::new(&[
        ("types/net.toml", "[types.port]\nkind = \"alias\"\ntype = \"be16\"\n"),
        (
            "maps/schema.toml",
            "include = [\"../types/net.toml\"]\n[maps.ports]\ntype = \"hash\"\nkey = \"port\"\nvalue = \"u64\"\nmax_entries = 1\n",
        ),
        ("Cargo.toml", "[package]\nname = \"counters\"\n"),
        ("src/lib.rs", "mod maps;\nmod net;\n"),
        (
            "src/maps.rs",
            "use crate::net::Port;\n\n#[derive(BpfMap)]\n#[bpf_map(hash, max_entries = 1)]\nstruct Ports { key: Port, value: u64 }\n",
        ),
        ("src/net.rs", "pub type Port = bpfmap::Be16;\n"),
    ]);
    folder.git(&["init", "--quiet", "--initial-branch", "main"]);
    folder.commit();
    folder.write("types/net.toml", "[types.port]\nkind = \"alias\"\ntype = \"u16\"\n");
    folder.write("src/net.rs", "pub type Port = u16;\n");
    let said = folder.run("diff maps/schema.toml --against main");
    assert_eq!((said.status, said.err.as_str()), (1, ""));
    assert_eq!(
        said.out.lines().next().unwrap(),
        "maps/schema.toml:4:8: ports.key: changed from `be16` to `u16` [key-layout]"
    );
    let said = folder.run("diff src/maps.rs --against HEAD");
    assert_eq!((said.status, said.err.as_str()), (1, ""));
    assert_eq!(
        said.out.lines().next().unwrap(),
        "src/maps.rs:5:21: ports.key: changed from `be16` to `u16` [key-layout]"
    );
    // A removed map has a position in the revision, also if the command runs in a subfolder.
    folder.write(
        "maps/schema.toml",
        "[maps.bytes]\ntype = \"array\"\nvalue = \"u64\"\nmax_entries = 1\n",
    );
    let said = Said::by(bpfmap(&folder.0.path().join("maps")).args([
        "diff",
        "schema.toml",
        "--against",
        "main",
    ]));
    assert!(
        said.out.contains("main:maps/schema.toml:2:7: ports: removed"),
        "{}\n{}",
        said.out,
        said.err
    );
    assert_eq!(said.status, 0);
    // Nothing was staged or written.
    let status = Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(folder.0.path())
        .output()
        .unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert_eq!(status, " M maps/schema.toml\n M src/net.rs\n M types/net.toml\n");
}

#[test]
fn says_why_schemas_cannot_be_compared() {
    let folder = Folder::new(&[("old.toml", OLD), ("bad.toml", "[maps.m]\ntype = \"hsh\"\n")]);
    let said = folder.run("diff old.toml bad.toml");
    assert_eq!(said.status, 2);
    assert!(said.err.contains("error[unknown-map-type]"), "{}", said.err);
    assert!(said.err.ends_with("error: correct these errors, and compare the schemas again\n"));
    let said = folder.run("diff old.toml gone.toml");
    assert_eq!(said.status, 2);
    assert!(said.err.contains("can't read `gone.toml`"), "{}", said.err);

    let said = folder.run("diff old.toml --against main");
    assert_eq!(said.status, 2);
    assert!(said.err.starts_with("error: git failed: fatal: not a git repository"), "{}", said.err);
    folder.git(&["init", "--quiet", "--initial-branch", "main"]);
    folder.commit();
    let said = folder.run("diff old.toml --against v9");
    assert_eq!((said.status, said.err.as_str()), (2, "error: unknown git revision `v9`\n"));
    let said = folder.run("diff old.toml --against --all");
    assert_eq!(said.status, 2);
    folder.write("later.toml", OLD);
    let said = folder.run("diff later.toml --against main");
    assert_eq!(
        (said.status, said.err.as_str()),
        (2, "error: there is no `later.toml` in the revision `main`\n")
    );
    let said = Said::by(bpfmap(folder.0.path()).env("PATH", "").args([
        "diff",
        "old.toml",
        "--against",
        "main",
    ]));
    assert_eq!(
        (said.status, said.err.as_str()),
        (
            2,
            "error: `--against` needs git, which is not installed: install git, or compare two files\n"
        )
    );

    assert_eq!(folder.run("diff old.toml").status, 2);
    assert_eq!(folder.run("diff old.toml old.toml --against main").status, 2);
    let said = folder.run("diff old.toml old.toml --fail-on danger");
    assert_eq!(said.status, 2);
    assert!(
        said.err
            .contains("unknown class or rule `danger` (the classes are safe, new-pin, wrong-data)"),
        "{}",
        said.err
    );
}

#[test]
fn explains_each_change() {
    let folder = Folder::new(&[]);
    let said = folder.run("explain value-grows");
    assert_eq!(said.status, 0);
    assert!(
        said.out.starts_with(
            "value-grows (needs a new pin): The size of a value has increased.\n\nIf the older map is pinned, libbpf \
             refuses the pin with EINVAL (parameter mismatch); bpfmap refuses to open the map.\n\n"
        ),
        "{}",
        said.out
    );
    let said = folder.run("explain value-grow");
    assert_eq!(said.status, 2);
    assert!(said.err.contains("value-grows"), "{}", said.err);
    assert!(folder.run("explain").out.contains("\nmember-moved "));
}
