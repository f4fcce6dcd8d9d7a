//! The modules of a crate. Each module is read when it is first needed.

mod files;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use proc_macro2::{Ident, Span as TokenSpan, TokenStream};
use syn::Attribute;
use syn::ext::IdentExt as _;

use self::files::{canonical, is_in_sources, is_root_name};
use super::cfg::Doubt;
use super::items::{self, Alias, Constant, Contents, Declared, Item, Use};
use super::memory::Room;
use super::{assemble, tokens};
use crate::diagnostics::Finding;
use crate::draft::Draft;
use crate::front::rust::cfg::Cfg;
use crate::rules;
use crate::source::{SourceId, SourceMap, Span};

/// The maximum size of all text that is read for one schema, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// The maximum number of files and modules.
const MAX_MODULES: usize = 10_000;

/// The maximum nesting depth of modules.
const MAX_MODULE_DEPTH: usize = 64;

/// A crate. Only the parts that were needed so far have been read.
pub(super) struct Crate {
    pub(super) sources: RefCell<SourceMap>,
    pub(super) findings: RefCell<Vec<Finding>>,
    reported: RefCell<HashSet<(&'static str, Span, String)>>,
    /// The modules. An element is `None` while the module is being read.
    modules: RefCell<Vec<Option<Rc<Module>>>>,
    declarations: RefCell<Vec<Rc<Declaration>>>,
    /// The module of each file that was read, by its canonical path.
    files: RefCell<HashMap<PathBuf, ModuleId>>,
    /// The number of bytes that can be read before the limit is reached.
    rest: Cell<u64>,
    /// The known conditions of the build.
    cfg: Rc<Cfg>,
    /// The root modules of other crates, by name. The value is `None` for a crate that can't be read, which was already
    /// reported.
    extern_crates: RefCell<HashMap<String, Option<ModuleId>>>,
    /// The number of types and maps that were removed by a `cfg`.
    pub(super) left_out: Cell<usize>,
    pub(super) memory: assemble::Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ModuleId(usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DeclarationId(usize);

impl DeclarationId {
    pub(super) fn number(self) -> usize {
        self.0
    }

    pub(super) fn from_number(number: usize) -> Self {
        Self(number)
    }
}

/// A module.
pub(super) struct Module {
    pub(super) source: SourceId,
    /// The parent module. It is `None` for the root of the crate, and for a file whose parent has
    /// not been needed yet.
    pub(super) parent: Cell<Option<ModuleId>>,
    depth: usize,
    /// The known conditions with which the module's crate is built.
    cfg: Rc<Cfg>,
    /// The file of the module.
    file: PathBuf,
    folder: PathBuf,
    /// The types and maps, by name.
    pub(super) types: HashMap<String, DeclarationId>,
    pub(super) constants: HashMap<String, Constant>,
    pub(super) uses: Vec<Use>,
    /// The submodules, by name. Each submodule has been read, or is given by the path of its file.
    children: RefCell<HashMap<String, Child>>,
    /// The types, maps and modules, in the order of the source.
    pub(super) order: Vec<Entry>,
    /// The attributes at the top of the module.
    pub(super) attributes: Vec<Attribute>,
    pub(super) schema: Option<(TokenSpan, TokenStream)>,
    /// The unknown conditions that decide whether the module exists.
    doubts: Vec<(SourceId, Doubt)>,
}

pub(super) enum Entry {
    Declaration(DeclarationId),
    Module(String),
}

#[derive(Clone)]
enum Child {
    Read(ModuleId),
    Unread {
        place: Span,
        path: Option<String>,
        /// The unknown conditions that decide whether the module exists. They are moved into the module when the module
        /// is read.
        doubts: Rc<RefCell<Vec<(SourceId, Doubt)>>>,
    },
    /// The module can't be read, which was already reported.
    Missing,
}

/// An item in the namespace of types.
pub(super) struct Declaration {
    pub(super) module: ModuleId,
    pub(super) name: Ident,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Declared(Box<Declared>),
    Alias(Alias),
    /// A type without a derive.
    Foreign,
}

impl Crate {
    /// Reads the schema in the file `path`. `text` is the text of the file, or `None` if the file must be read.
    pub(super) fn open(path: &Path, text: Option<&str>, cfg: &Cfg) -> Draft {
        let this = Self {
            sources: RefCell::default(),
            findings: RefCell::default(),
            reported: RefCell::default(),
            modules: RefCell::default(),
            declarations: RefCell::default(),
            files: RefCell::default(),
            rest: Cell::new(MAX_TEXT),
            cfg: Rc::new(cfg.clone()),
            extern_crates: RefCell::default(),
            left_out: Cell::new(0),
            memory: assemble::Memory::default(),
        };
        let root = match text {
            Some(text) => {
                let canonical = canonical(path);
                Some(this.text(path, canonical, text, Above::root(&this.cfg)))
            }
            None => this.file(path, Span::NONE, Above::root(&this.cfg)),
        };
        match root {
            Some(root) => assemble::assemble(this, root),
            None => this.into_draft(),
        }
    }

    /// Returns a draft that contains only the diagnostics.
    fn into_draft(self) -> Draft {
        let mut draft = Draft { findings: self.findings.into_inner(), ..Draft::default() };
        draft.schema.sources = self.sources.into_inner();
        draft
    }

    /// Adds a diagnostic, unless the same diagnostic was already reported. This check is necessary
    /// because code that is read several times causes the same diagnostics each time.
    pub(super) fn report(&self, finding: Finding) {
        let place = (finding.rule.id, finding.place.span, finding.message.clone());
        if self.reported.borrow_mut().insert(place) {
            self.findings.borrow_mut().push(finding);
        }
    }

    /// Reports each unknown condition that affects the contents of `module`.
    pub(super) fn report_doubts(&self, module: ModuleId, doubts: &[Doubt]) {
        let source = self.module(module).source;
        for doubt in doubts {
            self.report_doubt(source, doubt);
        }
    }

    /// Reports the unknown conditions that decide whether `module` and its parent modules exist.
    pub(super) fn report_module(&self, module: ModuleId) {
        let mut at = Some(module);
        for _ in 0..=MAX_MODULE_DEPTH {
            let Some(id) = at else { return };
            let module = self.module(id);
            for (source, doubt) in &module.doubts {
                self.report_doubt(*source, doubt);
            }
            at = module.parent.get();
        }
    }

    fn report_doubt(&self, source: SourceId, doubt: &Doubt) {
        let unknown = &doubt.unknown;
        self.report(
            Finding::new(
                &rules::UNKNOWN_CFG,
                span(source, doubt.first, doubt.last),
                format!("it is unknown whether `{unknown}` is set"),
            )
            .label("the header depends on this condition")
            .help(
                "set the condition with `--features` or `--cfg` on the command line, or with \
                 `Builder::features` or `Builder::cfg` in a build script; or remove the condition",
            ),
        );
    }

    pub(super) fn module(&self, id: ModuleId) -> Rc<Module> {
        Rc::clone(self.modules.borrow()[id.0].as_ref().expect("the module was read completely"))
    }

    pub(super) fn declaration(&self, id: DeclarationId) -> Rc<Declaration> {
        Rc::clone(&self.declarations.borrow()[id.0])
    }

    /// Returns whether `id` refers to a map.
    pub(super) fn is_map(&self, id: DeclarationId) -> bool {
        matches!(&self.declaration(id).kind, Kind::Declared(declared) if declared.is_map)
    }

    /// Returns the submodule `name` of `parent`.
    pub(super) fn child(&self, parent: ModuleId, name: &str) -> Option<ModuleId> {
        let module = self.module(parent);
        let child = module.children.borrow().get(name).cloned()?;
        let (place, path, doubts) = match child {
            Child::Read(id) => return Some(id),
            Child::Missing => return None,
            Child::Unread { place, path, doubts } => (place, path, doubts),
        };
        let found = self.child_file(&module, parent, name, place, path.as_deref());
        let known = found.map_or(Child::Missing, Child::Read);
        if let Some(found) = found {
            let mut modules = self.modules.borrow_mut();
            // `get_mut` returns `None` only if the module exists under two names, because it then
            // has a second owner.
            if let Some(module) = modules[found.0].as_mut().and_then(Rc::get_mut) {
                module.doubts.append(&mut doubts.borrow_mut());
            }
        }
        module.children.borrow_mut().insert(name.to_owned(), known);
        found
    }

    /// Returns the parent module. For the file that the user passed, the first call searches the
    /// file's package for the parent.
    pub(super) fn parent(&self, id: ModuleId) -> Option<ModuleId> {
        let module = self.module(id);
        if module.parent.get().is_none() {
            self.find_in_package(id, &module);
        }
        module.parent.get()
    }

    /// Returns the root module of another crate, if its path is known.
    pub(super) fn extern_crate(&self, name: &str) -> Option<ModuleId> {
        if let Some(known) = self.extern_crates.borrow().get(name) {
            return *known;
        }
        let path = self.cfg.root_of(name)?;
        let above = Above::root(&Rc::new(self.cfg.of_extern_crate()));
        let root = self.file(path, Span::NONE, above);
        self.extern_crates.borrow_mut().insert(name.to_owned(), root);
        root
    }

    pub(super) fn root(&self, id: ModuleId) -> ModuleId {
        let mut root = id;
        for _ in 0..=MAX_MODULE_DEPTH {
            match self.parent(root) {
                Some(parent) => root = parent,
                None => break,
            }
        }
        root
    }

    fn text(
        &self,
        path: &Path,
        canonical: PathBuf,
        text: &str,
        Above { parent, cfg }: Above,
    ) -> ModuleId {
        let source = self.sources.borrow_mut().add(path, text);
        let room = Room::for_text(text);
        if room.is_none() {
            self.report_too_much(Span::new(source, 0..0));
        }
        // If the memory limit is exceeded, nothing is read.
        let read = if room.is_some() { text } else { "" };
        let tokens = tokens::lex(read).unwrap_or_else(|range| {
            let start = range.start.min(text.len());
            self.report(
                Finding::new(
                    &rules::RUST_SYNTAX,
                    Span::new(source, start..range.end.clamp(start, text.len())),
                    "invalid Rust: unmatched bracket, or literal without an end",
                )
                .label("valid up to here")
                .help("run `cargo check` for details"),
            );
            TokenStream::new()
        });
        let folder = path.parent().unwrap_or(Path::new(""));
        let is_root = is_root_name(path) || parent.is_none() && !is_in_sources(path);
        let folder = match path.file_stem() {
            Some(stem) if !is_root => folder.join(stem),
            _ => folder.to_owned(),
        };
        let depth = parent.map_or(0, |parent| self.module(parent).depth + 1);
        let file =
            ModuleFile { source, file: path, folder, parent, depth, cfg, doubts: Vec::new() };
        let id = self.add(file, tokens, &room.unwrap_or_default());
        self.files.borrow_mut().insert(canonical, id);
        id
    }

    /// Adds the module that consists of `tokens`.
    fn add(&self, place: ModuleFile<'_>, tokens: TokenStream, room: &Room) -> ModuleId {
        let id = ModuleId(self.modules.borrow().len());
        self.modules.borrow_mut().push(None);
        let Contents { attributes, items, doubts } = items::split(tokens, room, &place.cfg);
        let own = doubts.into_iter().map(|doubt| (place.source, doubt));
        let doubts = place.doubts.into_iter().chain(own).collect();
        let mut module = Module {
            source: place.source,
            parent: Cell::new(place.parent),
            depth: place.depth,
            cfg: place.cfg,
            file: place.file.to_owned(),
            folder: place.folder,
            types: HashMap::new(),
            constants: HashMap::new(),
            uses: Vec::new(),
            children: RefCell::default(),
            order: Vec::new(),
            attributes,
            schema: None,
            doubts,
        };
        for item in items {
            self.item(id, &mut module, item, room);
        }
        self.modules.borrow_mut()[id.0] = Some(Rc::new(module));
        id
    }

    fn item(&self, id: ModuleId, module: &mut Module, item: Item, room: &Room) {
        match item {
            Item::Module { name, attributes, body, doubts } => {
                let doubts = doubts.into_iter().map(|doubt| (module.source, doubt)).collect();
                let key = items::plain(&name);
                let place = span(module.source, name.span(), name.span());
                let child = match body {
                    _ if module.depth >= MAX_MODULE_DEPTH
                        || self.modules.borrow().len() >= MAX_MODULES =>
                    {
                        self.report(
                            Finding::new(
                                &rules::RUST_SYNTAX,
                                place,
                                format!(
                                    "there are more than {MAX_MODULES} modules, or modules are \
                                     nested more than {MAX_MODULE_DEPTH} levels deep"
                                ),
                            )
                            .help("put the schema into a separate file"),
                        );
                        Child::Missing
                    }
                    Some(body) => {
                        let folder = module.folder.join(&key);
                        let place = ModuleFile {
                            source: module.source,
                            file: &module.file,
                            folder,
                            parent: Some(id),
                            depth: module.depth + 1,
                            cfg: Rc::clone(&module.cfg),
                            doubts,
                        };
                        Child::Read(self.add(place, body, room))
                    }
                    None => {
                        let doubts = Rc::new(RefCell::new(doubts));
                        Child::Unread { place, path: path_of(&attributes), doubts }
                    }
                };
                module.children.borrow_mut().insert(key.clone(), child);
                module.order.push(Entry::Module(key));
            }
            Item::Use(used) => module.uses.push(used),
            Item::Constant(constant) => {
                module.constants.insert(constant.name.clone(), constant);
            }
            Item::Alias(alias) => {
                self.declare(id, module, alias.name.clone(), Kind::Alias(alias));
            }
            Item::Declared(declared) => {
                self.declare(id, module, declared.input.ident.clone(), Kind::Declared(declared));
            }
            Item::Foreign(name) => self.declare(id, module, name, Kind::Foreign),
            Item::Schema { place, body, doubts } => {
                for doubt in &doubts {
                    self.report_doubt(module.source, doubt);
                }
                module.schema = Some((place, body));
            }
            Item::LeftOut => self.left_out.set(self.left_out.get() + 1),
            Item::Broken(place, why) => {
                let place = span(module.source, place, place);
                self.report(
                    Finding::new(&rules::RUST_SYNTAX, place, format!("invalid Rust: {why}"))
                        .help("run `cargo check` for details"),
                );
            }
            Item::TooMuch(place) => self.report_too_much(span(module.source, place, place)),
            Item::TooDeep(place) => {
                let place = span(module.source, place, place);
                self.report(
                    Finding::new(
                        &rules::RUST_SYNTAX,
                        place,
                        "this item is nested too deeply, or contains a number with too many digits",
                    )
                    .help("declare parts of the item as separate types and constants"),
                );
            }
        }
    }

    fn report_too_much(&self, place: Span) {
        self.report(
            Finding::new(&rules::UNREADABLE_SOURCE, place, "this file is too large for a schema")
                .label("the file is not read from here on")
                .help("put the schema into a separate file, or split it into several schemas"),
        );
    }

    fn declare(&self, id: ModuleId, module: &mut Module, name: Ident, kind: Kind) {
        let declaration = DeclarationId(self.declarations.borrow().len());
        module.order.push(Entry::Declaration(declaration));
        // If there are two declarations with the same name, for example under different `cfg`s, the first declaration
        // is used.
        module.types.entry(name.unraw().to_string()).or_insert(declaration);
        self.declarations.borrow_mut().push(Rc::new(Declaration { module: id, name, kind }));
    }
}

/// The source and the position of a module in the crate.
struct ModuleFile<'a> {
    source: SourceId,
    file: &'a Path,
    folder: PathBuf,
    parent: Option<ModuleId>,
    depth: usize,
    cfg: Rc<Cfg>,
    doubts: Vec<(SourceId, Doubt)>,
}

/// The context of a file: its parent module, and the known conditions of its crate's build.
#[derive(Clone)]
pub(super) struct Above {
    pub(super) parent: Option<ModuleId>,
    pub(super) cfg: Rc<Cfg>,
}

impl Above {
    /// Returns the context of a file whose parent module is unknown.
    pub(super) fn root(cfg: &Rc<Cfg>) -> Self {
        Self { parent: None, cfg: Rc::clone(cfg) }
    }
}

/// Returns the span from the beginning of `first` to the end of `last`.
pub(super) fn span(source: SourceId, first: TokenSpan, last: TokenSpan) -> Span {
    let (first, last) = (first.byte_range(), last.byte_range());
    Span::new(source, first.start..last.end.max(first.end))
}

/// Returns a draft that contains only an error, because the thread that reads the schema could not
/// be started.
pub(super) fn unreadable(error: &std::io::Error) -> Draft {
    let message = format!("can't start a thread to read the file: {error}");
    let finding = Finding::new(&rules::UNREADABLE_SOURCE, Span::NONE, message)
        .help("check whether the system has enough free memory");
    Draft { findings: vec![finding], ..Draft::default() }
}

/// Returns the path in the attribute `#[path = "…"]`.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Meta::NameValue(meta) = &attribute.meta else { return None };
    match &meta.value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(path) => Some(path.value()),
            _ => None,
        },
        _ => None,
    }
}
