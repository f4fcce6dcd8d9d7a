use bpfmap::{EventSpec, Map, RingBuf, kind::Ringbuf};

/// The sum of the events that programs have sent and nobody has read.
fn sum<Numbers>(map: &Map<Numbers>) -> bpfmap::Result<u64>
where
    Numbers: EventSpec<Kind = Ringbuf, Event = u64>,
{
    let mut numbers = RingBuf::open(map)?;
    let mut sum = 0;
    while let Some(number) = numbers.read()? {
        sum += number;
    }
    Ok(sum)
}
