//! Checks each section of the tour: the statements of the README and of `examples/README.md` about
//! today's kernels.

use bpfmap_fixture::{Cgroup2, KernelVersion, running_kernel};
use tour::SECTIONS;

/// Runs a section and compares its lines.
#[track_caller]
fn expect(name: &str, lines: &[&str]) {
    let section = SECTIONS.iter().find(|section| section.name == name).expect("there is one");
    let found = section.run().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(found, lines, "{name}");
}

#[test]
fn creating_a_map() {
    expect(
        "create",
        &[
            "100 entries: 4 bytes of key, 4 bytes of value",
            "without preallocation: true",
            "0 entries: Invalid argument (os error 22)",
            "4294967295 entries: Argument list too long (os error 7)",
        ],
    );
}

#[test]
fn updating_elements() {
    expect(
        "update",
        &[
            "user space, key 1, Any: done",
            "user space, key 1, NoExist: File exists (os error 17)",
            "user space, key 1234, Exist: No such file or directory (os error 2)",
            "user space, key 1, Exist: done",
            "program, key 2, Any: done",
            "program, key 2, NoExist: File exists (os error 17)",
            "program, key 1234, Exist: No such file or directory (os error 2)",
            "program, key 2, Exist: done",
        ],
    );
}

#[test]
fn looking_up_elements() {
    expect(
        "lookup",
        &[
            "user space, key 1: Some(1234)",
            "program, key 1: 1234",
            "user space, key 2: None",
            "program, key 2: No such file or directory (os error 2)",
        ],
    );
}

#[test]
fn deleting_elements() {
    expect(
        "delete",
        &[
            "user space: deleted true",
            "user space: deleted false",
            "program: done",
            "program: No such file or directory (os error 2)",
        ],
    );
}

#[test]
fn iterating_over_elements() {
    expect(
        "iterate",
        &[
            "entries: 5",
            "after an absent key comes the first one: true",
            "after the last key: None",
            "deleting the second of 5 keys by hand: 6 visited",
            "deleting each of 5 keys in a loop: 5 visited, 0 left",
        ],
    );
}

#[test]
fn looking_up_and_deleting_in_one_step() {
    if running_kernel() < KernelVersion::new(5, 14) {
        println!("vmtest:note refused.take=ENOTSUPP, from Linux 5.14");
        let refused = "Unknown error 524 (os error 524)";
        expect("take", &[&format!("first: {refused}"), &format!("then: {refused}")]);
    } else {
        expect("take", &["first: Some(1234)", "then: None"]);
    }
}

#[test]
fn arrays() {
    expect(
        "array",
        &[
            "at first: Some(0)",
            "counted three times: Some(3)",
            "indices: [0, 1, 2, 3]",
            "index 0, NoExist: File exists (os error 17)",
            "index 0, Exist: done",
            "index 4, Any: Argument list too long (os error 7)",
            "index 4: None",
        ],
    );
}

#[test]
fn arrays_of_programs() {
    expect(
        "prog_array",
        &[
            "index 0 is empty: 1 run",
            "index 0 is a program: true",
            // 33 tail calls follow the first run.
            "a program that calls itself: 34 runs",
            "deleted: true",
        ],
    );
}

#[test]
fn per_cpu_arrays_and_hashes() {
    expect(
        "percpu",
        &["a value for each CPU: true", "array, on all CPUs: 3", "hash, on all CPUs: 3"],
    );
}

#[test]
fn arrays_of_cgroups() {
    let _cgroups = Cgroup2::mount();
    expect(
        "cgroup_array",
        &[
            "in the cgroup at index 0, the root: true",
            "in the cgroup at index 1, another cgroup: false",
            "in the cgroup at index 2, empty: Resource temporarily unavailable (os error 11)",
            "in the cgroup at index 3, out of range: Argument list too long (os error 7)",
            "a file in the directory of a cgroup, used as a cgroup: Bad file descriptor (os error 9)",
        ],
    );
}

#[test]
fn lru_hashes() {
    expect(
        "lru",
        &[
            "129 inserted in a map of 128: 0 refused",
            "no more than 128 are left: true",
            "the newest is there: true",
            "per CPU, the newest is there: true",
        ],
    );
}

#[test]
fn hashes_of_maps() {
    expect(
        "hash_of_maps",
        &[
            "no map: No such file or directory (os error 2)",
            "a map: done",
            "counted in the first map: Some(1)",
            "counted in the map that replaced it: Some(2)",
        ],
    );
}

#[test]
fn maps_of_network_interfaces() {
    expect(
        "devmap",
        &[
            "no interface: XDP_PASS",
            "an interface: XDP_REDIRECT",
            "the map shows it: true",
            "deleted: XDP_PASS",
            "an interface that does not exist: Invalid argument (os error 22)",
        ],
    );
}

#[test]
fn maps_of_cpus() {
    expect("cpumap", &["no queue: XDP_PASS", "a queue: XDP_REDIRECT", "deleted: XDP_PASS"]);
}

#[test]
fn maps_of_xdp_sockets() {
    let without_ring = if running_kernel() < KernelVersion::new(7, 1) {
        "a socket without a ring: done"
    } else {
        "a socket without a ring: No buffer space available (os error 105)"
    };
    expect(
        "xskmap",
        &["no socket: XDP_PASS", "a socket: XDP_REDIRECT", "closed: XDP_PASS", without_ring],
    );
}

#[test]
fn arrays_of_sockets() {
    expect(
        "sockmap",
        &[
            "through two connections: spliced",
            "the map shows the socket's cookie: true",
            "closed: None",
        ],
    );
}

#[test]
fn hashes_of_sockets() {
    expect("sockhash", &["arrived: question", "arrived: answer", "messages that bypassed TCP: 2"]);
}

#[test]
fn values_of_cgroups() {
    let _cgroups = Cgroup2::mount();
    expect(
        "cgroup_storage",
        &[
            "before the program is attached: None",
            "update: No such file or directory (os error 2)",
            "packets were counted: true",
            "packets were counted on some CPU: true",
            "update: done",
        ],
    );
}

#[test]
fn sockets_that_share_a_port() {
    expect(
        "reuseport",
        &[
            "socket 1 received 1",
            "socket 0 received 0",
            "socket 1 received 1",
            "a socket that shares no port: Invalid argument (os error 22)",
        ],
    );
}

#[test]
fn queues_and_stacks() {
    expect(
        "queue",
        &[
            "a fourth in a queue of 3: Argument list too long (os error 7)",
            "a fourth on a stack of 3: Argument list too long (os error 7)",
            "with Exist: done",
            "queue, peek: Some(2)",
            "queue, pop: [Some(2), Some(3), Some(4), None]",
            "stack, pop: [Some(3), Some(2), Some(1), None]",
        ],
    );
}

#[test]
fn the_readme_shows_what_the_tour_prints() {
    let readme = include_str!("../README.md");
    for name in ["update", "iterate"] {
        let section = SECTIONS.iter().find(|section| section.name == name).expect("there is one");
        let lines = section.run().unwrap().join("\n    ");
        let printed = format!("{} ({name})\n    {lines}\n", section.title);
        assert!(readme.contains(&printed), "the README does not have:\n{printed}");
    }
}

/// Each section has a test above, which fails if the section is missing.
#[test]
fn each_section_is_tested() {
    let source = include_str!("answers.rs");
    for section in SECTIONS {
        let tested = source.contains(&format!("\"{}\"", section.name));
        assert!(tested, "the section `{}` is not tested", section.name);
    }
}
