//! Evaluates constant expressions for the numbers of a schema.
//!
//! An expression can contain literals, constants of the crate, `u32::MAX` and similar limits, variants of enums that
//! are cast to integers, `size_of::<T>()` and `align_of::<T>()` of types that exist in C, the operators `+`, `-`, `*`,
//! `/`, `%`, `<<`, `>>`, `&`, `|`, `^` and `!`, `as`, and parentheses.

use std::cell::Cell;

use syn::{Expr, GenericArgument, PathArguments};

use super::assemble;
use super::krate::{Crate, ModuleId};
use super::resolve::{Meaning, Space, resolve, words};
use crate::front::rust::expression::{Names, USIZE, Value, evaluate, int, limit, wrapped};
use crate::ir::Int;

pub(super) use crate::front::rust::expression::Why;

/// The maximum length of a chain of constants that depend on other constants and on sizes of types.
const MAX_DEPTH: usize = 64;

/// Returns the value of `expression` in `module`, in a position that requires a value of the type `expected`.
pub(super) fn value(
    krate: &Crate,
    module: ModuleId,
    expression: &Expr,
    expected: Option<Int>,
) -> Result<i128, Why> {
    evaluate(&InModule { krate, module }, expression, expected).map(|value| value.number)
}

/// The names that a module can use.
struct InModule<'a> {
    krate: &'a Crate,
    module: ModuleId,
}

impl Names for InModule<'_> {
    fn path(&self, path: &syn::Path) -> Result<Value, Why> {
        let name = words(path).join("::");
        match resolve(self.krate, self.module, path, Space::Constants) {
            Some(Meaning::Constant(module, name)) => {
                let _guard = self.krate.memory.deeper(DEPTH_NAME)?;
                let this = self.krate.module(module);
                let constant = &this.constants[&name];
                self.krate.report_module(module);
                self.krate.report_doubts(module, &constant.doubts);
                let ty = syn::parse2(constant.ty.clone()).ok().as_ref().and_then(int);
                let known =
                    self.krate.memory.constants.borrow().get(&(module, name.clone())).copied();
                if let Some(number) = known {
                    return Ok(Value { number, int: ty });
                }
                let unreadable =
                    |_| format!("bpfmap can't compute the value of the constant `{name}`");
                let expression = syn::parse2(constant.value.clone()).map_err(unreadable)?;
                let number = value(self.krate, module, &expression, ty)?;
                let number = ty.map_or(number, |int| wrapped(number, int));
                self.krate.memory.constants.borrow_mut().insert((module, name), number);
                Ok(Value { number, int: ty })
            }
            Some(Meaning::Variant(id, variant)) => {
                let _guard = self.krate.memory.deeper(DEPTH_NAME)?;
                let number = assemble::variant(self.krate, id, &variant)
                    .ok_or_else(|| format!("`{name}` is unknown"))?;
                Ok(Value { number, int: None })
            }
            _ => limit(&words(path)).ok_or_else(|| format!("the crate has no constant `{name}`")),
        }
    }

    /// Evaluates `size_of::<T>()` and `align_of::<T>()`, with any path before the name.
    fn call(&self, function: &Expr) -> Result<Value, Why> {
        let unknown = || "the expression calls a function".to_owned();
        let Expr::Path(path) = function else { return Err(unknown()) };
        let Some(last) = path.path.segments.last() else { return Err(unknown()) };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return Err(unknown());
        };
        let Some(GenericArgument::Type(ty)) = arguments.args.first() else {
            return Err(unknown());
        };
        let is_size = last.ident == "size_of";
        if !is_size && last.ident != "align_of" {
            return Err(unknown());
        }
        let _guard = self.krate.memory.deeper(DEPTH_NAME)?;
        let layout = assemble::layout(self.krate, self.module, ty)
            .ok_or("the expression needs the size of a type that can't be in a map")?;
        let number = i128::from(if is_size { layout.size } else { layout.align });
        Ok(Value { number, int: Some(USIZE) })
    }
}

/// The beginning of the message about a constant that depends on too many other constants.
const DEPTH_NAME: &str = "a constant depends on itself";

/// A counter of the current depth.
#[derive(Debug, Default)]
pub(super) struct Depth(Cell<usize>);

/// Decreases the depth when it is dropped.
pub(super) struct Deeper<'a>(&'a Depth);

impl Depth {
    pub(super) fn deeper(&self, what: &str) -> Result<Deeper<'_>, Why> {
        if self.0.get() >= MAX_DEPTH {
            return Err(format!("{what}, or on a chain of more than {MAX_DEPTH} constants"));
        }
        self.0.set(self.0.get() + 1);
        Ok(Deeper(self))
    }
}

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() - 1);
    }
}
