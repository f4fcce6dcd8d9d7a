//! The processor time of a program's children, for the programs that compare what commands cost.

/// `USER_HZ`, in which Linux shows times, is 100 on all architectures that bpfmap knows.
pub(crate) const MICROS_A_TICK: u64 = 10_000;

/// User and system time of the processes that this one waited for: `cutime` and `cstime` of `proc_pid_stat(5)`.
pub(crate) fn ticks_of_children() -> Result<u64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|field| Ok(field.parse::<u64>()?)).sum()
}
