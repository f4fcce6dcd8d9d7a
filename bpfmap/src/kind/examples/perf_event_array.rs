use bpfmap::{EventSpec, Map, PerfBuffer, kind::PerfEventArray};

/// Returns how many events programs have sent since the buffer was opened, and how many were lost.
fn drain<Execs>(execs: &mut PerfBuffer<Execs>) -> bpfmap::Result<(usize, u64)>
where
    Execs: EventSpec<Kind = PerfEventArray, Key = u32, Event = u64>,
{
    let read = execs.consume(|record| println!("CPU {}: {}", record.cpu, record.event))?;
    Ok((read, execs.lost()))
}

/// Before this call, programs can't send events.
fn open<Execs>(map: &Map<Execs>) -> bpfmap::Result<PerfBuffer<Execs>>
where
    Execs: EventSpec<Kind = PerfEventArray, Key = u32, Event = u64>,
{
    PerfBuffer::options(map).pages(8).open()
}
