//! Declarations of maps. A declaration is the spec in generated code, or a definition that was
//! created at run time.

use std::marker::PhantomData;
use std::os::fd::{AsFd as _, OwnedFd};

use bpfmap::{LiveMap, Map, MapDef, MapFlags, MapSpec, Result};
use libbpf_rs::Object;

use crate::handle::Handle;
use crate::untyped::Untyped;

/// The declaration of a map, which can open and create handles.
pub(crate) trait Declaration {
    /// A handle to the map.
    type Map: Handle + Into<OwnedFd>;

    /// Returns the definition of the map.
    fn def(&self) -> &'static MapDef<'static>;

    /// Creates the map with this number of entries.
    fn create(&self, max_entries: u32) -> Result<Self::Map>;

    /// Opens the map of a loaded object, and compares it with the definition.
    fn open(&self, object: &Object) -> Result<Self::Map>;

    /// Opens a map by its id.
    fn open_id(&self, id: u32, max_entries: u32) -> Result<Self::Map>;

    /// Opens a map again if its flags restrict user space. The restriction applies only to the
    /// descriptor that creation returned, so the new descriptor has no restriction.
    fn unlimited(&self, map: Self::Map) -> Result<Self::Map> {
        let flags = self.def().flags;
        if flags.contains(MapFlags::RDONLY) || flags.contains(MapFlags::WRONLY) {
            let max_entries = map.max_entries();
            return self.open_id(crate::objects::id(map.as_fd()), max_entries);
        }
        Ok(map)
    }
}

/// A declaration that consists of the spec `S` in generated code.
pub(crate) struct Spec<S>(PhantomData<S>);

impl<S> Spec<S> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<S: MapSpec> Declaration for Spec<S> {
    type Map = Map<S>;

    fn def(&self) -> &'static MapDef<'static> {
        const { &S::DEF }
    }

    fn create(&self, max_entries: u32) -> Result<Map<S>> {
        Map::<S>::options().max_entries(max_entries).create()
    }

    fn open(&self, object: &Object) -> Result<Map<S>> {
        Map::from_object(object)
    }

    fn open_id(&self, id: u32, max_entries: u32) -> Result<Map<S>> {
        Map::<S>::options().max_entries(max_entries).from_id(id)
    }
}

/// A declaration that consists of a definition that was created at run time.
pub(crate) struct Definition(pub(crate) &'static MapDef<'static>);

impl Declaration for Definition {
    type Map = Untyped;

    fn def(&self) -> &'static MapDef<'static> {
        self.0
    }

    fn create(&self, max_entries: u32) -> Result<Untyped> {
        let map = LiveMap::create(&self.0.max_entries(max_entries))?;
        Ok(Untyped::new(map, self.0))
    }

    fn open(&self, object: &Object) -> Result<Untyped> {
        Ok(Untyped::new(LiveMap::from_object(object, self.0)?, self.0))
    }

    fn open_id(&self, id: u32, _: u32) -> Result<Untyped> {
        Ok(Untyped::new(LiveMap::from_id(id)?, self.0))
    }
}
