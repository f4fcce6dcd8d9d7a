//! Maps of plain values, except for hashes.

use bpfmap::UpdateMode;

use crate::{Loaded, Result, answer};

pub(crate) fn array(loaded: &Loaded) -> Result<Vec<String>> {
    let cells = &loaded.maps.cells;
    let mut lines = vec![];
    lines.push(format!("at first: {:?}", cells.lookup(&0)?));
    for _ in 0..3 {
        loaded.run("count")?;
    }
    lines.push(format!("counted three times: {:?}", cells.lookup(&0)?));
    // Each index always exists. The kernel would refuse `delete`, so a typed array has no such
    // method.
    lines.push(format!("indices: {:?}", cells.keys().collect::<bpfmap::Result<Vec<_>>>()?));
    for (index, mode) in [(0, UpdateMode::NoExist), (0, UpdateMode::Exist), (4, UpdateMode::Any)] {
        lines.push(format!("index {index}, {mode:?}: {}", answer(cells.update(&index, &7, mode))));
    }
    lines.push(format!("index 4: {:?}", cells.lookup(&4)?));
    Ok(lines)
}

pub(crate) fn percpu(loaded: &Loaded) -> Result<Vec<String>> {
    for _ in 0..3 {
        loaded.run("count")?;
    }
    let in_array = loaded.maps.cpu_cells.lookup(&0)?.ok_or("each index exists")?;
    let in_hash = loaded.maps.cpu_table.lookup(&0)?.ok_or("the program has inserted it")?;
    Ok(vec![
        format!("a value for each CPU: {}", in_array.len() == bpfmap::possible_cpus()?),
        format!("array, on all CPUs: {}", in_array.iter().sum::<u64>()),
        format!("hash, on all CPUs: {}", in_hash.iter().sum::<u64>()),
    ])
}

pub(crate) fn lru(loaded: &Loaded) -> Result<Vec<String>> {
    let mut lines = vec![];
    let recent = &loaded.maps.recent;
    let mut refused = 0;
    for key in 0..=recent.max_entries() {
        refused += u32::from(!recent.insert(&key, &1)?);
    }
    // The kernel evicts several entries at a time, so fewer than 128 entries may be left.
    let left = recent.keys().count();
    lines.push(format!("129 inserted in a map of 128: {refused} refused"));
    lines.push(format!("no more than 128 are left: {}", left <= 128));
    lines.push(format!("the newest is there: {}", recent.contains_key(&128)?));

    let cpu_recent = &loaded.maps.cpu_recent;
    let one = bpfmap::PerCpu::splat(1)?;
    for key in 0..=cpu_recent.max_entries() {
        cpu_recent.update(&key, &one, UpdateMode::NoExist)?;
    }
    lines.push(format!("per CPU, the newest is there: {}", cpu_recent.contains_key(&128)?));
    Ok(lines)
}

pub(crate) fn queue(loaded: &Loaded) -> Result<Vec<String>> {
    let mut lines = vec![];
    let (jobs, pile) = (&loaded.maps.jobs, &loaded.maps.pile);
    for number in 1..=3 {
        jobs.push(&number, UpdateMode::Any)?;
        pile.push(&number, UpdateMode::Any)?;
    }
    lines.push(format!("a fourth in a queue of 3: {}", answer(jobs.push(&4, UpdateMode::Any))));
    lines.push(format!("a fourth on a stack of 3: {}", answer(pile.push(&4, UpdateMode::Any))));
    lines.push(format!("with Exist: {}", answer(jobs.push(&4, UpdateMode::Exist))));
    lines.push(format!("queue, peek: {:?}", jobs.peek()?));
    let popped = [jobs.pop()?, jobs.pop()?, jobs.pop()?, jobs.pop()?];
    lines.push(format!("queue, pop: {popped:?}"));
    let popped = [pile.pop()?, pile.pop()?, pile.pop()?, pile.pop()?];
    lines.push(format!("stack, pop: {popped:?}"));
    Ok(lines)
}
