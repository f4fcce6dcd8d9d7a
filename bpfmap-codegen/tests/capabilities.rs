//! What the runtime's map types can do, held against the facts table: one fact, written in two crates that don't know
//! each other.

use bpfmap_core::MATRIX;
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{
    Answer, BtfRule, Condition, EventRule, KeyRule, MAP_TYPES, MapExtraRule, MapType,
    MaxEntriesRule, Operation, ValueRule,
};
use std::collections::{BTreeMap, BTreeSet};

/// The capability lines of `bpfmap/src/kind/markers`, as a person would read them; what a map holds is said with the
/// objects, in `bpfmap/src/objects`.
fn markers() -> (BTreeMap<String, BTreeSet<String>>, BTreeMap<String, Vec<String>>) {
    let folders = ["kind/markers", "objects"]
        .map(|folder| format!("{}/../bpfmap/src/{folder}", env!("CARGO_MANIFEST_DIR")));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let text: String =
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap() + "\n").collect();
    let mut capabilities: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in text.lines() {
        // `impl Iterate for Hash {}`, `impl<S: MapSpec> HoldObjects<S> for ProgArray {`, and `by_value!(HoldObjects for Devmap, …`.
        // What only seals such a trait is called by its path.
        if let Some((left, right)) = line.split_once(" for ")
            && !left.contains(" crate::")
            && (line.starts_with("impl") || left.contains("!("))
        {
            let word = |text: &str| {
                let end = text.find(|char: char| !char.is_alphanumeric()).unwrap_or(text.len());
                text[..end].to_owned()
            };
            let capability = left.rsplit([' ', '(']).next().map(word).unwrap_or_default();
            capabilities.entry(word(right)).or_default().insert(capability);
        }
    }
    // `kind!(/// docs Hash, 1, "hash", btf: true, cursor: Position, value: V => V);`, however it is broken into lines.
    let mut heads = BTreeMap::new();
    for head in text.split("\nkind!(").skip(1) {
        let is_doc =
            |line: &&str| ["//", "#[doc"].iter().any(|doc| line.trim_start().starts_with(doc));
        let code: String = head.lines().filter(|line| !is_doc(line)).collect();
        let code = code.split(");").next().unwrap();
        let parts: Vec<_> = code.split(',').map(|part| part.trim().to_owned()).collect();
        heads.insert(parts[0].clone(), parts);
    }
    (capabilities, heads)
}

/// What the facts say that a map type can do, by the runtime's names.
fn expected(row: &MapType) -> BTreeSet<String> {
    let can = |operation| row.operation_since(operation).is_some();
    if row.value == ValueRule::StructOps {
        return BTreeSet::from(["RegisterOps".to_owned()]);
    }
    let object = matches!(row.value, ValueRule::Object(_));
    let keyless = row.key == KeyRule::Keyless;
    let attached = matches!(row.key, KeyRule::Descriptor(_));
    // What is kept under a key is plain data: no object, and nothing that belongs to an object.
    let plain = !keyless && !object && !attached;
    let filter = matches!(row.map_extra, MapExtraRule::HashFunctions { .. });
    let lock = row.special_field_since(SpecialField::SpinLock).is_some();
    let facts = [
        ("HoldObjects", object),
        ("ShowObjects", object && can(Operation::Lookup)),
        ("LookupElement", plain && can(Operation::Lookup)),
        ("UpdateElement", plain && can(Operation::Update)),
        // A key that can't be deleted is always there, and so is the slot of an object.
        (
            "InsertElement",
            !keyless
                && !attached
                && can(Operation::Update)
                && can(Operation::Delete)
                && (!object || row.key != KeyRule::Index || inserts_in_slots(row)),
        ),
        ("AttachValues", attached),
        ("DeleteElement", !keyless && !attached && can(Operation::Delete)),
        (
            "SelectCpu",
            row.operation(Operation::Update).answers_known(Condition::OneCpu)
                && row.operation(Operation::Lookup).answers_known(Condition::OneCpu),
        ),
        ("TakeElement", !keyless && can(Operation::LookupAndDelete)),
        // From the last key of a cgroup storage some kernels walk on into nonsense.
        ("Iterate", can(Operation::GetNextKey) && row.key != KeyRule::CgroupStorage),
        ("UpdateBatch", can(Operation::UpdateBatch)),
        ("DeleteBatch", can(Operation::DeleteBatch)),
        (
            "MapArena",
            matches!(row.max_entries, MaxEntriesRule::Pages { .. }) && can(Operation::Mmap),
        ),
        ("MapValues", plain && can(Operation::Mmap)),
        ("Lock", lock && !attached),
        ("Push", keyless && can(Operation::Update) && !filter),
        ("Pop", keyless && can(Operation::LookupAndDelete)),
        ("Peek", keyless && can(Operation::Lookup) && !filter),
        ("Filter", filter),
        ("HoldStacks", row.value == ValueRule::Stack),
        ("ReadRecords", keyless && row.events == EventRule::ToUserSpace),
        ("ReadPerCpuRecords", object && row.events == EventRule::ToUserSpace),
        ("WriteRecords", row.events == EventRule::ToPrograms),
    ];
    facts.iter().filter(|(_, can)| *can).map(|(name, _)| (*name).to_owned()).collect()
}

/// Whether a map of objects tells an empty slot from one that is taken.
fn inserts_in_slots(row: &MapType) -> bool {
    let update = row.operation(Operation::Update);
    update
        .answers_on(Condition::NoExistOnMissing, *MATRIX.last().unwrap())
        .is_some_and(|answers| answers == [Answer::Ok])
}

#[test]
fn the_runtimes_markers_say_what_the_facts_say() {
    let (capabilities, heads) = markers();
    let mut known = 0;
    for row in MAP_TYPES {
        let quoted = format!("\"{}\"", row.name);
        let (kind, head) = heads
            .iter()
            .find(|(_, head)| head[2] == quoted)
            .unwrap_or_else(|| panic!("the runtime has no marker for {}", row.name));
        assert_eq!(head[1], row.number.to_string(), "the number of {}", row.name);
        let btf = matches!(row.btf, BtfRule::Optional | BtfRule::Required);
        assert_eq!(head[3], format!("btf: {btf}"), "{}", row.name);
        assert_eq!(head[5].contains("PerCpu"), row.per_cpu, "the value of {}", row.name);
        let can = capabilities.get(kind).cloned().unwrap_or_default();
        assert_eq!(can, expected(row), "what {} can do", row.name);
        known += 1;
    }
    assert_eq!(heads.len(), known, "markers and rows");
}
