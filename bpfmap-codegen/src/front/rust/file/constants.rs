//! Constant expressions, as far as numbers of a schema need them.
//!
//! Literals, constants of the crate, `u32::MAX` and its like, variants of enums `as` integers,
//! `size_of::<T>()` and `align_of::<T>()` of types that C has, `+ - * / % << >> & | ^`, `-`, `!`,
//! `as`, and brackets.

use std::cell::Cell;

use syn::{BinOp, Expr, GenericArgument, Lit, PathArguments, UnOp};

use super::assemble;
use super::krate::{Crate, ModuleId};
use super::resolve::{Meaning, Space, resolve, words};
use crate::front::type_word::builtin;
use crate::ir::{Int, Type};

/// How deep constants may be made of constants and of sizes of types.
const MAX_DEPTH: usize = 64;

/// Why an expression has no value that could be known.
pub(super) type Why = String;

/// The value of `expression`, which stands in `module`.
pub(super) fn value(krate: &Crate, module: ModuleId, expression: &Expr) -> Result<i128, Why> {
    Evaluation { krate, module }.value(expression)
}

struct Evaluation<'a> {
    krate: &'a Crate,
    module: ModuleId,
}

impl Evaluation<'_> {
    fn value(&self, expression: &Expr) -> Result<i128, Why> {
        match expression {
            Expr::Lit(literal) => literal_value(&literal.lit),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Group(inner) => self.value(&inner.expr),
            Expr::Unary(unary) => {
                let value = self.value(&unary.expr)?;
                match unary.op {
                    UnOp::Neg(_) => value.checked_neg().ok_or_else(too_large),
                    UnOp::Not(_) => Ok(!value),
                    _ => Err("this is no number".to_owned()),
                }
            }
            Expr::Binary(binary) => {
                operation(binary.op, self.value(&binary.left)?, self.value(&binary.right)?)
            }
            Expr::Cast(cast) => {
                let value = self.value(&cast.expr)?;
                match int(&cast.ty) {
                    Some(int) => Ok(wrapped(value, int)),
                    None => Err("it is made another type than an integer".to_owned()),
                }
            }
            Expr::Path(path) if path.qself.is_none() => self.path(&path.path),
            Expr::Call(call) if call.args.is_empty() => self.size(&call.func),
            _ => Err("its form is not one that is known here".to_owned()),
        }
    }

    fn path(&self, path: &syn::Path) -> Result<i128, Why> {
        let name = words(path).join("::");
        match resolve(self.krate, self.module, path, Space::Constants) {
            Some(Meaning::Constant(module, name)) => {
                let _guard = self.krate.memory.deeper(DEPTH_NAME)?;
                let this = self.krate.module(module);
                let constant = &this.constants[&name];
                let known =
                    self.krate.memory.constants.borrow().get(&(module, name.clone())).copied();
                if let Some(known) = known {
                    return Ok(known);
                }
                let unreadable = |_| format!("the constant `{name}` can't be read");
                let expression = syn::parse2(constant.value.clone()).map_err(unreadable)?;
                let inner = Evaluation { krate: self.krate, module };
                let value = inner.value(&expression)?;
                let ty = syn::parse2(constant.ty.clone()).ok();
                let value = match ty.as_ref().and_then(int) {
                    Some(int) => wrapped(value, int),
                    None => value,
                };
                self.krate.memory.constants.borrow_mut().insert((module, name), value);
                Ok(value)
            }
            Some(Meaning::Variant(id, variant)) => {
                let _guard = self.krate.memory.deeper(DEPTH_NAME)?;
                assemble::variant(self.krate, id, &variant)
                    .ok_or_else(|| format!("nothing is known of `{name}`"))
            }
            _ => limit(&words(path))
                .ok_or_else(|| format!("no constant of the crate is called `{name}`")),
        }
    }

    /// `size_of::<T>`, by whatever path.
    fn size(&self, function: &Expr) -> Result<i128, Why> {
        let unknown = || "it calls a function".to_owned();
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
            .ok_or("it is the size of a type that no map can hold")?;
        Ok(i128::from(if is_size { layout.size } else { layout.align }))
    }
}

/// What is too deep.
const DEPTH_NAME: &str = "constants are made of constants";

/// Counts how deep reading goes.
#[derive(Debug, Default)]
pub(super) struct Depth(Cell<usize>);

/// Goes up again.
pub(super) struct Deeper<'a>(&'a Depth);

impl Depth {
    pub(super) fn deeper(&self, what: &str) -> Result<Deeper<'_>, Why> {
        if self.0.get() >= MAX_DEPTH {
            return Err(format!("{what} more than {MAX_DEPTH} deep, or of themselves"));
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

fn literal_value(literal: &Lit) -> Result<i128, Why> {
    match literal {
        Lit::Int(digits) => digits.base10_parse().map_err(|_| too_large()),
        Lit::Byte(byte) => Ok(byte.value().into()),
        Lit::Char(character) => Ok(u32::from(character.value()).into()),
        Lit::Bool(truth) => Ok(truth.value.into()),
        _ => Err("this is no number".to_owned()),
    }
}

fn too_large() -> Why {
    "a number in it is too large".to_owned()
}

fn operation(operator: BinOp, left: i128, right: i128) -> Result<i128, Why> {
    let shift = || u32::try_from(right).ok().filter(|bits| *bits < 128);
    let result = match operator {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Rem(_) => left.checked_rem(right),
        BinOp::BitAnd(_) => Some(left & right),
        BinOp::BitOr(_) => Some(left | right),
        BinOp::BitXor(_) => Some(left ^ right),
        BinOp::Shl(_) => shift().and_then(|bits| left.checked_mul(1_i128.checked_shl(bits)?)),
        BinOp::Shr(_) => shift().map(|bits| left >> bits),
        _ => return Err("its form is not one that is known here".to_owned()),
    };
    result.ok_or_else(|| "it has no value: it overflows, or divides by zero".to_owned())
}

/// The integer that `ty` is; `usize` is the target's.
fn int(ty: &syn::Type) -> Option<Int> {
    let syn::Type::Path(path) = ty else { return None };
    int_word(&path.path.segments.last()?.ident.to_string())
}

fn int_word(word: &str) -> Option<Int> {
    match (word, builtin(word)) {
        ("usize", _) => Some(Int { size: 8, signed: false }),
        ("isize", _) => Some(Int { size: 8, signed: true }),
        (_, Some(Type::Int(int))) => Some(int),
        _ => None,
    }
}

/// `value` as the integer has it.
fn wrapped(value: i128, int: Int) -> i128 {
    let bits = int.size * 8;
    if bits >= 128 {
        return value;
    }
    let low = value & ((1 << bits) - 1);
    if int.signed && low >> (bits - 1) == 1 { low - (1 << bits) } else { low }
}

/// `u32::MAX` and so on.
fn limit(words: &[String]) -> Option<i128> {
    let [.., ty, what] = words else { return None };
    let int = int_word(ty)?;
    let bits = int.size * 8;
    if bits >= 128 {
        return None;
    }
    Some(match (what.as_str(), int.signed) {
        ("MAX", false) => (1 << bits) - 1,
        ("MAX", true) => (1 << (bits - 1)) - 1,
        ("MIN", false) => 0,
        ("MIN", true) => -(1 << (bits - 1)),
        ("BITS", _) => bits.into(),
        _ => return None,
    })
}
