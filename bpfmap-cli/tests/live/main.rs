//! Tests of the command with live maps. These tests need root. They also run on every kernel of the
//! matrix, where the guest contains only this binary.

#[path = "../../../bpfmap/tests/kernel/bpf_fs.rs"]
mod bpf_fs;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use bpf_fs::BpfFs;
use bpfmap::{LiveMap, Map, MapDef, MapSpec, UpdateMode, kind};
use bpfmap::{MemberDesc, TypeDesc};

/// The environment variable that contains the arguments of the command. A child process with this
/// variable runs the command.
const ARGUMENTS: &str = "BPFMAP_ARGUMENTS";

/// A marker on standard output. The output of the command follows the marker.
const MARK: char = '\u{1}';

/// Runs the command in the child process that [`PinnedFlows::run`] starts. In the test process,
/// checks that such a child can be started.
#[test]
fn the_command() {
    if let Some(arguments) = std::env::var_os(ARGUMENTS) {
        let arguments = arguments.into_string().unwrap();
        print!("{MARK}");
        let status = bpfmap_cli::run(arguments.split_whitespace().map(Into::into));
        std::process::exit(status.into());
    }
    let output = start("bpfmap --version", Path::new("/"));
    let (status, stdout, _) = said(&output);
    assert_eq!((status, stdout), (Some(0), concat!("bpfmap ", env!("CARGO_PKG_VERSION"), "\n")));
}

/// Runs this binary as the command.
fn start(arguments: &str, folder: &Path) -> Output {
    command(arguments, folder).output().unwrap()
}

fn command(arguments: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "the_command", "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, arguments)
        .current_dir(folder);
    command
}

const OLD_SCHEMA: &str = r#"
[types.stats]
kind = "struct"
members = [
  { name = "packets", type = "u32" },
  { name = "drops", type = "i32" },
  { name = "bytes", type = "u64" },
]

[maps.flows]
type = "hash"
key = "u32"
value = "stats"
max_entries = 100
"#;

const NEW_SCHEMA: &str = r#"
[types.stats]
kind = "struct"
members = [
  { name = "rx_bytes", type = "u64", renamed_from = "bytes" },
  { name = "limit", type = "be32", default = 1000 },
  { name = "drops", type = "i64" },
  { name = "packets", type = "u64" },
]

[maps.flows]
type = "hash"
key = "u32"
value = "stats"
max_entries = 200
"#;

#[repr(C)]
struct Old {
    packets: u32,
    drops: i32,
    bytes: u64,
}
bpfmap::plain_struct!(Old { packets: u32, drops: i32, bytes: u64 });

#[repr(C)]
struct New {
    rx_bytes: u64,
    limit: bpfmap::Be32,
    pad: u32,
    drops: i64,
    packets: u64,
}
bpfmap::plain_struct!(New {
    rx_bytes: u64,
    limit: bpfmap::Be32,
    pad: u32,
    drops: i64,
    packets: u64
});

const fn member(
    name: &'static str,
    byte: u32,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset: byte * 8, bits: 0, ty: layout }
}

enum OldFlows {}

impl MapSpec for OldFlows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = Old;
    const DEF: MapDef<'static> = kind::Hash::def(
        "flows",
        TypeDesc::U32,
        &TypeDesc::Struct {
            name: "stats",
            size: 16,
            members: &[
                member("packets", 0, TypeDesc::U32),
                member("drops", 4, TypeDesc::I32),
                member("bytes", 8, TypeDesc::U64),
            ],
        },
    )
    .max_entries(100);
}

enum NewFlows {}

impl MapSpec for NewFlows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = New;
    const DEF: MapDef<'static> = kind::Hash::def(
        "flows",
        TypeDesc::U32,
        &TypeDesc::Struct {
            name: "stats",
            size: 32,
            members: &[
                member("rx_bytes", 0, TypeDesc::U64),
                member("limit", 8, TypeDesc::BE32),
                member("drops", 16, TypeDesc::I64),
                member("packets", 24, TypeDesc::U64),
            ],
        },
    )
    .max_entries(200);
}

/// A folder with schemas, and a pinned map with 50 entries.
struct PinnedFlows {
    bpf_fs: BpfFs,
    folder: tempfile::TempDir,
    map: Map<OldFlows>,
}

impl PinnedFlows {
    fn new(name: &str) -> Self {
        let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // Up to Linux 5.10, this limit applies to maps, also in the command. If the limit can't be
        // raised, creating a map fails. SAFETY: reads the struct.
        unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("old.toml", OLD_SCHEMA), ("new.toml", NEW_SCHEMA)] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let map = Map::<OldFlows>::create().unwrap();
        for key in 0..50_u32 {
            let value =
                Old { packets: key, drops: -key.cast_signed(), bytes: u64::from(key) << 40 };
            map.update(&key, &value, UpdateMode::Any).unwrap();
        }
        let bpf_fs = BpfFs::mount(name);
        map.pin(bpf_fs.path("flows")).unwrap();
        Self { bpf_fs, folder, map }
    }

    fn pin(&self) -> PathBuf {
        self.bpf_fs.path("flows")
    }

    /// Runs the command. `PIN` in the arguments stands for the path of the pin.
    fn run(&self, arguments: &str) -> Output {
        let arguments = arguments.replace("PIN", &self.pin().display().to_string());
        start(&format!("bpfmap {arguments}"), self.folder.path())
    }
}

/// Returns the exit status, standard output and standard error.
#[track_caller]
fn said(output: &Output) -> (Option<i32>, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    let stdout = text(&output.stdout);
    let stdout = stdout.split_once(MARK).map_or("", |(_, printed)| printed);
    (output.status.code(), stdout, text(&output.stderr))
}

#[test]
fn a_pinned_map_is_migrated() {
    let place = PinnedFlows::new("cli-migrate");
    let (pin, migrate) = (place.pin(), "migrate --from old.toml --to new.toml --pinned PIN");
    let done = format!(
        "{}: 50 entries moved to the new layout and compared with the old map\n",
        pin.display()
    );
    assert_eq!(said(&place.run(migrate)), (Some(0), done.as_str(), ""));

    let new = Map::<NewFlows>::from_pinned(&pin).unwrap();
    for key in 0..50_u32 {
        let value = new.lookup(&key).unwrap().unwrap();
        assert_eq!((value.packets, value.drops), (key.into(), -i64::from(key)));
        assert_eq!((value.rx_bytes, value.limit.get()), (u64::from(key) << 40, 1000));
    }
    assert_eq!(new.keys().count(), 50);
    assert_eq!(place.bpf_fs.pins(), ["flows"]);
    // Programs that still use the old map find all of its entries.
    assert_eq!(place.map.keys().count(), 50);

    let again = format!(
        "{}: the map already matches `new.toml`, so there is nothing to do\n",
        pin.display()
    );
    assert_eq!(said(&place.run(migrate)), (Some(0), again.as_str(), ""));
}

/// Any process that can open the folder of a pin can hold the lock for migrations.
#[test]
fn a_migration_names_the_process_for_which_it_waits() {
    let place = PinnedFlows::new("cli-waits");
    let pin = place.pin();
    let folder = fs::File::open(pin.parent().unwrap()).unwrap();
    // SAFETY: the descriptor is open.
    assert_eq!(unsafe { libc::flock(folder.as_raw_fd(), libc::LOCK_EX) }, 0);
    let arguments =
        format!("bpfmap migrate --from old.toml --to new.toml --pinned {}", pin.display());
    let mut command = command(&arguments, place.folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let holder = format!("note: waiting for process {} (`", std::process::id());
    assert!(line.starts_with(&holder), "{line}");
    assert!(line.ends_with("`), which holds the lock of the pin's folder\n"), "{line}");
    drop(folder);
    assert!(child.wait().unwrap().success());
    Map::<NewFlows>::from_pinned(&pin).unwrap();
}

#[test]
fn obstacles_are_reported() {
    let place = PinnedFlows::new("cli-refused");
    let narrow = NEW_SCHEMA.replace(r#""packets", type = "u64""#, r#""packets", type = "u16""#);
    fs::write(place.folder.path().join("narrow.toml"), narrow).unwrap();
    let output = place.run("migrate --from old.toml --to narrow.toml --pinned PIN");
    let (status, stdout, stderr) = said(&output);
    assert_eq!((status, stdout), (Some(1), ""));
    assert!(
        stderr.starts_with(
            "error: narrow.toml:8:31: flows.value.packets: changed from 32 to 16 bits"
        ),
        "{stderr}"
    );

    // The pinned map does not match the old schema.
    let output = place.run("migrate --from new.toml --to narrow.toml --pinned PIN");
    assert_eq!(said(&output).0, Some(1), "{output:?}");
    let other = OLD_SCHEMA.replace("bytes", "octets");
    fs::write(place.folder.path().join("other.toml"), other).unwrap();
    let output = place.run("migrate --from other.toml --to new.toml --pinned PIN");
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("value.octets: `bytes`, schema says `octets`"), "{stderr}");

    let output = place.run("migrate --from old.toml --to new.toml --pinned PIN-none");
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("flows-none: ENOENT"), "{stderr}");

    let output = place.run("migrate --from old.toml --to new.toml --pinned PIN --map none");
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("use `--map` with one of `flows`"), "{stderr}");
    let pinned = LiveMap::from_pinned(place.pin()).unwrap();
    assert_eq!(pinned.info(), &place.map.info().unwrap());
}

#[test]
fn a_live_map_is_compared_with_a_schema() {
    let place = PinnedFlows::new("cli-verify");
    assert_eq!(said(&place.run("verify old.toml --pinned PIN")), (Some(0), "", ""));
    let id = place.map.info().unwrap().id;
    assert_eq!(said(&place.run(&format!("verify old.toml --id {id}"))), (Some(0), "", ""));
    let output = place.run("verify new.toml --pinned PIN");
    let expected = "flows.value_size: 16, schema says 32\n\
        flows.max_entries: 100, schema says 200\n\
        flows.value: 16 bytes, schema says 32\n\
        flows.value.drops: offset 4, schema says 16\n\
        flows.value.drops: a signed integer (4 bytes), schema says long long (8 bytes)\n\
        flows.value.packets: offset 0, schema says 24\n\
        flows.value.packets: an unsigned integer (4 bytes), schema says unsigned long long (8 bytes)\n\
        flows.value.rx_bytes: offset 8, schema says 0\n\
        flows.value.limit: missing, schema has it\n";
    let (status, stdout, stderr) = said(&output);
    assert_eq!((status, stderr), (Some(1), "9 differences\n"));
    // Missing members are listed in the order of the schema.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(stdout), sorted(expected));

    let output = place.run("verify old.toml --pinned PIN --map none");
    let (status, _, stderr) = said(&output);
    assert_eq!(
        (status, stderr),
        (Some(2), "error: the schema has no map `none`; the maps of the schema are `flows`\n")
    );
    let (status, ..) = said(&place.run("verify old.toml"));
    assert_eq!(status, Some(2));
    let output = place.run("verify old.toml --id 4294967295");
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("the map with id 4294967295: ENOENT"), "{stderr}");
}

/// The schema that is imported from a live map equals the original schema, and matches the map.
#[test]
fn a_live_map_is_imported() {
    let place = PinnedFlows::new("cli-import");
    let schema = format!("name = \"flows\"\n{OLD_SCHEMA}");
    let id = place.map.info().unwrap().id;
    for what in ["--pinned PIN".to_owned(), format!("--id {id}")] {
        let output = place.run(&format!("import {what}"));
        assert_eq!(said(&output), (Some(0), schema.as_str(), ""), "{output:?}");
    }
    let written = place.run("import --pinned PIN -o imported.toml");
    assert_eq!(said(&written), (Some(0), "wrote imported.toml\n", ""));
    assert_eq!(said(&place.run("verify imported.toml --pinned PIN")), (Some(0), "", ""));

    let none = place.run("import --pinned PIN-none");
    assert_eq!(said(&none).0, Some(1));
    assert!(said(&none).2.contains("flows-none"), "{none:?}");
}

/// A lock that a test holds while maps with the name `twin` exist, because they change the result
/// of importing all maps.
static TWINS: Mutex<()> = Mutex::new(());

enum Twin<const WIDE: bool> {}

impl<const WIDE: bool> MapSpec for Twin<WIDE> {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = [u32; 2];
    const DEF: MapDef<'static> = kind::Hash::def(
        "twin",
        TypeDesc::U32,
        const {
            &TypeDesc::Struct {
                name: "twin_value",
                size: 8,
                members: if WIDE {
                    &[member("wide", 0, TypeDesc::U64)]
                } else {
                    &[member("low", 0, TypeDesc::U32), member("high", 4, TypeDesc::U32)]
                },
            }
        },
    )
    .max_entries(7);
}

/// Created without BTF.
enum Opaque {}

impl MapSpec for Opaque {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = [u8; 12];
    const DEF: MapDef<'static> =
        kind::Hash::def("opaque_map", TypeDesc::U32, &TypeDesc::Opaque { size: 12 })
            .max_entries(3)
            .btf(false);
}

/// A map whose type makes the kernel add a flag.
enum Ports {}

impl MapSpec for Ports {
    type Kind = kind::Devmap;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> =
        kind::Devmap::def("ports", TypeDesc::U32, TypeDesc::U32).max_entries(2);
}

enum Outer {}

impl MapSpec for Outer {
    type Kind = kind::HashOfMaps;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::HashOfMaps::def("outer_map", TypeDesc::U32, TypeDesc::U32)
        .max_entries(5)
        .inner(&<Twin<false> as MapSpec>::DEF);
}

impl bpfmap::OuterMapSpec for Outer {
    type Inner = Twin<false>;
}

fn id<S: MapSpec>(map: &Map<S>) -> u32 {
    map.info().unwrap().id
}

/// All maps of the machine are imported into one schema, and each map matches this schema. The
/// machine can contain maps of other programs.
#[test]
fn all_live_maps_are_imported() {
    let _alone = TWINS.lock();
    let place = PinnedFlows::new("cli-all-live");
    let twins = [Map::<Twin<false>>::create().unwrap(), Map::<Twin<false>>::create().unwrap()];
    let other = Map::<Twin<true>>::create().unwrap();
    let opaque = Map::<Opaque>::create().unwrap();
    let ports = Map::<Ports>::create().unwrap();
    let (outer, empty) = (Map::<Outer>::create().unwrap(), Map::<Outer>::create().unwrap());
    outer.set(&3, &twins[0]).unwrap();

    let output = place.run("import --all-live -o all.toml --force");
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(0), "{output:?}");
    let schema = fs::read_to_string(place.folder.path().join("all.toml")).unwrap();
    let twin = "type = \"hash\"\nkey = \"u32\"\nvalue = \"twin_value\"\nmax_entries = 7\n";
    for part in [
        format!("[maps.twin]\n{twin}"),
        format!("[maps.twin_2]\n{twin}"),
        format!("[maps.twin_3]\n{}", twin.replace("twin_value", "twin_value_2")),
        "[maps.opaque_map]\ntype = \"hash\"\nkey_size = 4\nvalue_size = 12\nmax_entries = 3\n"
            .to_owned(),
        "[maps.ports]\ntype = \"devmap\"\nkey_size = 4\nvalue_size = 4\nmax_entries = 2\n"
            .to_owned(),
        "[maps.outer_map]\ntype = \"hash_of_maps\"\n".to_owned(),
        "inner = { type = \"hash\", key = \"u32\", value = \"twin_value\", max_entries = 7"
            .to_owned(),
    ] {
        assert!(schema.contains(&part), "{part}\nis not in\n{schema}");
    }
    let empty_map = schema.split_once("[maps.outer_map_2]\n").unwrap().1;
    let empty_map = empty_map.split("\n\n").next().unwrap();
    assert!(empty_map.contains("set_by_loader = [\"inner\"]"), "{schema}");
    let empty_id = id(&empty);
    for part in [
        format!("the map `twin` with the ID {} is renamed to `twin_2`", id(&twins[1])),
        "the type `twin_value` is renamed to `twin_value_2`".to_owned(),
        "warning[import-opaque]: the key and the value of `opaque_map` become bytes: the map has no BTF"
            .to_owned(),
        format!("the map `outer_map` with the ID {empty_id} is renamed to `outer_map_2`"),
        "warning[import-inner]: the template of `outer_map_2` is unknown".to_owned(),
    ] {
        assert!(stderr.contains(&part), "{part}\nis not in\n{stderr}");
    }

    let maps = [
        (id(&twins[0]), "twin"),
        (id(&twins[1]), "twin_2"),
        (id(&other), "twin_3"),
        (id(&opaque), "opaque_map"),
        (id(&ports), "ports"),
        (id(&outer), "outer_map"),
    ];
    for (id, name) in maps {
        let output = place.run(&format!("verify all.toml --id {id} --map {name}"));
        let (_, stdout, _) = said(&output);
        // A map whose name got a number differs only in its name.
        let expected = match name {
            "twin_2" | "twin_3" => format!("{name}.name: `twin`, schema says `{name}`\n"),
            _ => String::new(),
        };
        assert_eq!(stdout, expected, "{output:?}");
    }
    drop((twins, other, opaque, ports, outer, empty));
}

/// The template of an imported map of maps comes from the maps that it contains.
#[test]
fn a_map_of_maps_is_imported_with_its_template() {
    let _alone = TWINS.lock();
    let place = PinnedFlows::new("cli-inner");
    let (inner, outer) = (Map::<Twin<true>>::create().unwrap(), Map::<Outer>::create().unwrap());
    let import = format!("import --id {}", id(&outer));
    let output = place.run(&import);
    assert_eq!(said(&output).0, Some(0));
    assert!(said(&output).1.contains("set_by_loader = [\"inner\"]"), "{output:?}");
    assert!(said(&output).2.contains("warning[import-inner]"), "{output:?}");

    let twin = Map::<Twin<false>>::create().unwrap();
    outer.set(&0, &twin).unwrap();
    let output = place.run(&import);
    let (status, stdout, stderr) = said(&output);
    assert_eq!((status, stderr), (Some(0), ""));
    assert!(stdout.contains("[types.twin_value]"), "{stdout}");
    assert!(stdout.contains("value = \"twin_value\", max_entries = 7"), "{stdout}");
    drop(inner);
}

/// If the user can't list all maps, the error names the missing privilege.
#[test]
fn importing_all_live_maps_needs_a_privilege() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without_privilege", "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, "bpfmap import --all-live")
        .output()
        .unwrap();
    let (status, _, stderr) = said(&output);
    assert_eq!(status, Some(1), "{output:?}");
    assert_eq!(
        stderr,
        "error: listing all maps on the machine needs CAP_SYS_ADMIN: run the command as root\n"
    );
}

/// Runs the command without privileges, in a child process of the previous test.
#[test]
fn without_privilege() {
    if std::env::var_os(ARGUMENTS).is_some() {
        // SAFETY: the call takes no pointers.
        assert_eq!(unsafe { libc::setuid(65534) }, 0);
        the_command();
    }
}

/// `tests/help.rs` runs the other examples.
#[test]
fn the_examples_of_the_help_that_need_a_map_do_what_they_say() {
    let place = PinnedFlows::new("cli-examples");
    fs::write(place.folder.path().join("maps.toml"), NEW_SCHEMA).unwrap();
    let pin = place.pin().display().to_string();
    // After the migration, the pinned map matches the newer schema.
    for command in ["import", "migrate", "verify"] {
        let help = start(&format!("bpfmap {command} --help"), place.folder.path());
        let (_, help, _) = said(&help);
        let examples = help.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        let mut examples = examples.filter(|example| example.contains("/sys/fs/bpf/counters"));
        let example = examples.next().unwrap().replace("/sys/fs/bpf/counters", &pin);
        assert_eq!(examples.next(), None);
        let output = start(&example, place.folder.path());
        assert_eq!(said(&output).0, Some(0), "{example}: {output:?}");
    }
}
