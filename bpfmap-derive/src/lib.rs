//! The derives `BpfType`, `BpfMap` and `BpfMaps`, which the crate `bpfmap` re-exports.
//!
//! A derive converts its item to the IR of schemas, and checks the item with the rules for schemas.
//! `bpfmap-schema` implements these two steps. The derive then implements the traits of `bpfmap`
//! for the item.

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

/// Makes a struct, a union, a newtype or an enum usable in Rust and in C, and proves that its
/// layout is the same in both languages.
///
/// The type must be `Copy` and `#[repr(C)]`. `repr(C, packed)` and `repr(C, align(N))` are also
/// allowed, and have the same effect on the C type. Each byte must belong to a field, because all
/// bytes are sent to the kernel. If the C type has padding, the struct must have a field at the
/// offset of the padding. This field is an array of bytes whose name begins with `_pad`, and is not
/// a member in C. Doc comments become comments in C.
///
/// ```
/// use bpfmap::{Be32, BpfType, Enum, Padded};
///
/// /// The source of a packet.
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
/// // Each member of a union must have the size of the union, so `v4` has padding.
/// #[derive(Clone, Copy, BpfType)]
/// #[repr(C)]
/// union Address {
///     v4: Padded<Be32, 12>,
///     v6: [u32; 4],
/// }
///
/// // A map stores an `Enum<Verdict>`, because a BPF program can also write other numbers.
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
/// | `align = N` | the alignment in C; only needed if members are stored in bytes, because `repr(align)` is otherwise sufficient |
/// | `typedef` | declares the type in C as `typedef struct NAME { … } NAME;`; unions and enums get a typedef in the same way |
/// | `kernel` | the kernel defines the type: the header does not define it, but checks the layout of the definition in `vmlinux.h` |
/// | `prefix = "V_"` | for an enum: the name of each constant in C is `V_` followed by the unchanged name of the variant, instead of `ENUM_VARIANT` |
/// | `packed` | the type is packed in C; needed if the Rust type can't be packed, as in `#[repr(C, align(8))] #[bpf_type(packed)]` |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `std_traits` | implements `Debug`, `Default` (all zero), `PartialEq`, `Eq`, `PartialOrd`, `Ord` and `Hash`, also for unions and packed structs; bit-fields are shown and compared as members |
/// | `variants(LOW = 1, …)` | for a newtype of an integer: makes the newtype an enum whose variants are constants |
/// | `crate = path` | the path of the crate `bpfmap` |
///
/// A `#[repr(transparent)]` struct with one member becomes a `typedef` of the member's type.
///
/// # Attributes of a member: `#[bpf(…)]`
///
/// | | |
/// | --- | --- |
/// | `name = "type"`, `tag = "…"` | the same as the attributes of a type |
/// | `char` | for `u8` and arrays of `u8`: the bytes are `char` in C; not needed for a `CharArray` |
/// | `points_to = "task_struct"` | the target of a `KernelPtr` |
/// | `kptr = …`, `kptr_untrusted = …`, `percpu_kptr = …` | the target of a `Kptr`: the Rust name of a struct of the schema, or a C name in quotes such as `"task_struct"` |
/// | `list_head = Job.node`, `rb_root = Job.node` | the type of the elements of a `ListHead` or an `RbRoot`, and their node member |
/// | `anonymous` | the member has no name in C; its type must be `in_place` |
/// | `bits(name: u8 = 3, …)` | the bytes are bit-fields; the type gets methods for them |
/// | `holds(name: TYPE)` | the bytes store a member that can't be a field of a packed struct in Rust |
///
/// # Errors
///
/// A declaration that breaks a rule does not compile. The error message contains the name of the
/// rule and an instruction. `bpfmap explain RULE` explains the rule in more detail.
#[proc_macro_derive(BpfType, attributes(bpf, bpf_type))]
pub fn derive_bpf_type(input: TokenStream) -> TokenStream {
    bpf_type::expand(input.into()).into()
}

/// Declares a map: implements `bpfmap::MapSpec` for the struct.
///
/// The fields declare the content of the map:
///
/// - `key` is the type of the keys. Leave out this field if the key is an index.
/// - `value` is the type of the values.
/// - `inner` is the template of a map of maps. Its type is another struct with this derive.
/// - `event` is the type of the records in a map that transfers records.
///
/// The fields are never read at run time. They accept the `#[bpf(…)]` attributes that describe
/// types. The attribute `#[bpf_map(…)]` sets the map type, and has the same keys as a schema in
/// TOML.
///
/// ```
/// use bpfmap::{BpfMap, MapSpec as _};
///
/// const ENTRIES: u32 = 64;
///
/// /// The counters of a single tenant.
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
/// | `hash`, `array`, … | the map type |
/// | `name = "counters"` | the name in C; the default is the name of the struct in `snake_case` |
/// | `max_entries = N`, `map_extra = N`, `numa_node = N` | these attributes are numbers, which can be any constant expression |
/// | `flags(no_prealloc, …)` | creation flags |
/// | `pinning = by_name` | pins the map by its name; other values are `none`, or a number that your own loader interprets |
/// | `key_size = N`, `value_size = N` | the size in bytes of a key or value without a type; replaces the field |
/// | `values(1 = name)` | the initial contents: for each index, the C name of a program or map |
/// | `ops = "tcp_congestion_ops"` | the kernel struct that a `struct_ops` map implements |
/// | `set_by_loader(max_entries)` | the loader sets `max_entries` |
/// | `min_kernel = "5.10"` | the oldest kernel on which the program runs: methods that need a newer kernel do not compile. Generated code uses the `min_kernel` of the schema |
/// | `optional` | the loader can leave out the map, so its handle is an `Option` |
/// | `btf = false` | the definition of the map contains only sizes, and no BTF types |
/// | `tag = "…"` | a BTF declaration tag; any number of them |
/// | `template` | the struct is only a template for the inner maps of another map |
/// | `crate = path` | the path of the crate `bpfmap` |
///
/// If the loader sets the type of a key, a value or an inner map, this type is a type parameter of
/// the struct. The application gives the type when it opens the map, and bpfmap compares this type
/// with the map in the kernel:
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
/// A declaration that breaks a rule does not compile. The error message contains the name of the
/// rule and an instruction. `bpfmap explain RULE` explains the rule in more detail. A derive sees
/// only its own item. `bpfmap check`, `bpfmap generate` and build scripts read the whole source,
/// and also check rules about several maps and about `min_kernel` in `bpfmap::schema!`.
#[proc_macro_derive(BpfMap, attributes(bpf, bpf_map))]
pub fn derive_bpf_map(input: TokenStream) -> TokenStream {
    bpf_map::expand(input.into()).into()
}

/// Implements functions that open all maps of a schema, for a struct that has a handle for each
/// map. `from_object` opens the maps, and `preflight` reports which features the running kernel
/// lacks. The constant `MIN_KERNEL` is the first kernel release that supports all maps that are not
/// optional.
///
/// `bpfmap generate` and `bpfmap convert` write a struct of this kind, which is called `Maps`. If
/// the loader sets a type of a map, leave out the map, or write the type, as in `Map<Kept<u64>>`.
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
///     // Call `preflight` before you load the object. Its error names the missing features, whereas libbpf returns only `EINVAL`.
///     Maps::preflight().expect("every kernel supports hash maps");
///     assert_eq!(Maps::MIN_KERNEL.to_string(), "3.19");
/// }
/// ```
///
/// A map is `optional` if the application can turn it off with `set_autocreate(false)` before it
/// loads the object. The handle of an optional map is `None` if the map was not created:
///
/// ```
/// use bpfmap::{BpfMap, BpfMaps, Map};
///
/// /// Debug messages, which the program only sends if the application runs with `--debug`.
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
/// The code does not compile if a field has no name, or if the type of a field is neither `Map<…>`
/// nor, for a map that is `optional`, `Option<Map<…>>`.
#[proc_macro_derive(BpfMaps, attributes(bpf_maps))]
pub fn derive_bpf_maps(input: TokenStream) -> TokenStream {
    bpf_maps::expand(input.into()).into()
}
