//! The guest's side: this program as the first process of a kernel under test.
//!
//! This program sets up the machine, reports that it is ready and waits for the host's message to
//! start. Then it takes the payload (the programs, the files that they need, and a plan) from QEMU,
//! carries out the plan, and ends the guest. It does not know whether the guest was booted cold or
//! restored from a snapshot that was taken during the wait.

mod channel;
mod firmware;
mod guard;
mod machine;
mod process;
mod root;
mod side_by_side;
mod terminal;
mod tests;
mod unpack;

use crate::arch::guest;
use crate::host::{PORT_OPTION, RUNNER};
use crate::message::{FromGuest, Status, Stream, ToGuest};
use crate::plan::{Action, PAYLOAD, PLAN, Plan, ROOT, SWITCH_ROOT};
use crate::protocol;
use crate::wire::Record;
use channel::Channel;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Runs as the guest's init if this is the first process of a guest. Runs a plan on this machine if
/// the first argument is `run-plan`; a matrix starts its [`init`](crate::Matrix::init) this way.
/// Returns in all other cases.
///
/// The program that guests run as their init must call this function first in its `main`.
pub fn main_if_init() {
    protocol::keep();
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == RUNNER) {
        std::process::exit(main_of_runner(arguments));
    }
    // In a container, the first process finds `/proc` mounted. In a guest, the first process mounts
    // it.
    let guest = std::fs::read_link("/proc/self/exe").is_err();
    if rustix::process::getpid().is_init() && guest {
        let error = init().unwrap_err();
        let message = format!("vmtest: init failed: {error}\n");
        // The kernel panics when init ends. A message in the kernel's log is printed before the
        // panic. A message that was written to the console may be lost.
        if std::fs::write("/dev/kmsg", &message).is_err() {
            eprint!("{message}");
        }
        std::process::exit(1);
    }
}

/// Runs the plan in the file `PLAN`, and returns the exit status. The arguments are `[--port PORT]
/// PLAN`.
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

/// Carries out a plan on this machine, and reports through a serial port. If `port` is `None`, it
/// reports through the standard input, which is a socket.
///
/// # Errors
/// Fails if the plan can't be read, or if the other side closes the connection.
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
    // Every init calls `setsid`. Without this call, this process and its children have no session.
    rustix::process::setsid()?;
    guard::hide_this_process()?;
    guard::show_kernel_messages();
    machine::bring_up_loopback()?;
    let mut device = firmware::Device::new()?;
    if let Some(root) = device.find(ROOT)? {
        root::enter(root)?;
    }
    let mut channel = Channel::open(Path::new(guest::RESULTS_PORT))?;
    channel.send(&FromGuest::Ready { release: release(), uptime: uptime() })?;
    let (clock, seed) = wait_for_go(&mut channel)?;
    machine::set_clock(clock)?;
    machine::reseed_random(&seed)?;
    machine::try_every_timer()?;
    channel.send(&FromGuest::Awake)?;
    if let Err(error) = work(&mut channel, device) {
        channel.send(&FromGuest::Failed { what: error.to_string() })?;
    }
    print_pending_messages();
    channel.end()?;
    guest::exit()?;
    // QEMU 7.2 exits during the write. QEMU 10 asks its main thread to exit, and the guest runs
    // until that thread exits.
    std::thread::sleep(EXIT_LIMIT);
    Err(io::Error::other("QEMU did not exit on request"))
}

/// Makes the kernel print the messages that are not on the console yet. Another CPU may be about to
/// print them, and they would be lost with the guest. Opening the console takes and releases its
/// lock, and the CPU that releases the lock prints all pending messages. Source: `console_device`
/// and `console_unlock` in `kernel/printk/printk.c`.
fn print_pending_messages() {
    // A root file system of the user may have no such file.
    let _ = std::fs::File::open("/dev/console");
}

/// The time limit for QEMU to exit after the request. On a busy host, its main thread may wait for
/// a processor.
const EXIT_LIMIT: Duration = Duration::from_secs(30);

/// Returns the time since the boot, measured by the kernel's clock.
fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Waits for the start message from the host, and returns the time and the random bytes that the
/// message contains. Everything that is sent afterwards is sealed.
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
    device.close()?;
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
            // The console prints an unfinished line only when the next one begins.
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
