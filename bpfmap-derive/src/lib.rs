//! The derives `BpfType`, `BpfMap` and `BpfMaps`, which the crate `bpfmap` re-exports.
//!
//! The item is converted to the schema's IR and checked with the rules for schemas. Then the derive
//! implements the traits of `bpfmap`. The first two steps are implemented in bpfmap-schema.

mod alone;
mod below;
mod bits;
mod bpf_map;
mod bpf_maps;
mod bpf_type;
mod definition;
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

/// Makes a struct, a union, a newtype or an enum available on both sides, and proves that its layout is the same in
/// Rust and C.
///
/// The type must be `Copy` and `#[repr(C)]`; `repr(C, packed)` and `repr(C, align(N))` also apply
/// in C. All bytes are sent to the kernel, so each byte must belong to a field. If C has padding,
/// the struct must have a field of bytes called `_pad…` there, which is not a member in C. Doc
/// comments become comments in C.
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
/// // Each member of a union fills the whole union.
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
/// | `name = "ip_key"` | the name in C; the default is the name of the type in `snake_case` |
/// | `in_place` | the type has no name in C, and is declared in place in each member that uses it |
/// | `align = N` | the alignment in C; only needed for a type with members stored in bytes, otherwise `repr(align)` is enough |
/// | `typedef` | C has `typedef struct NAME { … } NAME;`, also for unions and enums |
/// | `kernel` | the kernel defines the type: the header leaves it to `vmlinux.h` and checks its layout |
/// | `prefix = "V_"` | for an enum: the constants in C are `V_` and the unchanged name of the variant instead of `ENUM_VARIANT` |
/// | `packed` | packed in C, if the Rust type can't be packed: `#[repr(C, align(8))] #[bpf_type(packed)]` |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `std_traits` | implements `Debug`, `Default` (all zero), `PartialEq`, `Eq`, `PartialOrd`, `Ord` and `Hash`, also for unions and packed structs; bit-fields are shown and compared as members |
/// | `variants(LOW = 1, …)` | for a newtype of an integer: makes it an enum whose variants are constants |
/// | `crate = path` | the path of the crate `bpfmap` |
///
/// A `#[repr(transparent)]` struct with one member becomes another name for the member's type, a `typedef`.
///
/// # Attributes of a member: `#[bpf(…)]`
///
/// | | |
/// | --- | --- |
/// | `name = "type"`, `tag = "…"` | the same as for types |
/// | `char` | for `u8` and arrays of `u8`: the bytes are `char` in C; not needed for a `CharArray` |
/// | `points_to = "task_struct"` | the target of a `KernelPtr` |
/// | `kptr = …`, `kptr_untrusted = …`, `percpu_kptr = …` | the target of a `Kptr`: the Rust name of a struct of the schema, or a name in C: `"task_struct"` |
/// | `list_head = Job.node`, `rb_root = Job.node` | the elements of a `ListHead` or an `RbRoot` |
/// | `anonymous` | the member has no name in C; its type is `in_place` |
/// | `bits(name: u8 = 3, …)` | the bytes are bit-fields; the type gets methods for them |
/// | `holds(name: TYPE)` | the bytes store a member that can't be a field in Rust, in a packed struct |
///
/// # Errors
///
/// A declaration that breaks a rule does not compile. The message names the rule and says what to do, and `bpfmap
/// explain RULE` says more.
#[proc_macro_derive(BpfType, attributes(bpf, bpf_type))]
pub fn derive_bpf_type(input: TokenStream) -> TokenStream {
    bpf_type::expand(input.into()).into()
}

/// Declares a map: the struct becomes its spec, `bpfmap::MapSpec`.
///
/// The fields declare the content of the map: `key` and `value`, or only `value` if the key is an
/// index; `inner` for maps of maps (another struct with this derive); `event` for maps with
/// records. The fields are never read. They accept the `#[bpf(…)]` attributes that describe types.
/// The attribute `#[bpf_map(…)]` sets the map type and has the same keys as a schema in TOML.
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
/// | `name = "counters"` | the name in C; the default is the name of the struct in `snake_case` |
/// | `max_entries = N`, `map_extra = N`, `numa_node = N` | numbers; any constant expression |
/// | `flags(no_prealloc, …)` | creation flags |
/// | `pinning = by_name` | or `none`, or a number for your own loader |
/// | `key_size = N`, `value_size = N` | the size of bytes without a type, instead of the field |
/// | `values(1 = name)` | initial contents: each index with the C name of a program or map |
/// | `ops = "tcp_congestion_ops"` | the kernel struct that a `struct_ops` map implements |
/// | `set_by_loader(max_entries)` | the loader sets the number |
/// | `min_kernel = "5.10"` | the oldest kernel that the map supports: methods that need a newer kernel do not compile. Generated code uses the `min_kernel` of the schema |
/// | `optional` | the loader may leave out the map: its handle is an `Option` |
/// | `btf = false` | no BTF, only sizes |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `template` | only a template for the inner maps of another map |
/// | `crate = path` | the path of the crate `bpfmap` |
///
/// If the loader sets a key, a value or an inner map before it loads the object, its type is a parameter of the struct.
/// The application names the type when it opens the map, and opening compares it with the real map:
///
/// ```
/// use bpfmap::{BpfMap, Map};
///
/// /// The data of each address, whose type depends on the command line.
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
/// A declaration that breaks a rule does not compile. The message names the rule and says what to do, and `bpfmap
/// explain RULE` says more. Rules about several maps, and those about `min_kernel` in `bpfmap::schema!`, need the whole
/// source: `bpfmap check`, `bpfmap generate` and build scripts check them.
#[proc_macro_derive(BpfMap, attributes(bpf, bpf_map))]
pub fn derive_bpf_map(input: TokenStream) -> TokenStream {
    bpf_map::expand(input.into()).into()
}

/// Opens all maps of a schema at once. Implements `from_object` for a struct with a handle for each map, `preflight`,
/// which reports what the running kernel lacks, and the constant `MIN_KERNEL`.
///
/// `bpfmap generate` and `bpfmap convert` write such a struct, called `Maps`. Leave out maps with types that the loader
/// sets, or name the types: `Map<Kept<u64>>`.
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
///     // Call it before loading the object. It names what this kernel lacks, while loading would only fail with `EINVAL`.
///     Maps::preflight().expect("each kernel has hash maps");
///     assert_eq!(Maps::MIN_KERNEL.to_string(), "3.19");
/// }
/// ```
///
/// If the program may leave out a map when it loads the object (`set_autocreate(false)`), the map is `optional`. Its
/// handle is `None` if the map was not created:
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
/// `#[bpf_maps(crate = path)]` sets the path of the crate `bpfmap`.
///
/// # Errors
///
/// The struct must have named fields of the type `Map<…>`, or `Option<Map<…>>` if the map is `optional`. Anything else
/// does not compile.
#[proc_macro_derive(BpfMaps, attributes(bpf_maps))]
pub fn derive_bpf_maps(input: TokenStream) -> TokenStream {
    bpf_maps::expand(input.into()).into()
}
