//! Makes a failing schema smaller, as long as it still fails in the same way.

use bpfmap_schema::ir::{
    Composite, InnerMap, KeyValue, MapDecl, MemberType, Schema, Type, TypeDefKind,
};

/// Returns schemas that are slightly smaller than this schema. Some of them can break rules.
pub(crate) fn smaller(schema: &Schema) -> Vec<Schema> {
    let mut found = vec![];
    let mut with = |change: &dyn Fn(&mut Schema)| {
        let mut candidate = schema.clone();
        change(&mut candidate);
        if !same(&candidate, schema) {
            found.push(candidate);
        }
    };
    for index in 0..schema.maps.len() {
        with(&|schema| drop(schema.maps.remove(index)));
    }
    for index in 0..schema.types.len() {
        with(&|schema| drop(schema.types.remove(index)));
    }
    with(&|schema| {
        for def in &mut schema.types {
            def.doc = None;
            if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &mut def.kind {
                body.members.iter_mut().for_each(|member| member.doc = None);
            }
        }
    });
    with(&|schema| schema.maps.iter_mut().for_each(|map| map.doc = None));
    with(&|schema| schema.doc = None);
    with(&|schema| schema.min_kernel = None);
    with(&|schema| schema.name = "small".to_owned().into());
    for index in 0..schema.maps.len() {
        for change in MAP_CHANGES {
            with(&|schema| change(&mut schema.maps[index]));
        }
        for flag in 0..schema.maps[index].flags.len() {
            with(&|schema| drop(schema.maps[index].flags.remove(flag)));
        }
        with(&|schema| {
            if let Some(InnerMap::Template(inner)) =
                schema.maps[index].inner.as_mut().map(|inner| &mut inner.value)
            {
                for change in MAP_CHANGES {
                    change(inner);
                }
            }
        });
        with(&|schema| schema.maps[index].name = format!("m{index}").into());
    }
    for index in 0..schema.types.len() {
        with(&|schema| {
            let def = &mut schema.types[index];
            (def.doc, def.decl_tags, def.in_c.typedef) = (None, vec![], false);
        });
        match &schema.types[index].kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                for smaller in composites(body) {
                    with(&|schema| {
                        if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) =
                            &mut schema.types[index].kind
                        {
                            body.clone_from(&smaller);
                        }
                    });
                }
            }
            TypeDefKind::Enum(body) => {
                for variant in 0..body.variants.len() {
                    with(&|schema| {
                        if let TypeDefKind::Enum(body) = &mut schema.types[index].kind {
                            body.variants.remove(variant);
                        }
                    });
                }
                with(&|schema| {
                    if let TypeDefKind::Enum(body) = &mut schema.types[index].kind {
                        body.prefix = None;
                        body.variants.iter_mut().for_each(|variant| variant.doc = None);
                    }
                });
            }
            TypeDefKind::Alias(ty) => {
                for smaller in types(&ty.value) {
                    with(&|schema| {
                        if let TypeDefKind::Alias(ty) = &mut schema.types[index].kind {
                            ty.value = smaller.clone();
                        }
                    });
                }
            }
        }
    }
    found
}

fn same(one: &Schema, other: &Schema) -> bool {
    one.types == other.types
        && one.maps == other.maps
        && one.doc == other.doc
        && one.name == other.name
        && one.min_kernel == other.min_kernel
}

const MAP_CHANGES: &[fn(&mut MapDecl)] = &[
    |map| map.doc = None,
    |map| map.decl_tags = vec![],
    |map| map.pinning = None,
    |map| map.values = vec![],
    |map| map.renamed_from = None,
    |map| map.btf = None,
    |map| map.map_extra = None,
    |map| map.event = None,
    |map| map.key = None,
    |map| map.value = None,
    |map| map.key = number(map.key.as_ref()),
    |map| map.value = number(map.value.as_ref()),
    |map| {
        map.numa_node = None;
        map.flags.retain(|flag| flag.value != "numa_node");
    },
];

/// Replaces the type of a key or value with `u32`. Returns `None` if there is no key or value.
fn number(part: Option<&KeyValue>) -> Option<KeyValue> {
    part.map(|_| KeyValue::Type(plain().into()))
}

fn plain() -> Type {
    Type::Int(bpfmap_schema::ir::Int { size: 4, signed: false })
}

fn types(ty: &Type) -> Vec<Type> {
    match ty {
        Type::Array(element, _) => vec![element.value.clone(), plain()],
        Type::Int(_) => vec![],
        _ => vec![plain()],
    }
}

fn composites(body: &Composite) -> Vec<Composite> {
    let mut found = vec![];
    let mut with = |change: &dyn Fn(&mut Composite)| {
        let mut candidate = body.clone();
        change(&mut candidate);
        if candidate != *body {
            found.push(candidate);
        }
    };
    for index in 0..body.members.len() {
        with(&|body| drop(body.members.remove(index)));
    }
    with(&|body| body.packed = false);
    with(&|body| body.align = None);
    for index in 0..body.members.len() {
        with(&|body| {
            let member = &mut body.members[index];
            (member.doc, member.decl_tags) = (None, vec![]);
        });
        with(&|body| body.members[index].bits = None);
        with(&|body| {
            if body.members[index].name.is_some() {
                body.members[index].name = Some(format!("m{index}").into());
            }
        });
        match &body.members[index].ty {
            MemberType::Type(ty) => {
                for smaller in types(&ty.value) {
                    with(&|body| body.members[index].ty = MemberType::Type(smaller.clone().into()));
                }
            }
            MemberType::Struct(inner) => {
                for smaller in composites(inner) {
                    with(&|body| body.members[index].ty = MemberType::Struct(smaller.clone()));
                }
            }
            MemberType::Union(inner) => {
                for smaller in composites(inner) {
                    with(&|body| body.members[index].ty = MemberType::Union(smaller.clone()));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::{self, Tally};
    use bpfmap_schema::check::check;

    #[test]
    fn parts_that_do_not_cause_the_failure_are_removed() {
        let flag = |schema: &Schema| schema.maps.iter().any(|map| map.map_type.value == "hash");
        let mut schemas = (1..).map(|seed| generator::schema(seed, &mut Tally::default()));
        let mut schema = schemas.find(flag).expect("one of them has a hash");
        while let Some(next) = smaller(&schema)
            .into_iter()
            .find(|candidate| flag(candidate) && check(candidate.clone()).is_ok())
        {
            schema = next;
        }
        assert_eq!((schema.types.len(), schema.maps.len()), (0, 1));
        assert_eq!(schema.maps[0].flags.len(), 0);
    }
}
