use bpfmap::{EventSpec, Map, UserRingBuf, kind::UserRingbuf};

/// Sends a number to programs. Returns `false` if the ring is full.
fn tell<Numbers>(map: &Map<Numbers>, number: u64) -> bpfmap::Result<bool>
where
    Numbers: EventSpec<Kind = UserRingbuf, Event = u64>,
{
    let mut numbers = UserRingBuf::open(map)?;
    let Some(mut record) = numbers.reserve()? else { return Ok(false) };
    *record = number;
    record.submit()?;
    Ok(true)
}
