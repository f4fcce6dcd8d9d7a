use bpfmap::{Map, MapSpec, kind::BloomFilter};

/// Adds an address. Returns `true` if the address is certainly new.
fn add<Seen>(seen: &Map<Seen>, address: u32) -> bpfmap::Result<bool>
where
    Seen: MapSpec<Kind = BloomFilter, Key = (), Value = u32>,
{
    let is_new = !seen.may_contain(&address)?;
    seen.add(&address)?;
    Ok(is_new)
}
