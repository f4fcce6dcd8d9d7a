use bpfmap::{EventSpec, RingBuf};

fn keep<S: EventSpec>(events: &mut RingBuf<S>) -> bpfmap::Result<()> {
    let first = events.read()?;
    let second = events.read()?;
    drop((first, second));
    Ok(())
}

fn main() {}
