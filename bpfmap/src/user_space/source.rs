//! Sources of maps, such as loaded objects.

use core::ptr::NonNull;
use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;

/// A source that finds loaded maps by name: a `libbpf_rs::Object` (feature `libbpf-rs`), an `aya::Ebpf` (feature
/// `aya`), or your own type.
///
/// The generated `Maps::from_object` accepts a source.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, ErrorKind, Map, MapSource};
/// use std::{borrow::Cow, collections::HashMap, io, os::fd::OwnedFd};
///
/// /// The maps that a service manager passes to this process, and the object file of the programs.
/// struct Passed {
///     maps: HashMap<String, OwnedFd>,
///     object: Vec<u8>,
/// }
///
/// impl MapSource for Passed {
///     fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
///         self.maps.get(name).map(OwnedFd::try_clone).transpose()
///     }
///
///     fn map_names(&self) -> Vec<String> {
///         self.maps.keys().cloned().collect()
///     }
///
///     fn btf(&self) -> Option<Cow<'_, [u8]>> {
///         bpfmap::object_btf(&self.object).map(Cow::Borrowed)
///     }
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 8)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// let maps = HashMap::from([("counters".to_owned(), Map::<Counters>::create()?.into())]);
/// let passed = Passed { maps, object: vec![] };
/// assert_eq!(Map::<Counters>::from_object(&passed)?.max_entries(), 8);
/// let unknown = Map::<Counters>::options().name("count").from_object(&passed).unwrap_err();
/// assert_eq!(unknown.kind(), ErrorKind::NotFound);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of maps",
    label = "not a `bpfmap::MapSource`",
    note = "`libbpf_rs::Object` of libbpf-rs 0.27 is a source with the feature `libbpf-rs` of bpfmap (on by default), and `aya::Ebpf` of aya 0.14 is a source with the feature `aya`",
    note = "if `{Self}` is one of these types, it comes from another version of the crate: `cargo tree --duplicates` shows both; write `libbpf-rs = \"0.27\"` or `aya = \"0.14\"` in `Cargo.toml`"
)]
pub trait MapSource {
    /// Returns a descriptor of the map with this name (the full name from the object file, not cut
    /// to 15 bytes). Returns `None` if the object has no map with this name, or if the loader did
    /// not create the map. [`map_names`](Self::map_names) distinguishes these two cases.
    ///
    /// # Errors
    /// Fails if the descriptor can't be duplicated. The error is an [`io::Error`], because
    /// implementations outside this crate can't create an [`Error`](crate::Error). Methods that
    /// open a map convert this error and add the name of the map.
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>>;

    /// Returns the names of the maps in the object file, including maps that the loader did not
    /// create. The default implementation returns an empty list, which means that the names are not
    /// known.
    ///
    /// A map that is listed here but has no descriptor was not created. If the schema declares such
    /// a map as `optional`, its handle is `None`. If a map name is unknown, the error message also
    /// lists these names.
    fn map_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the BTF of the object file from which the maps were loaded, or `None` if the BTF
    /// isn't known.
    ///
    /// This BTF contains the types of the records in ring buffers and perf event arrays, which the
    /// kernel does not know. Without this BTF, the types of records are not compared.
    /// [`object_btf`](crate::object_btf) extracts the BTF from the bytes of an object file.
    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        None
    }
}

/// A [`MapSource`] whose loader maps the object's arenas into memory, as libbpf does: see
/// [`Map::arena_in`](crate::Map::arena_in).
///
/// ```
/// use bpfmap::{ArenaSource, MapSource};
/// use core::ptr::NonNull;
/// use std::{io, os::fd::OwnedFd};
///
/// /// Your own loader, which maps the arena `pool` and keeps the arena mapped until the loader is
/// /// dropped.
/// struct Loader {
///     pool: OwnedFd,
///     start: NonNull<u8>,
/// }
///
/// impl MapSource for Loader {
///     fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
///         (name == "pool").then(|| self.pool.try_clone()).transpose()
///     }
/// }
///
/// // SAFETY: the whole arena `pool` is mapped at `start`, readable and writable, as long as the loader lives.
/// unsafe impl ArenaSource for Loader {
///     fn arena_start(&self, name: &str) -> Option<NonNull<u8>> {
///         (name == "pool").then_some(self.start)
///     }
/// }
/// ```
///
/// # Safety
///
/// If [`arena_start`](Self::arena_start) and [`map_fd`](MapSource::map_fd) are called with the same
/// name, both must refer to the same map. The whole arena of this map must be mapped for reading
/// and writing at the address that [`arena_start`](Self::arena_start) returns. The arena must stay
/// mapped as long as `self` is borrowed.
pub unsafe trait ArenaSource: MapSource {
    /// Returns the start address of the arena with this name, or `None` if the loader hasn't mapped
    /// the arena.
    fn arena_start(&self, name: &str) -> Option<NonNull<u8>>;
}

#[cfg(feature = "libbpf-rs")]
impl MapSource for libbpf_rs::Object {
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        use libbpf_rs::MapCore as _;
        use std::os::fd::AsFd as _;
        let Some(map) = self.maps().find(|map| map.name() == name) else { return Ok(None) };
        // libbpf uses a placeholder descriptor for a map that it did not create. A map that the loader reused exists,
        // even if creation was turned off.
        if !map.autocreate() && !crate::user_space::map::is_map(map.as_fd()) {
            return Ok(None);
        }
        map.as_fd().try_clone_to_owned().map(Some)
    }

    fn map_names(&self) -> Vec<String> {
        use libbpf_rs::MapCore as _;
        self.maps().map(|map| map.name().to_string_lossy().into_owned()).collect()
    }

    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        use libbpf_rs::AsRawLibbpf as _;
        use libbpf_rs::libbpf_sys::{bpf_object__btf, btf__raw_data};
        // SAFETY: the object is open as long as `self` lives.
        let btf = unsafe { bpf_object__btf(self.as_libbpf_object().as_ptr()) };
        if btf.is_null() {
            return None;
        }
        let mut len = 0;
        // SAFETY: the BTF belongs to the object, and nothing else uses it: `libbpf_rs::Object` can't be shared among
        // threads.
        let data = unsafe { btf__raw_data(btf, &raw mut len) };
        if data.is_null() {
            return None;
        }
        // SAFETY: libbpf has this many bytes there, and keeps them as long as the object lives.
        let data = unsafe { std::slice::from_raw_parts(data.cast(), usize::try_from(len).ok()?) };
        Some(Cow::Borrowed(data))
    }
}

#[cfg(feature = "libbpf-rs")]
// SAFETY: after libbpf has loaded the object, it has mapped each arena as a whole and returns its
// start as the arena's initial value. It unmaps the arena with the object. For a map of a different
// type, this function returns `None`.
unsafe impl ArenaSource for libbpf_rs::Object {
    fn arena_start(&self, name: &str) -> Option<NonNull<u8>> {
        use libbpf_rs::{AsRawLibbpf as _, MapCore as _, libbpf_sys};
        let map = self.maps().find(|map| map.name() == name)?;
        if map.map_type() != libbpf_rs::MapType::Arena {
            return None;
        }
        let mut size = 0;
        // SAFETY: the map belongs to libbpf, and there is a variable for the size, which is not used (it is the size of
        // the arena's variables).
        let start = unsafe {
            libbpf_sys::bpf_map__initial_value(map.as_libbpf_object().as_ptr(), &raw mut size)
        };
        NonNull::new(start.cast())
    }
}

/// Aya does not keep the BTF of the object, so the types of records in ring buffers and perf event
/// arrays are not compared. To compare these types, write a type that contains the `Ebpf` and the
/// bytes of the object file, and implement [`MapSource`] for this type. In [`MapSource::btf`],
/// return the result of [`object_btf`](crate::object_btf).
#[cfg(feature = "aya")]
impl MapSource for aya::Ebpf {
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        use std::os::fd::AsFd as _;
        self.map(name).map(|map| data_of(map).fd().as_fd().try_clone_to_owned()).transpose()
    }

    fn map_names(&self) -> Vec<String> {
        self.maps().map(|(name, _)| name.to_owned()).collect()
    }
}

/// Returns the `MapData` of a map. Each of aya's map types wraps such a `MapData`.
#[cfg(feature = "aya")]
fn data_of(map: &aya::maps::Map) -> &aya::maps::MapData {
    use aya::maps::Map as M;
    let (M::Array(data)
    | M::ArrayOfMaps(data)
    | M::BloomFilter(data)
    | M::CgroupArray(data)
    | M::CgroupStorage(data)
    | M::CgrpStorage(data)
    | M::CpuMap(data)
    | M::DevMap(data)
    | M::DevMapHash(data)
    | M::HashMap(data)
    | M::HashOfMaps(data)
    | M::InodeStorage(data)
    | M::LpmTrie(data)
    | M::LruHashMap(data)
    | M::PerCpuArray(data)
    | M::PerCpuCgroupStorage(data)
    | M::PerCpuHashMap(data)
    | M::PerCpuLruHashMap(data)
    | M::PerfEventArray(data)
    | M::ProgramArray(data)
    | M::Queue(data)
    | M::ReusePortSockArray(data)
    | M::RingBuf(data)
    | M::SockHash(data)
    | M::SockMap(data)
    | M::SkStorage(data)
    | M::Stack(data)
    | M::StackTraceMap(data)
    | M::Unsupported(data)
    | M::XskMap(data)) = map;
    data
}
