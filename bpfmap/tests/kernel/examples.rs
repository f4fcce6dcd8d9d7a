//! Runs the examples in the documentation of [`bpfmap::kind`]. The examples of `struct_ops`,
//! `stack_trace`, `cgroup_storage` and `percpu_cgroup_storage` need programs. `fixtures/tests`
//! tests the same operations.

use crate::common::{self, create, errno, kernel};
use bpfmap::kind::Kind as _;
use bpfmap::{Map, MapSpec};

#[test]
fn of_plain_maps() {
    hash::counts();
    array::doubles();
    percpu_hash::adds_up();
    percpu_array::resets();
    lru_hash::remembers();
    lru_percpu_hash::finds_the_most();
    lpm_trie::routes();
    queue::hands_over();
    stack::takes_the_newest();
    rhash::ends_a_session();
    bloom_filter::adds();
}

#[test]
fn of_maps_that_hold_objects() {
    prog_array::installs();
    cgroup_array::watches();
    array_of_maps::turns_the_page();
    hash_of_maps::admits_once();
}

#[test]
fn of_attached_values() {
    sk_storage::grants();
    inode_storage::marks_once();
    task_storage::forgets();
    cgrp_storage::weighs();
}

#[test]
fn of_streams_and_memory() {
    perf_event_array::drains();
    ringbuf::sums_up();
    user_ringbuf::tells();
    arena::leaves_a_number();
    insn_array::asks();
}

/// Creates the map. Returns `None` on a kernel that is older than the map type, after checking the
/// error.
fn since<S: MapSpec>(first: (u32, u32)) -> Option<Map<S>> {
    common::raise_memlock();
    let made = Map::<S>::create();
    if kernel() >= first {
        return Some(made.unwrap());
    }
    assert_eq!(errno(made), libc::EINVAL);
    println!("vmtest:note refused.{}=EINVAL, from Linux {}.{}", S::Kind::NAME, first.0, first.1);
    None
}

/// The example of a map type, and a function that runs the example.
macro_rules! example {
    ($name:ident: $path:literal $($rest:item)*) => {
        mod $name {
            #[allow(unused_imports, reason = "not every example needs all")]
            use super::*;
            use crate::spec;
            use bpfmap::TypeDesc;

            include!($path);
            $($rest)*
        }
    };
}

example! { hash: "../../src/kind/examples/hash.rs"
    spec!(Packets: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);

    pub(super) fn counts() {
        let packets = create::<Packets>();
        assert_eq!([(); 3].map(|()| count(&packets, 7).unwrap()), [1, 2, 3]);
    }
}

example! { array: "../../src/kind/examples/array.rs"
    spec!(Limits: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 3);

    pub(super) fn doubles() {
        let limits = create::<Limits>();
        limits.update(&2, &21, UpdateMode::Any).unwrap();
        double(&limits).unwrap();
        assert_eq!(limits.lookup(&2).unwrap(), Some(42));
    }
}

example! { percpu_hash: "../../src/kind/examples/percpu_hash.rs"
    spec!(Packets: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);

    pub(super) fn adds_up() {
        let packets = create::<Packets>();
        assert_eq!(total(&packets, 1).unwrap(), 0);
        let two = bpfmap::PerCpu::splat(2).unwrap();
        packets.insert(&1, &two).unwrap();
        assert_eq!(total(&packets, 1).unwrap(), 2 * two.len() as u64);
    }
}

example! { percpu_array: "../../src/kind/examples/percpu_array.rs"
    spec!(Counters: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1);

    pub(super) fn resets() {
        let counters = create::<Counters>();
        let three = PerCpu::splat(3).unwrap();
        counters.update(&0, &three, UpdateMode::Any).unwrap();
        assert_eq!(reset(&counters, 0).unwrap(), Some(3 * three.len() as u64));
        assert_eq!(reset(&counters, 0).unwrap(), Some(0));
        assert_eq!(reset(&counters, 1).unwrap(), None);
    }
}

example! { lru_hash: "../../src/kind/examples/lru_hash.rs"
    spec!(Flows: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);

    pub(super) fn remembers() {
        let flows = create::<Flows>();
        assert!(remember(&flows, 1, 5).unwrap());
        assert!(!remember(&flows, 1, 6).unwrap());
    }
}

example! { lru_percpu_hash: "../../src/kind/examples/lru_percpu_hash.rs"
    spec!(Flows: LruPercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);

    pub(super) fn finds_the_most() {
        let flows = create::<Flows>();
        assert_eq!(most(&flows, 1).unwrap(), None);
        flows.insert(&1, &bpfmap::PerCpu::splat(9).unwrap()).unwrap();
        assert_eq!(most(&flows, 1).unwrap(), Some(9));
    }
}

example! { lpm_trie: "../../src/kind/examples/lpm_trie.rs"
    #[repr(C)]
    struct Network {
        prefix_len: u32,
        address: [u8; 4],
    }
    bpfmap::plain_struct!(Network { prefix_len: u32, address: [u8; 4] });
    const NETWORK: &TypeDesc<'static> = &TypeDesc::Opaque { size: 8 };
    spec!(Routes: LpmTrie, Network as NETWORK => u32 as TypeDesc::U32, max 4,
        btf = false, flags = bpfmap::MapFlags::NO_PREALLOC);

    pub(super) fn routes() {
        let routes = create::<Routes>();
        let network = Network { prefix_len: 8, address: [10, 0, 0, 0] };
        let within = Network { prefix_len: 32, address: [10, 1, 2, 3] };
        let outside = Network { prefix_len: 32, address: [11, 1, 2, 3] };
        assert_eq!(route(&routes, network, within).unwrap(), Some(7));
        assert_eq!(route(&routes, network, outside).unwrap(), None);
    }
}

example! { queue: "../../src/kind/examples/queue.rs"
    spec!(Jobs: Queue, () as TypeDesc::VOID => u32 as TypeDesc::U32, max 1);

    pub(super) fn hands_over() {
        let jobs = create::<Jobs>();
        assert!(hand_over(&jobs, 1).unwrap());
        assert!(!hand_over(&jobs, 2).unwrap());
    }
}

example! { stack: "../../src/kind/examples/stack.rs"
    spec!(Ports: Stack, () as TypeDesc::VOID => u16 as TypeDesc::U16, max 2);

    pub(super) fn takes_the_newest() {
        let ports = create::<Ports>();
        assert!(ports.try_push(&8080).unwrap() && ports.try_push(&8081).unwrap());
        assert_eq!([(); 3].map(|()| free_port(&ports).unwrap()), [Some(8081), Some(8080), None]);
    }
}

example! { rhash: "../../src/kind/examples/rhash.rs"
    spec!(Sessions: Rhash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4,
        flags = bpfmap::MapFlags::NO_PREALLOC);

    pub(super) fn ends_a_session() {
        let Some(sessions) = since::<Sessions>((7, 2)) else { return };
        sessions.insert(&1, &5).unwrap();
        assert_eq!(end(&sessions, 1).unwrap(), Some(5));
        assert_eq!(end(&sessions, 1).unwrap(), None);
    }
}

example! { prog_array: "../../src/kind/examples/prog_array.rs"
    spec!(Jumps: ProgArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 2);

    pub(super) fn installs() {
        let jumps = create::<Jumps>();
        install(&jumps, &crate::programs::socket_filter()).unwrap();
        assert!(jumps.get(&1).unwrap().is_some());
    }
}

example! { cgroup_array: "../../src/kind/examples/cgroup_array.rs"
    spec!(Gates: CgroupArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 1);

    pub(super) fn watches() {
        let hierarchy = crate::cgroups::Cgroup2::mount("example-gates");
        let gates = create::<Gates>();
        watch(&gates, hierarchy.path()).unwrap();
        assert!(gates.delete(&0).unwrap());
    }
}

example! { array_of_maps: "../../src/kind/examples/array_of_maps.rs"
    spec!(Cells: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
    spec!(Paged: ArrayOfMaps, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 1,
        inner = &Cells::DEF);
    impl OuterMapSpec for Paged {
        type Inner = Cells;
    }

    pub(super) fn turns_the_page() {
        let pages = create::<Paged>();
        assert!(next_page(&pages).unwrap().is_none());
        let current = pages.inner(&0).unwrap().unwrap();
        current.update(&1, &5, bpfmap::UpdateMode::Any).unwrap();
        let old = next_page(&pages).unwrap().unwrap();
        assert_eq!(old.lookup(&1).unwrap(), Some(5));
    }
}

example! { hash_of_maps: "../../src/kind/examples/hash_of_maps.rs"
    spec!(PerSource: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
    spec!(ByTenant: HashOfMaps, u64 as TypeDesc::U64 => u32 as TypeDesc::U32, max 2,
        inner = &PerSource::DEF);
    impl OuterMapSpec for ByTenant {
        type Inner = PerSource;
    }

    pub(super) fn admits_once() {
        let tenants = create::<ByTenant>();
        assert!(admit(&tenants, 70).unwrap());
        assert!(!admit(&tenants, 70).unwrap());
    }
}

/// Maps with attached values need no `max_entries` and no preallocation.
macro_rules! storage {
    ($name:ident: $kind:ident) => {
        spec!($name: $kind, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 0,
            flags = bpfmap::MapFlags::NO_PREALLOC);
    };
}

example! { sk_storage: "../../src/kind/examples/sk_storage.rs"
    storage!(Budgets: SkStorage);

    pub(super) fn grants() {
        let budgets = create::<Budgets>();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(grant(&budgets, &socket).unwrap(), None);
        assert_eq!(grant(&budgets, &socket).unwrap(), Some(1000));
    }
}

example! { inode_storage: "../../src/kind/examples/inode_storage.rs"
    storage!(Marks: InodeStorage);

    pub(super) fn marks_once() {
        let marks = create::<Marks>();
        let file = File::open("/proc/self/exe").unwrap();
        let marked = mark(&marks, &file);
        if !crate::lsm::has_bpf_lsm() {
            assert_eq!(errno(marked), libc::EBADF);
            println!("vmtest:note refused.attach=EBADF, without `bpf` in the kernel's lsm=");
            return;
        }
        assert!(marked.unwrap());
        assert!(!mark(&marks, &file).unwrap());
    }
}

example! { task_storage: "../../src/kind/examples/task_storage.rs"
    storage!(Accounts: TaskStorage);

    pub(super) fn forgets() {
        let Some(accounts) = since::<Accounts>((5, 11)) else { return };
        let own = PidFd::open(std::process::id()).unwrap();
        accounts.attach(PidFd::new(own.as_fd()), &3).unwrap();
        assert_eq!(forget(&accounts, std::process::id()).unwrap(), Some(3));
        assert_eq!(forget(&accounts, std::process::id()).unwrap(), None);
    }
}

example! { cgrp_storage: "../../src/kind/examples/cgrp_storage.rs"
    storage!(Weights: CgrpStorage);

    pub(super) fn weighs() {
        let Some(weights) = since::<Weights>((6, 2)) else { return };
        let hierarchy = crate::cgroups::Cgroup2::mount("example-weights");
        weigh(&weights, hierarchy.path()).unwrap();
        let root = File::open(hierarchy.path()).unwrap();
        assert_eq!(weights.attached(CgroupFd::new(root.as_fd())).unwrap(), Some(7));
        // The root cgroup continues to exist after the map is closed, but the values that are
        // attached to it are removed.
        assert!(weights.detach(CgroupFd::new(root.as_fd())).unwrap());
    }
}

/// A map of events that are numbers.
macro_rules! events {
    ($name:ident: $kind:ident, $key:ty as $layout:expr => $value:ty as $value_layout:expr, max $max:expr) => {
        spec!($name: $kind, $key as $layout => $value as $value_layout, max $max,
            event = TypeDesc::U64);
        impl EventSpec for $name {
            type Event = u64;
        }
    };
}

example! { perf_event_array: "../../src/kind/examples/perf_event_array.rs"
    events!(Sent: PerfEventArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 0);

    pub(super) fn drains() {
        let mut buffer = open(&create::<Sent>()).unwrap();
        assert_eq!(drain(&mut buffer).unwrap(), (0, 0), "no program has sent anything");
    }
}

example! { ringbuf: "../../src/kind/examples/ringbuf.rs"
    events!(Sent: Ringbuf, () as TypeDesc::VOID => () as TypeDesc::VOID, max 4096);

    pub(super) fn sums_up() {
        assert_eq!(sum(&create::<Sent>()).unwrap(), 0, "no program has sent anything");
    }
}

example! { user_ringbuf: "../../src/kind/examples/user_ringbuf.rs"
    events!(Told: UserRingbuf, () as TypeDesc::VOID => () as TypeDesc::VOID, max 4096);

    pub(super) fn tells() {
        let Some(numbers) = since::<Told>((6, 1)) else { return };
        // Each number needs 16 of the 4096 bytes.
        for number in 0..256 {
            assert!(tell(&numbers, number).unwrap());
        }
        assert!(!tell(&numbers, 256).unwrap(), "no program reads");
    }
}

example! { arena: "../../src/kind/examples/arena.rs"
    spec!(Pool: Arena, () as TypeDesc::VOID => () as TypeDesc::VOID, max 1,
        flags = bpfmap::MapFlags::MMAPABLE);

    pub(super) fn leaves_a_number() {
        let Some(pool) = since::<Pool>((6, 9)) else { return };
        assert_eq!(leave(&pool, 42).unwrap(), 42);
    }
}

example! { insn_array: "../../src/kind/examples/insn_array.rs"
    spec!(Targets: InsnArray, u32 as TypeDesc::U32 => InsnOffsets as &TypeDesc::Opaque { size: 16 }, max 1);

    pub(super) fn asks() {
        let Some(targets) = since::<Targets>((6, 19)) else { return };
        ask(&targets).unwrap();
        assert_eq!(targets.lookup(&0).unwrap().unwrap().orig_off, 3);
        assert_eq!(errno(ask(&targets)), libc::EPERM, "it is frozen");
    }
}

example! { bloom_filter: "../../src/kind/examples/bloom_filter.rs"
    spec!(Seen: BloomFilter, () as TypeDesc::VOID => u32 as TypeDesc::U32, max 100);

    pub(super) fn adds() {
        let Some(seen) = since::<Seen>((5, 16)) else { return };
        assert!(add(&seen, 1).unwrap());
        assert!(!add(&seen, 1).unwrap());
    }
}
