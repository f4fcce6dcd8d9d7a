//! `#[derive(BpfType)]` and `#[derive(BpfMap)]`, which the crate `bpfmap` hands on.
//!
//! The item becomes the schema's IR, is checked against the rules that every schema is held to, and then becomes the
//! traits by which `bpfmap` knows it. All of that but the last step is bpfmap-codegen's.

mod alone;
mod below;
mod bits;
mod bpf_map;
mod bpf_maps;
mod bpf_type;
mod elsewhere;
mod enumeration;
mod findings;
mod layout;
mod limits;
mod methods;
mod proof;
#[cfg(test)]
mod same_rules;
mod std_traits;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct, a union, a new type or an enum one that both sides have, and proves that Rust lays it
/// out as C does.
///
/// The type is `Copy`, and `#[repr(C)]`: `repr(C, packed)` and `repr(C, align(N))` are said in C as well.
/// Each byte has a name, since all of them are sent to the kernel: where C has padding, the struct has a
/// field called `_pad…` of bytes, which is no member of the C. Doc comments become comments of the C.
///
/// ```
/// use bpfmap::{Be32, BpfType, Enum, Padded};
///
/// /// Where a packet comes from.
/// #[derive(Clone, Copy, BpfType)]
/// #[repr(C)]
/// struct Source {
///     address: Address,
///     #[bpf(name = "type")]
///     kind: u8,
///     verdict: Enum<Verdict>,
///     #[bpf(bits(vlan: u16 = 12, tagged: bool = 1))]
///     bits0: [u8; 2],
/// }
///
/// // Each member of a union fills it.
/// #[derive(Clone, Copy, BpfType)]
/// #[repr(C)]
/// union Address {
///     v4: Padded<Be32, 12>,
///     v6: [u32; 4],
/// }
///
/// // The kernel may hold another number: `Enum<Verdict>` is what a map holds.
/// #[derive(Clone, Copy, Debug, PartialEq, BpfType)]
/// #[repr(u8)]
/// enum Verdict {
///     Pass,
///     Drop,
/// }
///
/// let source = bpfmap::zeroed::<Source>().with_vlan(7).with_tagged(true);
/// assert_eq!((source.vlan(), source.verdict.get()), (7, Ok(Verdict::Pass)));
/// ```
///
/// # Attributes of the type: `#[bpf_type(…)]`
///
/// | | |
/// | --- | --- |
/// | `name = "ip_key"` | the name in C; else that of the type in `snake_case` |
/// | `in_place` | it has no name in C, and is written where a member is of it |
/// | `align = N` | an alignment that C is asked for; `repr(align)` alone is taken for it too, unless members in bytes make it necessary |
/// | `typedef` | C has `typedef struct NAME { … } NAME;`, of unions and enums too |
/// | `kernel` | the kernel defines it: the header leaves it to `vmlinux.h`, and proves its layout |
/// | `prefix = "V_"` | of an enum: in C `V_` and the variant's name as it is, not `ENUM_VARIANT` |
/// | `packed` | in C, where Rust can't be: `#[repr(C, align(8))] #[bpf_type(packed)]` |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `std_traits` | implements `Debug`, `Default` (all zero), `PartialEq`, `Eq`, `PartialOrd`, `Ord` and `Hash`, of unions and packed structs too; bit-fields are shown and compared as members |
/// | `variants(LOW = 1, …)` | of a new type of an integer: an enum whose variants are constants |
/// | `crate = path` | how the crate `bpfmap` is called |
///
/// `#[repr(transparent)]` on a struct of one member makes another name of the member's type, a `typedef`.
///
/// # Attributes of a member: `#[bpf(…)]`
///
/// | | |
/// | --- | --- |
/// | `name = "type"`, `tag = "…"` | as of types |
/// | `char` | the bytes are `char` in C, of `u8` and arrays of it; a `CharArray` is without being told |
/// | `points_to = "task_struct"` | of a `KernelPtr`, what it leads to |
/// | `kptr = …`, `kptr_untrusted = …`, `percpu_kptr = …` | of a `Kptr`: a struct of the schema, as Rust calls it, or as C does: `"task_struct"` |
/// | `list_head = Job.node`, `rb_root = Job.node` | of a `ListHead` and an `RbRoot` |
/// | `anonymous` | the member has no name in C; its type is `in_place` |
/// | `bits(name: u8 = 3, …)` | the bytes are bit-fields; the type has methods for them |
/// | `holds(name: TYPE)` | the bytes hold a member that Rust can't place, in a packed struct |
///
/// # Errors
///
/// What breaks a rule of schemas does not compile; the message says which and what to do, and `bpfmap
/// explain RULE` more.
#[proc_macro_derive(BpfType, attributes(bpf, bpf_type))]
pub fn derive_bpf_type(input: TokenStream) -> TokenStream {
    bpf_type::expand(input.into()).into()
}

/// Declares a map: the struct becomes its spec, `bpfmap::MapSpec`.
///
/// The fields say what the map holds: `key` and `value`, `value` alone where the key is an index,
/// `inner` of maps of maps (another struct with this derive), `event` of what carries records. They are
/// never read, and take the attributes `#[bpf(…)]` that are about a type. The attribute `#[bpf_map(…)]`
/// says the map's type, and what a schema in TOML says by the same words.
///
/// ```
/// use bpfmap::{BpfMap, MapSpec as _};
///
/// const ENTRIES: u32 = 64;
///
/// /// The counters of a tenant.
/// #[derive(BpfMap)]
/// #[bpf_map(template, array, max_entries = 16)]
/// struct TenantsInner {
///     value: u64,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash_of_maps, max_entries = ENTRIES, pinning = by_name)]
/// struct Tenants {
///     key: u32,
///     inner: TenantsInner,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(prog_array, max_entries = 8, values(1 = handle_ipv4))]
/// struct Jumps;
///
/// assert_eq!((Tenants::DEF.name, Tenants::DEF.max_entries), ("tenants", Some(64)));
/// ```
///
/// | | |
/// | --- | --- |
/// | `hash`, `array`, … | the map's type |
/// | `name = "counters"` | the name in C; else that of the struct in `snake_case` |
/// | `max_entries = N`, `map_extra = N`, `numa_node = N` | numbers; any constant expression |
/// | `flags(no_prealloc, …)` | creation flags |
/// | `pinning = by_name` | or `none`, or a number of your own loader's |
/// | `key_size = N`, `value_size = N` | bytes that no type describes, in place of the field |
/// | `values(1 = name)` | initial contents: programs or maps, as C calls them |
/// | `ops = "tcp_congestion_ops"` | of `struct_ops`, whose place its programs take |
/// | `set_by_loader(max_entries)` | the loader sets the number |
/// | `min_kernel = "5.10"` | the oldest kernel that has to take the map: methods that it lacks do not compile. Generated code has the schema's |
/// | `optional` | the loader may leave out the map: its handle is an `Option` |
/// | `btf = false` | described by its sizes alone |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `template` | no map of its own: it says what the maps in another one are like |
/// | `crate = path` | how the crate `bpfmap` is called |
///
/// A key, a value or an inner map that only the loader knows, since it sets its size before it loads the object, is a
/// parameter of the struct. The program says which it is where it opens the map, and that is compared with the real
/// one:
///
/// ```
/// use bpfmap::{BpfMap, Map};
///
/// /// What is kept for each address, as long as the command line says.
/// #[derive(BpfMap)]
/// #[bpf_map(hash, set_by_loader(max_entries))]
/// struct Kept<V> {
///     key: u32,
///     value: V,
/// }
///
/// fn open(object: &impl bpfmap::MapSource) -> bpfmap::Result<Map<Kept<[u64; 4]>>> {
///     Map::from_object(object)
/// }
/// ```
///
/// # Errors
///
/// What breaks a rule of schemas does not compile; the message says which and what to do, and `bpfmap
/// explain RULE` more. Rules about several maps, and those of the kernel that `bpfmap::schema!` asks for,
/// take the whole source: `bpfmap check`, `bpfmap generate` and build scripts hold it to them.
#[proc_macro_derive(BpfMap, attributes(bpf, bpf_map))]
pub fn derive_bpf_map(input: TokenStream) -> TokenStream {
    bpf_map::expand(input.into()).into()
}

/// Opens all maps of a schema at once: implements `from_object` for a struct with a handle of each map, `preflight`, which
/// says what the running kernel lacks for them, and the constant `MIN_KERNEL`.
///
/// `bpfmap generate` and `bpfmap convert` write such a struct, called `Maps`. Leave out maps of which the loader sets a
/// part, unless you name it: `Map<Kept<u64>>`.
///
/// ```
/// use bpfmap::{BpfMap, BpfMaps, Map};
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 64)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// #[derive(Debug, BpfMaps)]
/// struct Maps {
///     counters: Map<Counters>,
/// }
///
/// fn open(object: &impl bpfmap::MapSource) -> bpfmap::Result<Maps> {
///     Maps::from_object(object)
/// }
///
/// fn main() {
///     // Before the object is loaded: names what this kernel lacks, where loading would fail with `EINVAL`.
///     Maps::preflight().expect("each kernel has hash maps");
///     assert_eq!(Maps::MIN_KERNEL.to_string(), "3.19");
/// }
/// ```
///
/// A map that the program may leave out when it loads the object (`set_autocreate(false)`) is `optional`. Its handle is
/// `None` if the map was not created:
///
/// ```
/// use bpfmap::{BpfMap, BpfMaps, Map};
///
/// /// Messages, if the program was started with `--debug`.
/// #[derive(BpfMap)]
/// #[bpf_map(ringbuf, max_entries = 65536, optional)]
/// struct Debug;
///
/// #[derive(Debug, BpfMaps)]
/// struct Maps {
///     debug: Option<Map<Debug>>,
/// }
/// ```
///
/// `#[bpf_maps(crate = path)]` says how the crate `bpfmap` is called.
///
/// # Errors
///
/// The struct must have named fields, each of a type `Map<…>`, or `Option<Map<…>>` exactly where the map is `optional`.
/// Anything else does not compile.
#[proc_macro_derive(BpfMaps, attributes(bpf_maps))]
pub fn derive_bpf_maps(input: TokenStream) -> TokenStream {
    bpf_maps::expand(input.into()).into()
}
