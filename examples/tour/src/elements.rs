//! Tries the operations on elements with a hash.

use bpfmap::{AnyKernel, Map, MapFlags, UpdateMode};

use crate::maps::{Action, Numbers};
use crate::{Loaded, Result, answer, helper_answer};

pub(crate) fn create(_: &Loaded) -> Result<Vec<String>> {
    let create = |max_entries| Map::<Numbers>::options().max_entries(max_entries).create();
    let map = create(100)?;
    let info = map.info()?;
    let flags = info.created_flags();
    Ok(vec![
        format!("100 entries: {} bytes of key, {} bytes of value", info.key_size, info.value_size),
        format!("without preallocation: {}", flags.contains(MapFlags::NO_PREALLOC)),
        format!("0 entries: {}", answer(create(0))),
        format!("4294967295 entries: {}", answer(create(u32::MAX))),
    ])
}

pub(crate) fn update(loaded: &Loaded) -> Result<Vec<String>> {
    let numbers = &loaded.maps.numbers;
    let mut lines = vec![];
    // The mode says whether the entry must exist before. User space and programs get the same
    // results.
    for (key, mode) in [
        (1, UpdateMode::Any),
        (1, UpdateMode::NoExist),
        (1234, UpdateMode::Exist),
        (1, UpdateMode::Exist),
    ] {
        let from_user_space = answer(numbers.update(&key, &5678, mode));
        lines.push(format!("user space, key {key}, {mode:?}: {from_user_space}"));
    }
    for (key, mode) in [
        (2, UpdateMode::Any),
        (2, UpdateMode::NoExist),
        (1234, UpdateMode::Exist),
        (2, UpdateMode::Exist),
    ] {
        loaded.ask(Action::Update, key, 5678, mode)?;
        let from_program = helper_answer(loaded.run("element")?);
        lines.push(format!("program, key {key}, {mode:?}: {from_program}"));
    }
    Ok(lines)
}

pub(crate) fn lookup(loaded: &Loaded) -> Result<Vec<String>> {
    let numbers = &loaded.maps.numbers;
    numbers.update(&1, &1234, UpdateMode::Any)?;
    let mut lines = vec![];
    for key in [1, 2] {
        lines.push(format!("user space, key {key}: {:?}", numbers.lookup(&key)?));
        loaded.ask(Action::Update, key, 0, UpdateMode::Any)?;
        let returned = loaded.run("lookup")?;
        let found = if returned < 0 { helper_answer(returned) } else { returned.to_string() };
        lines.push(format!("program, key {key}: {found}"));
    }
    Ok(lines)
}

pub(crate) fn delete(loaded: &Loaded) -> Result<Vec<String>> {
    let numbers = &loaded.maps.numbers;
    let mut lines = vec![];
    numbers.update(&1, &1234, UpdateMode::Any)?;
    // For a typed map, an absent key is not an error. `delete` returns whether there was an entry.
    for _ in 0..2 {
        lines.push(format!("user space: deleted {}", numbers.delete(&1)?));
    }
    numbers.update(&1, &1234, UpdateMode::Any)?;
    for _ in 0..2 {
        loaded.ask(Action::Delete, 1, 0, UpdateMode::Any)?;
        lines.push(format!("program: {}", helper_answer(loaded.run("element")?)));
    }
    Ok(lines)
}

pub(crate) fn iterate(loaded: &Loaded) -> Result<Vec<String>> {
    let numbers = &loaded.maps.numbers;
    let fill = || -> Result<()> {
        for key in 1..=5 {
            numbers.update(&key, &(1234 + key), UpdateMode::Any)?;
        }
        Ok(())
    };
    fill()?;
    let mut lines = vec![format!("entries: {}", numbers.iter().count())];

    // A hash has no order. After an absent key, the kernel therefore starts again with the first
    // key.
    let first = numbers.next_key(None)?;
    let after_absent = numbers.next_key(Some(&100))?;
    lines.push(format!("after an absent key comes the first one: {}", after_absent == first));
    let last = numbers.keys().last().transpose()?;
    lines.push(format!("after the last key: {:?}", numbers.next_key(last.as_ref())?));

    // An iteration that asks for the key after a deleted key therefore also starts again.
    let mut visited = 0;
    let mut key = None;
    let mut has_deleted = false;
    while let Some(next) = numbers.next_key(key.as_ref())? {
        visited += 1;
        if visited == 2 && !has_deleted {
            has_deleted = numbers.delete(&next)?;
        }
        key = Some(next);
    }
    lines.push(format!("deleting the second of 5 keys by hand: {visited} visited"));

    // The iterators ask for the next key before they return the current key.
    fill()?;
    let mut visited = 0;
    for entry in numbers {
        let (key, _) = entry?;
        numbers.delete(&key)?;
        visited += 1;
    }
    let left = numbers.keys().count();
    lines.push(format!("deleting each of 5 keys in a loop: {visited} visited, {left} left"));
    Ok(lines)
}

pub(crate) fn take(loaded: &Loaded) -> Result<Vec<String>> {
    let numbers = &loaded.maps.numbers;
    numbers.update(&1, &1234, UpdateMode::Any)?;
    // The schema's `min_kernel` is older than this operation, so the code needs a handle of
    // `AnyKernel`.
    let numbers: Map<AnyKernel<Numbers>> = numbers.try_clone()?.into();
    let take = || match numbers.take(&1) {
        Ok(taken) => format!("{taken:?}"),
        error => answer(error),
    };
    Ok(vec![format!("first: {}", take()), format!("then: {}", take())])
}
