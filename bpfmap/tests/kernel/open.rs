//! Opening compares the map with the schema.

use crate::bpf_fs::BpfFs;
use crate::common::{anyone_may, create, errno, kernel, mismatch, raise_memlock, unprivileged};
use crate::spec;
use bpfmap::{ErrorKind, LayoutCheck, Map, MapFlags, MapSource, MapSpec, PidFd, UpdateMode};
use bpfmap::{MemberDesc, TypeDesc};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const RX: MemberDesc<'static> =
    MemberDesc { name: "rx_bytes", bit_offset: 0, bits: 0, ty: TypeDesc::U32 };
const TX: MemberDesc<'static> =
    MemberDesc { name: "tx_bytes", bit_offset: 0, bits: 0, ty: TypeDesc::U32 };
const STATS: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "stats",
    size: 8,
    members: &[RX, MemberDesc { bit_offset: 32, ..TX }],
};
const SWAPPED: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "stats",
    size: 8,
    members: &[TX, MemberDesc { bit_offset: 32, ..RX }],
};

#[repr(C)]
struct Stats {
    rx_bytes: u32,
    tx_bytes: u32,
}
bpfmap::plain_struct!(Stats { rx_bytes: u32, tx_bytes: u32 });

spec!(Counters: Hash, u32 as TypeDesc::U32 => Stats as STATS, max 10);

#[test]
fn a_map_can_be_opened_in_every_way() {
    let map = create::<Counters>();
    map.update(&1, &Stats { rx_bytes: 2, tx_bytes: 3 }, UpdateMode::Any).unwrap();
    let id = map.info().unwrap().id;
    let fd = map.as_fd().try_clone_to_owned().unwrap();
    for again in [
        Map::<Counters>::from_map(&map),
        Map::from_id(id),
        Map::from_fd(fd),
        map.try_clone(),
        Map::from_object(&Only { name: "Counters", map: &map }),
    ] {
        let again = again.unwrap();
        assert_eq!(again.layout_check(), LayoutCheck::Agrees);
        assert_eq!(again.info().unwrap(), map.info().unwrap());
        assert_eq!(again.lookup(&1).unwrap().unwrap().tx_bytes, 3);
    }
}

/// A loader with one map.
struct Only<'a, S: MapSpec> {
    name: &'a str,
    map: &'a Map<S>,
}

impl<S: MapSpec> MapSource for Only<'_, S> {
    fn map_fd(&self, name: &str) -> std::io::Result<Option<OwnedFd>> {
        (name == self.name).then(|| self.map.as_fd().try_clone_to_owned()).transpose()
    }
}

#[test]
fn the_error_says_that_the_object_lacks_the_map() {
    let map = create::<Counters>();
    let error = Map::<Counters>::from_object(&Only { name: "others", map: &map }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no map named `Counters`"), "{error}");
    let source = Only { name: "others", map: &map };
    Map::<Counters>::options().name("others").from_object(&source).unwrap();
}

/// A loader that has names but no maps.
struct NamesAlone;

impl MapSource for NamesAlone {
    fn map_fd(&self, _: &str) -> std::io::Result<Option<OwnedFd>> {
        Ok(None)
    }

    fn map_names(&self) -> Vec<String> {
        ["Counter", "Events"].map(str::to_owned).into()
    }
}

/// The names in a source distinguish a map that was not created from a map that is not in the
/// object.
#[test]
fn the_names_in_a_source_show_which_maps_were_not_created() {
    let error = Map::<Counters>::from_object(&NamesAlone).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("its maps are `Counter`, `Events`"), "{error}");
    assert!(error.to_string().contains("did you mean `Counter`?"), "{error}");
    let error = Map::<Counters>::from_object_if_created(&NamesAlone).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);

    let options = || Map::<Counters>::options().name("Counter");
    assert!(options().from_object_if_created(&NamesAlone).unwrap().is_none());
    let error = options().from_object(&NamesAlone).unwrap_err();
    assert_eq!((error.kind(), error.errno()), (ErrorKind::NotCreated, None));
}

/// The sizes are the same, so libbpf would reuse the pin of such a map.
#[test]
fn two_swapped_members_are_refused() {
    spec!(Swapped: Hash, u32 as TypeDesc::U32 => Stats as SWAPPED, max 10);
    let map = create::<Swapped>();
    let text = mismatch(Map::<Counters>::from_map(&map));
    assert!(
        text.ends_with(
            "value.rx_bytes: offset 4, schema says 0; value.tx_bytes: offset 0, schema says 4 (help: compile the program \
             again with the header of this schema; for a pin with an older layout, move the entries with `bpfmap migrate \
             --from OLD --to NEW --pinned PIN`, or remove the pin)"
        ),
        "{text}"
    );
}

#[test]
fn another_type_or_size_is_refused() {
    spec!(Other: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10);
    spec!(Key: Hash, u64 as TypeDesc::U64 => Stats as STATS, max 10);
    spec!(Value: Hash, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 10);
    spec!(Entries: Hash, u32 as TypeDesc::U32 => Stats as STATS, max 11);
    spec!(Flags: Hash, u32 as TypeDesc::U32 => Stats as STATS, max 10, flags = MapFlags::NO_PREALLOC);
    let told = |text: String, expected: &str| assert!(text.contains(expected), "{text}");
    told(
        mismatch(Map::<Counters>::from_map(&create::<Other>())),
        "the schema: type: array, schema says hash",
    );
    told(mismatch(Map::<Counters>::from_map(&create::<Key>())), "key_size: 8, schema says 4");
    told(mismatch(Map::<Counters>::from_map(&create::<Value>())), "value_size: 4, schema says 8");
    told(
        mismatch(Map::<Counters>::from_map(&create::<Entries>())),
        "max_entries: 11, schema says 10",
    );
    told(
        mismatch(Map::<Counters>::from_map(&create::<Flags>())),
        "flags: NO_PREALLOC, schema says none",
    );
    // This spec differs in `max_entries` and in the flags.
    let text = mismatch(Map::<Flags>::from_map(&create::<Entries>()));
    assert!(text.contains("max_entries: 11"), "{text}");
    told(text, "flags: none, schema says NO_PREALLOC");
}

#[test]
fn a_different_max_entries_can_be_expected() {
    raise_memlock();
    let map = Map::<Counters>::options().max_entries(99).create().unwrap();
    assert!(Map::<Counters>::from_map(&map).is_err());
    Map::<Counters>::options().max_entries(99).from_map(&map).unwrap();
    Map::<Counters>::options().any_max_entries().from_map(&map).unwrap();
}

#[test]
fn a_map_without_btf_opens_by_its_sizes() {
    spec!(Bare: Hash, u32 as TypeDesc::U32 => Stats as STATS, max 10, btf = false);
    let map = create::<Bare>();
    assert_eq!(map.info().unwrap().btf_id, 0);
    let opened = Map::<Counters>::from_map(&map).unwrap();
    assert_eq!(opened.layout_check(), LayoutCheck::NoBtf);
}

#[test]
fn a_descriptor_that_is_not_a_map_is_refused() {
    let file = std::fs::File::open("/proc/self/status").unwrap();
    assert_eq!(errno(Map::<Counters>::from_fd(file.into())), libc::EINVAL);
    assert_eq!(errno(Map::<Counters>::from_id(u32::MAX)), libc::ENOENT);
}

#[test]
fn a_pin_is_opened_and_removed() {
    spec!(Swapped: Hash, u32 as TypeDesc::U32 => Stats as SWAPPED, max 10);
    let bpf_fs = BpfFs::mount("pin");
    let path = bpf_fs.path("counters");
    let map = create::<Counters>();
    map.pin(&path).unwrap();
    assert_eq!(errno(map.pin(&path)), libc::EEXIST);
    map.update(&5, &Stats { rx_bytes: 6, tx_bytes: 7 }, UpdateMode::Any).unwrap();
    drop(map);

    let map = Map::<Counters>::from_pinned(&path).unwrap();
    assert_eq!(map.lookup(&5).unwrap().unwrap().rx_bytes, 6);
    assert!(mismatch(Map::<Swapped>::from_pinned(&path)).contains("value.tx_bytes"));
    let error = create::<Counters>().unpin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    map.unpin(&path).unwrap();
    let error = Map::<Counters>::from_pinned(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("counters"), "{error}");
}

#[test]
fn a_path_outside_of_a_bpf_file_system_is_refused() {
    let map = create::<Counters>();
    let error = map.pin(Path::new("/proc/self/counters")).unwrap_err();
    assert!(error.errno().is_some(), "{error}");
    assert_eq!(errno(Map::<Counters>::from_pinned("/proc/self/status")), libc::EACCES);
    assert_eq!(errno(Map::<Counters>::from_pinned("nul\0in it")), libc::EINVAL);
}

/// Reading BTF by its id needs `CAP_SYS_ADMIN`. A process without this capability can still open a
/// map if it has a descriptor of the map.
#[test]
fn without_privilege_the_sizes_are_compared() {
    let map = create::<Counters>();
    map.insert(&1, &Stats { rx_bytes: 1, tx_bytes: 2 }).unwrap();
    let opened = unprivileged(|| Map::<Counters>::from_map(&map));
    // Before Linux 5.19, unprivileged processes can't use the whole system call.
    if kernel() < (5, 19) && !anyone_may() {
        assert_eq!(errno(opened), libc::EPERM);
        return;
    }
    let opened = opened.unwrap();
    assert_eq!(opened.layout_check(), LayoutCheck::NotPermitted);
    assert_eq!(opened.lookup(&1).unwrap().unwrap().tx_bytes, 2);
}

spec!(Accounts: TaskStorage, u32 as TypeDesc::I32 => u64 as TypeDesc::U64, max 0,
    flags = MapFlags::NO_PREALLOC);

/// Programs write through a user pointer, and only BTF shows whether the value has such a pointer.
/// So a process that may not read the BTF can't attach values without `unsafe`.
#[test]
fn without_privilege_a_value_that_could_have_a_user_pointer_is_not_attached() {
    // Task storage needs Linux 5.11. Before Linux 5.19, this process can't use the whole system
    // call.
    if kernel() < (5, 19) && (kernel() < (5, 11) || !anyone_may()) {
        return;
    }
    let map = create::<Accounts>();
    let own = PidFd::open(std::process::id()).unwrap();
    map.attach(PidFd::new(own.as_fd()), &1).unwrap();
    let refused = |attempt: fn(&Map<Accounts>, PidFd<'_>) -> bpfmap::Result<()>| {
        let opened = unprivileged(|| Map::<Accounts>::from_map(&map)).unwrap();
        let error = attempt(&opened, PidFd::new(own.as_fd())).unwrap_err();
        assert_eq!((error.kind(), error.errno()), (ErrorKind::PermissionDenied, None), "{error}");
        assert!(error.to_string().contains("may not read the BTF of the map"), "{error}");
    };
    refused(|map, own| map.attach(own, &2));
    refused(|map, own| map.attach_new(own, &2).map(drop));
    refused(|map, own| map.replace_attached(own, &2).map(drop));
    assert_eq!(map.attached(PidFd::new(own.as_fd())).unwrap(), Some(1));
}

#[test]
fn handles_can_be_sent_to_other_threads() {
    fn crosses<T: Send + Sync + 'static>(_: &T) {}
    let map = create::<Counters>();
    crosses(&map);
    std::thread::scope(|scope| {
        for key in 0..4 {
            let map = &map;
            scope.spawn(move || map.insert(&key, &Stats { rx_bytes: key, tx_bytes: 0 }).unwrap());
        }
    });
    assert_eq!(map.keys().count(), 4);
}

/// A source of maps that fails with an error without an errno.
struct Failing;

impl MapSource for Failing {
    fn map_fd(&self, _: &str) -> std::io::Result<Option<OwnedFd>> {
        Err(std::io::Error::other("the archive is damaged"))
    }
}

#[test]
fn the_error_of_a_source_is_the_source_of_the_error() {
    let error = Map::<Counters>::from_object(&Failing).unwrap_err();
    assert_eq!(error.to_string(), "can't open map `Counters`");
    assert_eq!((error.errno(), error.kind()), (None, ErrorKind::Other));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the archive is damaged");
}
