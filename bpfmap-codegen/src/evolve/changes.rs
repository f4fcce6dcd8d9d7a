//! Finds the changes of a map.

use super::attributes::{Flags, NUMA_NODE, max_entries};
use super::change::{Change, Side};
use super::leaves;
use super::pair::{Composites, MapPair, Shape, TypePair};
use super::place::{PlacedMember, View};
use super::rules::{self, Class, Loading, Rule};
use super::words::{bits, bytes, changed, listed, offset, type_changed};
use bpfmap_core::map_type::{InnerRule, MapType};
use bpfmap_schema::check::Resolved;
use bpfmap_schema::ir::{Attribute, KeyValue, MapDecl, MemberType, Pinning};
use bpfmap_schema::source::Span;

pub(super) struct Changes<'a> {
    old: Resolved<'a>,
    new: Resolved<'a>,
    found: Vec<Change>,
    /// The part of the map that contains the types that are being compared.
    part: MapPart,
}

/// A part of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MapPart {
    Key,
    Value,
    Event,
}

impl<'a> Changes<'a> {
    pub(super) fn new(old: Resolved<'a>, new: Resolved<'a>) -> Self {
        Self { old, new, found: vec![], part: MapPart::Value }
    }

    /// Returns the changes. If libbpf refuses the map, no program can read wrong data from it, so
    /// no change has a class worse than [`Class::NewPin`].
    pub(super) fn finish(self) -> Vec<Change> {
        let mut found = self.found;
        let is_refused = |change: &Change| {
            change.class != Class::Safe
                && matches!(change.rule.libbpf, Loading::Refuses | Loading::RefusesContents)
        };
        if found.iter().any(is_refused) {
            for change in &mut found {
                change.class = change.class.min(Class::NewPin);
            }
        }
        found
    }

    pub(super) fn maps(&mut self, pair: &MapPair<'a>) {
        let MapPair { old, new, .. } = pair;
        let path = new.name.value.as_str();
        if old.name.value != new.name.value {
            let message = format!("renamed from `{}`", old.name.value);
            let by_name = |map: &MapDecl| {
                map.pinning.as_ref().is_some_and(|pinning| pinning.value == Pinning::ByName)
            };
            let class = if by_name(old) { Class::NewPin } else { Class::Safe };
            self.push(&rules::MAP_RENAMED, path, message, new.name.span).class = class;
        }
        self.definitions(path, old, new);
        self.numa_node(path, old, new);
        self.pinning(path, old, new);
        if old.values != new.values {
            let message =
                "the initial contents changed: only a new map gets the new contents".to_owned();
            let span = new.values.first().map_or(new.name.span, |(index, _)| index.span);
            self.push(&rules::INITIAL_CONTENTS, path, message, span);
        }
        if old.decl_tags != new.decl_tags {
            let message = "the declaration tags changed".to_owned();
            self.push(&rules::DECL_TAGS, path, message, new.name.span);
        }
        let has_btf = |map: &MapDecl| map.btf.as_ref().is_none_or(|btf| btf.value);
        if has_btf(old) != has_btf(new) {
            let message = if has_btf(new) { "BTF was added" } else { "BTF was removed" };
            let span = new.btf.as_ref().map_or(new.name.span, |btf| btf.span);
            self.push(&rules::BTF, path, message.to_owned(), span);
        }
        self.parts(path, pair);
        let open = |map: &MapDecl| map.is_set_by_loader(Attribute::Inner);
        if let Some(inner) = &pair.inner {
            self.inner(path, inner, new);
        } else if open(old) != open(new) {
            let message = if open(new) {
                "the template was removed, so the loader now sets it"
            } else {
                "a template was added; before, the loader set it"
            };
            let span = new.inner.as_ref().map_or(new.name.span, |inner| inner.span);
            self.push(&rules::INNER_MAP, &format!("{path}.inner"), message.to_owned(), span);
        }
    }

    /// Compares the properties of a map that libbpf compares, including the sizes of key and value.
    fn definitions(&mut self, path: &str, old: &MapDecl, new: &MapDecl) {
        if old.map_type.value != new.map_type.value {
            let message = type_changed(&old.map_type.value, &new.map_type.value);
            self.push(&rules::MAP_TYPE, path, message, new.map_type.span);
        }
        let ops = |map: &MapDecl| map.ops.as_ref().map(|ops| ops.value.clone()).unwrap_or_default();
        if ops(old) != ops(new) {
            let span = new.ops.as_ref().map_or(new.name.span, |ops| ops.span);
            self.push(&rules::MAP_TYPE, path, type_changed(&ops(old), &ops(new)), span);
        }
        self.sizes(path, old, new);
        let entries = max_entries;
        let span = new.max_entries.as_ref().map_or(new.name.span, |entries| entries.span);
        match (entries(old), entries(new)) {
            (old, new) if old == new => {}
            (Some(old), Some(new)) => {
                let message = format!("`max_entries` changed from {old} to {new}");
                self.push(&rules::MAX_ENTRIES, path, message, span);
            }
            (Some(old), None) => {
                let message =
                    format!("`max_entries` changed from {old} to a value that the loader sets");
                self.push(&rules::MAX_ENTRIES_SET_BY_LOADER, path, message, span);
            }
            (_, new) => {
                let new = new.unwrap_or_default();
                let message =
                    format!("`max_entries` changed from a value that the loader sets to {new}");
                self.push(&rules::MAX_ENTRIES_SET_BY_LOADER, path, message, span);
            }
        }
        self.flags(path, old, new);
        let extra = |map: &MapDecl| map.map_extra.as_ref().map_or(0, |extra| extra.value);
        if extra(old) != extra(new) {
            let message = format!("`map_extra` changed from {} to {}", extra(old), extra(new));
            let span = new.map_extra.as_ref().map_or(new.name.span, |extra| extra.span);
            self.push(&rules::MAP_EXTRA, path, message, span);
        }
    }

    fn flags(&mut self, path: &str, old: &MapDecl, new: &MapDecl) {
        let span = new.flags.first().map_or(new.name.span, |flag| flag.span);
        let (was, is) = (Flags::of(old), Flags::of(new));
        if was.permanent != is.permanent {
            let message = format!(
                "the flags changed from {} to {}",
                listed(&was.permanent),
                listed(&is.permanent)
            );
            self.push(&rules::FLAGS, path, message, span);
        }
        if was.descriptors != is.descriptors {
            let (were, are) = (listed(&was.descriptors), listed(&is.descriptors));
            let message = format!("the flags of the file descriptor changed from {were} to {are}");
            let change = self.push(&rules::DESCRIPTOR_FLAGS, path, message, span);
            if is.descriptors.is_empty() {
                // The kernel never stores these flags in a map, so a pinned map matches the newer
                // schema.
                change.class = Class::Safe;
            }
        }
    }

    fn sizes(&mut self, path: &str, old: &MapDecl, new: &MapDecl) {
        let size = |resolved: Resolved<'_>, described: &Option<KeyValue>| {
            described.as_ref().map_or(0, |described| resolved.layout(described).size)
        };
        let span =
            |described: &Option<KeyValue>| described.as_ref().map_or(new.name.span, KeyValue::span);
        let (was, is) = (size(self.old, &old.key), size(self.new, &new.key));
        if !self.is_open(path, (old, new), Attribute::Key, (was, is)) && was != is {
            let message = changed(&bytes(was), &bytes(is));
            self.push(&rules::KEY_RESIZED, &format!("{path}.key"), message, span(&new.key));
        }
        let (was, is) = (size(self.old, &old.value), size(self.new, &new.value));
        if !self.is_open(path, (old, new), Attribute::Value, (was, is)) && was != is {
            let rule = if is > was { &rules::VALUE_GROWS } else { &rules::VALUE_SHRINKS };
            let message = changed(&bytes(was), &bytes(is));
            self.push(rule, &format!("{path}.value"), message, span(&new.value));
        }
    }

    /// Returns whether the loader sets the size in at least one of the schemas. If the loader sets
    /// it in only one of them, the function also reports a change.
    fn is_open(
        &mut self,
        path: &str,
        (old, new): (&MapDecl, &MapDecl),
        part: Attribute,
        (was, is): (u64, u64),
    ) -> bool {
        let open = |map: &MapDecl| map.is_set_by_loader(part);
        let message = match (open(old), open(new)) {
            (false, false) => return false,
            (true, true) => return true,
            (false, true) => changed(&bytes(was), "a size that the loader sets"),
            (true, false) => changed("a size that the loader sets", &bytes(is)),
        };
        let set = new.set_by_loader.iter().find(|set| set.value == part);
        let span = set.map_or(new.name.span, |set| set.span);
        self.push(&rules::SIZE_SET_BY_LOADER, &format!("{path}.{}", part.name()), message, span);
        true
    }

    fn numa_node(&mut self, path: &str, old: &MapDecl, new: &MapDecl) {
        let node = |map: &MapDecl| map.numa_node.as_ref().map(|node| node.value);
        let has_flag = |map: &MapDecl| map.flags.iter().any(|flag| flag.value == NUMA_NODE);
        if node(old) == node(new) && has_flag(old) == has_flag(new) {
            return;
        }
        let word = |node: Option<u32>| node.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let message =
            format!("the NUMA node changed from {} to {}", word(node(old)), word(node(new)));
        let span = new.numa_node.as_ref().map_or(new.name.span, |node| node.span);
        let is_seen = has_flag(old) != has_flag(new);
        let change = self.push(&rules::NUMA_NODE, path, message, span);
        if !is_seen {
            // libbpf never compares the node number of an existing map.
            change.class = Class::Safe;
        }
    }

    fn pinning(&mut self, path: &str, old: &MapDecl, new: &MapDecl) {
        let pinning = |map: &MapDecl| map.pinning.as_ref().map_or(Pinning::None, |it| it.value);
        let (was, is) = (pinning(old), pinning(new));
        if was == is {
            return;
        }
        let word = |pinning| match pinning {
            Pinning::None => "not pinned".to_owned(),
            Pinning::ByName => "pinned by name".to_owned(),
            Pinning::Other(number) => format!("pinned with the number {number}"),
        };
        let span = new.pinning.as_ref().map_or(new.name.span, |pinning| pinning.span);
        let message = changed(&word(was), &word(is));
        let change = self.push(&rules::PINNING, path, message, span);
        if was == Pinning::None {
            // libbpf has not pinned the older map, so the newer schema can't lose its entries.
            change.class = Class::Safe;
        }
    }

    /// Compares the types of key, value and event.
    fn parts(&mut self, path: &str, pair: &MapPair<'a>) {
        let parts = [
            (MapPart::Key, "key", &pair.key),
            (MapPart::Value, "value", &pair.value),
            (MapPart::Event, "event", &pair.event),
        ];
        for (part, word, types) in parts {
            self.part = part;
            let Some(types) = types else { continue };
            // If types without members differ in size, this difference has already been reported.
            let is_size = matches!(types.shape, Shape::Ends)
                && types.old.layout.size != types.new.layout.size
                && part != MapPart::Event;
            if !is_size {
                self.types(&format!("{path}.{word}"), types);
            }
        }
        self.part = MapPart::Value;
        let (old, new) = (&pair.old.event, &pair.new.event);
        if old.is_some() != new.is_some() {
            let message = if new.is_some() {
                "the record type was added"
            } else {
                "the record type was removed"
            };
            let span = new.as_ref().map_or(pair.new.name.span, |event| event.span);
            // One of the schemas does not declare the record type, so the types can't be compared.
            self.push(&rules::EVENT, &format!("{path}.event"), message.to_owned(), span).class =
                Class::Safe;
        }
    }

    /// Compares the templates of a map of maps.
    fn inner(&mut self, path: &str, pair: &MapPair<'a>, outer: &MapDecl) {
        let path = format!("{path}.inner");
        let mut inner = Changes::new(self.old, self.new);
        inner.definitions(&path, pair.old, pair.new);
        inner.numa_node(&path, pair.old, pair.new);
        inner.parts(&path, pair);
        let row = MapType::by_name(&pair.new.map_type.value);
        let same_entries = row.is_some_and(|row| matches!(row.as_inner, InnerRule::SameEntries(_)))
            && !pair.new.flags.iter().any(|flag| flag.value == "inner_map");
        for mut change in inner.found {
            // The kernel's `bpf_map_meta_equal` compares the same properties as libbpf, except
            // `max_entries` and `map_extra`.
            if change.rule.libbpf == Loading::Refuses && change.class != Class::Safe {
                let is_entries = [&rules::MAX_ENTRIES, &rules::MAX_ENTRIES_SET_BY_LOADER]
                    .iter()
                    .any(|rule| rule.id == change.rule.id);
                let is_extra = change.rule.id == rules::MAP_EXTRA.id;
                change.rule = &rules::INNER_MAP;
                if is_entries && !same_entries || is_extra {
                    change.class = Class::Safe;
                }
            }
            if change.span == Span::NONE {
                change.span = outer.name.span;
            }
            self.found.push(change);
        }
    }

    fn types(&mut self, path: &str, pair: &TypePair<'a>) {
        match &pair.shape {
            Shape::Same => {}
            Shape::Composites(composites) => self.composites(path, composites),
            Shape::Arrays(element) => {
                let len = |view| if let View::Array(_, len) = view { len } else { 0 };
                let (was, is) = (len(pair.old.view), len(pair.new.view));
                // If the sizes also differ, another message reports the difference.
                if was != is && pair.old.layout.size == pair.new.layout.size {
                    let message = format!("changed from {was} to {is} elements");
                    self.push(&rules::MEMBER_RESIZED, path, message, pair.new.span);
                }
                self.types(&format!("{path}[]"), element);
            }
            Shape::Enums(old, new) => {
                for (rule, message, span) in leaves::enums(old, new) {
                    self.push(rule, path, message, span.unwrap_or(pair.new.span));
                }
            }
            Shape::Ends => {
                let (rule, message) = leaves::ends(&pair.old, &pair.new);
                self.push(rule, path, message, pair.new.span);
            }
        }
    }

    fn composites(&mut self, path: &str, composites: &Composites<'a>) {
        for pair in &composites.members {
            let path = format!("{path}.{}", pair.new.name());
            let span = pair.new.member.span;
            if pair.old.name() != pair.new.name() {
                let message = format!("renamed from `{}`", pair.old.name());
                self.push(&rules::MEMBER_RENAMED, &path, message, span);
            }
            if pair.old.bit_offset != pair.new.bit_offset {
                let message = format!("moved from {} to {}", offset(&pair.old), offset(&pair.new));
                self.push(&rules::MEMBER_MOVED, &path, message, span);
            }
            self.width(&path, &pair.old, &pair.new, &pair.ty);
            if pair.old.member.decl_tags != pair.new.member.decl_tags {
                let message = "the declaration tags changed".to_owned();
                self.push(&rules::DECL_TAGS, &path, message, span);
            }
            self.types(&path, &pair.ty);
        }
        for place in &composites.added {
            let (rule, message) = added(place, composites);
            let path = format!("{path}.{}", place.name());
            self.special_or(rule, &path, message, (place, Side::New));
        }
        for place in &composites.removed {
            let rule = if place.in_union { &rules::UNION_MEMBER } else { &rules::MEMBER_REMOVED };
            let message = format!("removed ({} at {})", bits(place), offset(place));
            let path = format!("{path}.{}", place.name());
            self.special_or(rule, &path, message, (place, Side::Old));
        }
    }

    /// Compares the widths of bit-fields, and the sizes of arrays and of types without members.
    fn width(
        &mut self,
        path: &str,
        old: &PlacedMember<'a>,
        new: &PlacedMember<'a>,
        ty: &TypePair<'a>,
    ) {
        let is_bit_field = |place: &PlacedMember<'_>| place.member.bits.is_some();
        let differ = match &ty.shape {
            Shape::Composites(_) => false,
            _ => old.bits != new.bits,
        };
        if !differ && is_bit_field(old) == is_bit_field(new) {
            return;
        }
        // The message about two different types already contains their sizes.
        let is_said = matches!(ty.shape, Shape::Ends | Shape::Enums(..))
            && !is_bit_field(old)
            && !is_bit_field(new);
        if !is_said {
            let width = |place: &PlacedMember<'_>| {
                if is_bit_field(place) {
                    format!("a bit-field of {}", bits(place))
                } else {
                    bits(place)
                }
            };
            let message = changed(&width(old), &width(new));
            self.push(&rules::MEMBER_RESIZED, path, message, new.member.span);
        }
    }

    /// Reports a change. The rule is the rule for special fields if the member is a special field,
    /// and `rule` otherwise.
    fn special_or(
        &mut self,
        rule: &'static Rule,
        path: &str,
        message: String,
        (place, side): (&PlacedMember<'a>, Side),
    ) {
        let is_special = match &place.member.ty {
            MemberType::Type(ty) => leaves::is_special(&ty.value),
            MemberType::Struct(_) | MemberType::Union(_) => false,
        };
        let rule = if is_special { &rules::SPECIAL_FIELD } else { rule };
        self.push(rule, path, message, place.member.span).side = side;
    }

    fn push(
        &mut self,
        rule: &'static Rule,
        path: &str,
        message: String,
        span: Span,
    ) -> &mut Change {
        let rule = match self.part {
            MapPart::Key if rule.class == Class::WrongData => &rules::KEY_LAYOUT,
            MapPart::Event if rule.class == Class::WrongData => &rules::EVENT,
            _ => rule,
        };
        let class = rule.class;
        let path = path.to_owned();
        self.found.push(Change { rule, class, path, message, side: Side::New, span });
        self.found.last_mut().expect("the change has just been added")
    }
}

/// Returns the rule and the message for a member that exists only in the new type.
fn added(place: &PlacedMember<'_>, composites: &Composites<'_>) -> (&'static Rule, String) {
    let what = format!("added ({} at {})", bits(place), offset(place));
    if place.in_union {
        return (&rules::UNION_MEMBER, what);
    }
    let starts_as_zero = place.member.default.as_ref().is_some_and(|it| it.value.is_zero());
    let other = composites.old.iter().find(|old| old.overlaps(place));
    match other {
        Some(other) => {
            let message = format!("{what} where the old type has `{}`", other.name());
            (&rules::MEMBER_ADDED, message)
        }
        None if starts_as_zero && place.depth == 0 && composites.reaches(place) => {
            (&rules::MEMBER_ADDED_IN_PADDING, format!("{what} where the old type has padding"))
        }
        None if !composites.reaches(place) => (&rules::MEMBER_ADDED, what),
        None => {
            let message = match &place.member.default {
                None => format!(
                    "{what} where the old type has padding; write `default = 0` if zero is the right value for older entries"
                ),
                Some(default) => format!(
                    "{what} where the old type has padding: older entries have 0 instead of {}",
                    default.value
                ),
            };
            (&rules::MEMBER_ADDED, message)
        }
    }
}

impl Composites<'_> {
    /// Returns whether `place` lies completely within the bytes of the old type.
    fn reaches(&self, place: &PlacedMember<'_>) -> bool {
        place.bit_offset.saturating_add(place.bits) <= self.old_size.saturating_mul(8)
    }
}
