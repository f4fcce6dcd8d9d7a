//! Measures the processor time of a program's child processes, for benchmarks that compare the cost
//! of commands.

/// The number of microseconds in a tick of `USER_HZ`, the unit in which Linux reports times.
/// `USER_HZ` is 100 on all architectures that bpfmap supports.
pub(crate) const MICROS_A_TICK: u64 = 10_000;

/// Returns the user and system time, in ticks, of the child processes for which this process has
/// waited. Source: `cutime` and `cstime` in `proc_pid_stat(5)`.
pub(crate) fn ticks_of_children() -> Result<u64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("`/proc/self/stat` contains no process name")?;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|field| Ok(field.parse::<u64>()?)).sum()
}
