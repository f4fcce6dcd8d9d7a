use bpfmap::{EventSpec, Map, PerfBuffer, kind::PerfEventArray};

/// Prints all unread events. Returns their number, and the number of events that were lost since
/// the buffer was opened.
fn drain<Execs>(execs: &mut PerfBuffer<Execs>) -> bpfmap::Result<(usize, u64)>
where
    Execs: EventSpec<Kind = PerfEventArray, Key = u32, Event = u64>,
{
    let read = execs.consume(|record| println!("CPU {}: {}", record.cpu, record.event))?;
    Ok((read, execs.lost()))
}

/// Opens the buffer. Programs can't send events before this call.
fn open<Execs>(map: &Map<Execs>) -> bpfmap::Result<PerfBuffer<Execs>>
where
    Execs: EventSpec<Kind = PerfEventArray, Key = u32, Event = u64>,
{
    PerfBuffer::options(map).pages(8).open()
}
