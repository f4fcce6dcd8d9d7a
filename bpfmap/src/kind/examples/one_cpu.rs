use bpfmap::{ErrorKind, Map, MapSpec, kind::PercpuArray};

/// Returns the counter of one CPU. On kernels before Linux 7.0, this function reads the counters of
/// all CPUs.
fn count_on<Counters>(counters: &Map<Counters>, index: u32, cpu: usize) -> bpfmap::Result<Option<u64>>
where
    Counters: MapSpec<Kind = PercpuArray, Key = u32, Value = u64>,
{
    match counters.lookup_on(&index, cpu) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Ok(counters.lookup(&index)?.and_then(|counts| counts.get(cpu).copied()))
        }
        count => count,
    }
}
