//! The guest's side: this program as the first process of a kernel under test.
//!
//! It sets the machine up, says that it is ready, waits for the host's word, takes the payload
//! (the programs, what they need, and a plan) from QEMU, does what the plan says, and leaves
//! through QEMU's debug-exit port. It knows nothing of how it was booted: whether from cold or from
//! a snapshot that was taken while it waited.

mod channel;
mod firmware;
mod guard;
mod machine;
mod port;
mod process;
mod root;
mod terminal;
mod tests;
mod unpack;

use crate::host::{PORT_OPTION, RUNNER};
use crate::plan::{Action, DEBUG_EXIT, PAYLOAD, PLAN, Plan, ROOT, SWITCH_ROOT};
use crate::protocol;
use crate::wire::{FromGuest, Record, Status, Stream, ToGuest};
use channel::Channel;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Runs as the guest's init if this is the first process of a guest. Runs a plan on this machine if the first argument
/// is `run-plan`, with which a matrix starts its [`init`](crate::Matrix::init). Otherwise returns.
///
/// The program that guests run as their init calls this first in its `main`.
pub fn main_if_init() {
    protocol::keep();
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == RUNNER) {
        std::process::exit(main_of_runner(arguments));
    }
    // The first process of a container finds /proc mounted; that of a guest mounts it.
    let guest = std::fs::read_link("/proc/self/exe").is_err();
    if rustix::process::getpid().is_init() && guest {
        let error = init().unwrap_err();
        let message = format!("vmtest: init failed: {error}\n");
        // The kernel panics when init ends. What was written to its log is out by then, unlike what
        // was written to the console.
        if std::fs::write("/dev/kmsg", &message).is_err() {
            eprint!("{message}");
        }
        std::process::exit(1);
    }
}

/// Runs the plan that the arguments name, `[--port PORT] PLAN`, and returns the exit status.
fn main_of_runner(mut arguments: impl Iterator<Item = OsString>) -> i32 {
    let mut plan = arguments.next();
    let mut port = None;
    if plan.as_ref().is_some_and(|first| first == PORT_OPTION) {
        (port, plan) = (arguments.next(), arguments.next());
    }
    let plan = plan.unwrap_or_default();
    let Err(error) = run_plan(Path::new(&plan), port.as_deref().map(Path::new)) else { return 0 };
    eprintln!("vmtest: can't carry out the plan {}: {error}", plan.display());
    1
}

/// Carries a plan out on this machine, and tells of it on a serial port, or else on the standard
/// input, a socket.
///
/// # Errors
/// The plan can't be read, or nobody listens.
fn run_plan(plan: &Path, port: Option<&Path>) -> io::Result<()> {
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan)?)?;
    let mut channel = match port {
        Some(port) => Channel::open(port)?,
        None => Channel::over(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?.into()),
    };
    channel.send(&FromGuest::Ready { release: release(), uptime: uptime() })?;
    wait_for_go(&mut channel)?;
    let loaded = plan.modules.iter().try_for_each(|module| machine::load_module(module));
    if let Err(error) = loaded.and_then(|()| carry_out(&mut channel, plan)) {
        channel.send(&FromGuest::Failed { what: error.to_string() })?;
    }
    channel.end()
}

fn init() -> io::Result<Infallible> {
    if Path::new(SWITCH_ROOT).exists() {
        return machine::switch_root();
    }
    machine::mount_file_systems()?;
    // As the init of a system does: without it, this process and its children are in no session.
    rustix::process::setsid()?;
    guard::hide_this_process()?;
    guard::show_kernel_messages();
    machine::bring_up_loopback()?;
    let mut device = firmware::Device::new()?;
    if let Some(root) = device.find(ROOT)? {
        root::enter(root)?;
    }
    let mut channel = Channel::open(Path::new("/dev/ttyS1"))?;
    channel.send(&FromGuest::Ready { release: release(), uptime: uptime() })?;
    let (clock, seed) = wait_for_go(&mut channel)?;
    machine::set_clock(clock)?;
    machine::reseed_random(&seed)?;
    machine::try_every_timer()?;
    channel.send(&FromGuest::Awake)?;
    if let Err(error) = work(&mut channel, device) {
        channel.send(&FromGuest::Failed { what: error.to_string() })?;
    }
    channel.end()?;
    let (port, value, _) = DEBUG_EXIT;
    port::allow(port, 4)?;
    port::write_u8(port, value);
    // QEMU 7.2 ends within the write; QEMU 10 asks its main thread to, and the guest runs on until that does.
    std::thread::sleep(EXIT_LIMIT);
    Err(io::Error::other("QEMU did not exit when told to"))
}

/// How long QEMU may take to end after it is told to; on a busy host its main thread waits for a processor.
const EXIT_LIMIT: Duration = Duration::from_secs(30);

/// Returns the time since the boot by the kernel's clock.
fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Waits until the host says that it is time: what time it is, and random bytes. From then on all
/// that is sent is sealed.
fn wait_for_go(channel: &mut Channel) -> io::Result<(u64, Vec<u8>)> {
    loop {
        for record in channel.receive()? {
            if let Record::Message(ToGuest::Go { clock, seed, key }) = record {
                channel.seal_with(key);
                return Ok((clock, seed));
            }
        }
    }
}

fn work(channel: &mut Channel, mut device: firmware::Device) -> io::Result<()> {
    unpack::unpack(device.open(PAYLOAD)?.reader(), Path::new("/"))?;
    drop(device);
    // The ports of a process are those of all that it starts, too.
    firmware::give_up_ports()?;
    let plan = std::fs::read(PLAN)?;
    let plan: Plan = serde_json::from_slice(&plan)?;
    for module in &plan.modules {
        machine::load_module(module)?;
    }
    if !plan.privileged {
        guard::limit_helpers()?;
    }
    carry_out(channel, plan)
}

fn carry_out(channel: &mut Channel, plan: Plan) -> io::Result<()> {
    if !plan.privileged {
        guard::limit_children()?;
    }
    channel.send(&FromGuest::Started)?;
    match plan.action {
        Action::Run(program) => {
            let before = guard::taint();
            let status = process::run(channel, &program, &plan.env)?;
            if status != Status::Exited(0) && machine::is_full() {
                let said = "vmtest: the guest's file system in memory is full; give it more memory with `--memory`\n";
                channel.send_bytes(Stream::Stderr, said.as_bytes())?;
            }
            guard::show_kernel_messages();
            // A line that was begun is printed when another one follows.
            let _ = std::fs::write("/dev/kmsg", "<6>vmtest: the program has ended\n");
            let taint = guard::taint() & !before;
            channel.send(&FromGuest::Exited { status, taint })
        }
        Action::Test(binaries) => {
            for (index, binary) in binaries.iter().enumerate() {
                let finished = tests::run(channel, index, binary, &plan.env)?;
                if !finished {
                    break;
                }
            }
            channel.send(&FromGuest::Exited { status: Status::Exited(0), taint: 0 })
        }
    }
}
