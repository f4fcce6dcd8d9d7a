//! Maps that contain programs, cgroups or maps, and maps with values that belong to cgroups.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bpfmap::{CgroupFd, Map, ProgramFd, UpdateMode};

use crate::maps::{Action, TenantsInner};
use crate::{Loaded, Result, answer, helper_answer, signed};

pub(crate) fn prog_array(loaded: &Loaded) -> Result<Vec<String>> {
    let (jumps, cells) = (&loaded.maps.jumps, &loaded.maps.cells);
    let runs = || Ok::<_, bpfmap::Error>(cells.lookup(&1)?.unwrap_or_default());
    loaded.run("again")?;
    let mut lines = vec![format!("index 0 is empty: {} run", runs()?)];

    cells.update(&1, &0, UpdateMode::Any)?;
    let again = loaded.program("again")?;
    jumps.set(&0, ProgramFd::new(again.as_fd()))?;
    lines.push(format!("index 0 is a program: {}", jumps.get(&0)?.is_some()));
    loaded.run("again")?;
    lines.push(format!("a program that calls itself: {} runs", runs()?));
    lines.push(format!("deleted: {}", jumps.delete(&0)?));
    Ok(lines)
}

pub(crate) fn cgroup_array(loaded: &Loaded) -> Result<Vec<String>> {
    let gates = &loaded.maps.gates;
    let root = cgroup2()?;
    // This process is below the root cgroup, but not in a new cgroup.
    let made = Made::new(&root)?;
    gates.set(&0, CgroupFd::new(File::open(&root)?.as_fd()))?;
    gates.set(&1, CgroupFd::new(File::open(&made.0)?.as_fd()))?;
    let mut lines = vec![];
    for (index, name) in [(0, "the root"), (1, "another cgroup"), (2, "empty"), (3, "out of range")]
    {
        loaded.ask(Action::Update, index, 0, UpdateMode::Any)?;
        // A raw tracepoint program gets no packet.
        let returned = loaded.program("in_gate")?.test_run(libbpf_rs::ProgramInput::default())?;
        let found = match signed(returned.return_value) {
            error if error < 0 => helper_answer(error),
            within => (within == 1).to_string(),
        };
        lines.push(format!("in the cgroup at index {index}, {name}: {found}"));
    }
    // Only the directory of a cgroup2 hierarchy is a cgroup; a file in it is not.
    let file = File::open(root.join("cgroup.procs"))?;
    let refused = answer(gates.set(&2, CgroupFd::new(file.as_fd())));
    lines.push(format!("a file in the directory of a cgroup, used as a cgroup: {refused}"));
    Ok(lines)
}

pub(crate) fn hash_of_maps(loaded: &Loaded) -> Result<Vec<String>> {
    let tenants = &loaded.maps.tenants;
    let mut lines = vec![];
    loaded.ask(Action::Update, 70, 0, UpdateMode::Any)?;
    lines.push(format!("no map: {}", helper_answer(loaded.run("count_for_tenant")?)));
    let first = Map::<TenantsInner>::create()?;
    tenants.set(&70, &first)?;
    lines.push(format!("a map: {}", helper_answer(loaded.run("count_for_tenant")?)));
    let second = Map::<TenantsInner>::create()?;
    tenants.set(&70, &second)?;
    for _ in 0..2 {
        loaded.run("count_for_tenant")?;
    }
    lines.push(format!("counted in the first map: {:?}", first.lookup(&0)?));
    lines.push(format!("counted in the map that replaced it: {:?}", second.lookup(&0)?));
    Ok(lines)
}

pub(crate) fn cgroup_storage(loaded: &Loaded) -> Result<Vec<String>> {
    let (sent, cpu_sent) = (&loaded.maps.sent, &loaded.maps.cpu_sent);
    let root = cgroup2()?;
    let id = fs::metadata(&root)?.ino();
    let mut lines = vec![];
    lines.push(format!("before the program is attached: {:?}", sent.lookup(&id)?));
    // User space can change a value, but not create one.
    lines.push(format!("update: {}", answer(sent.update(&id, &1, UpdateMode::Any))));

    let program = loaded.program("count_sent")?;
    let link = program.attach_cgroup(File::open(&root)?.as_raw_fd())?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(b"packet", socket.local_addr()?)?;
    // Other processes may have sent something, too.
    lines.push(format!("packets were counted: {}", sent.lookup(&id)?.is_some_and(|sent| sent > 0)));
    let on_all_cpus = cpu_sent.lookup(&id)?.is_some_and(|sent| sent.iter().sum::<u64>() > 0);
    lines.push(format!("packets were counted on some CPU: {on_all_cpus}"));
    lines.push(format!("update: {}", answer(sent.update(&id, &1, UpdateMode::Any))));
    drop(link);
    Ok(lines)
}

/// Returns the mount point of the cgroup2 hierarchy.
fn cgroup2() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mount = mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(fields[1]))
    });
    mount.ok_or_else(|| "no cgroup2 hierarchy is mounted; try /sys/fs/cgroup".into())
}

/// A new cgroup without processes. Dropping this value removes the cgroup.
struct Made(PathBuf);

impl Made {
    fn new(root: &Path) -> Result<Self> {
        let path = root.join(format!("tour-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // A remaining empty cgroup does no harm.
        let _ = fs::remove_dir(&self.0);
    }
}
