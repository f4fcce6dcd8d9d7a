use bpfmap::{EventSpec, Map, RingBuf, kind::Ringbuf};

/// Returns the sum of all unread events.
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
