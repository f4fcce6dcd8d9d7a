//! Evaluates constant expressions.
//!
//! An expression can contain literals, `u32::MAX` and similar limits, the operators `+`, `-`, `*`, `/`, `%`, `<<`,
//! `>>`, `&`, `|`, `^` and `!`, `as`, parentheses, and the names that the caller knows.

use syn::{BinOp, Expr, Lit, UnOp};

use crate::ir::{Int, Type};
use crate::type_word::builtin;

/// The reason why the value of an expression is unknown.
pub(super) type Why = String;

/// The value of an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) number: i128,
    /// The type of the value, or `None` for a literal whose type depends on the context.
    pub(super) int: Option<Int>,
}

impl Value {
    fn untyped(number: i128) -> Self {
        Self { number, int: None }
    }

    fn of(number: i128, int: Int) -> Self {
        Self { number, int: Some(int) }
    }
}

/// Provides the values of the names in an expression.
pub(super) trait Names {
    /// Returns the value of a constant.
    fn path(&self, path: &syn::Path) -> Result<Value, Why>;

    /// Returns the value of a call of `function` without arguments.
    fn call(&self, function: &Expr) -> Result<Value, Why>;
}

/// An implementation without any names.
pub(super) struct NoNames;

impl Names for NoNames {
    fn path(&self, path: &syn::Path) -> Result<Value, Why> {
        limit(&words(path)).ok_or_else(|| "the expression refers to a constant".to_owned())
    }

    fn call(&self, _: &Expr) -> Result<Value, Why> {
        Err("the expression calls a function".to_owned())
    }
}

fn words(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Returns the value of `expression` in a position that requires a value of the type `expected`.
pub(super) fn evaluate(
    names: &dyn Names,
    expression: &Expr,
    expected: Option<Int>,
) -> Result<Value, Why> {
    match expression {
        Expr::Lit(literal) => literal_value(&literal.lit),
        Expr::Paren(inner) => evaluate(names, &inner.expr, expected),
        Expr::Group(inner) => evaluate(names, &inner.expr, expected),
        Expr::Unary(unary) => {
            let Value { number, int } = evaluate(names, &unary.expr, expected)?;
            let number = match unary.op {
                UnOp::Neg(_) => number.checked_neg().ok_or_else(overflow)?,
                UnOp::Not(_) => int.or(expected).map_or(!number, |int| wrapped(!number, int)),
                _ => return Err("the expression is not a number".to_owned()),
            };
            fitting(number, int)
        }
        Expr::Binary(binary) => {
            let left = evaluate(names, &binary.left, expected)?;
            if matches!(binary.op, BinOp::Shl(_) | BinOp::Shr(_)) {
                let right = evaluate(names, &binary.right, None)?;
                return shift(&binary.op, left, right.number, expected);
            }
            let right = evaluate(names, &binary.right, left.int.or(expected))?;
            // A literal gets the type of the other operand.
            let left = match (left.int, right.int) {
                (None, Some(_)) => evaluate(names, &binary.left, right.int)?,
                _ => left,
            };
            fitting(operation(&binary.op, left.number, right.number)?, left.int.or(right.int))
        }
        Expr::Cast(cast) => {
            let value = evaluate(names, &cast.expr, None)?;
            match int(&cast.ty) {
                Some(int) => Ok(Value::of(wrapped(value.number, int), int)),
                None => {
                    Err("the expression contains a cast to a type that is not an integer"
                        .to_owned())
                }
            }
        }
        Expr::Path(path) if path.qself.is_none() => names.path(&path.path),
        Expr::Call(call) if call.args.is_empty() => names.call(&call.func),
        _ => Err(unknown_form()),
    }
}

fn literal_value(literal: &Lit) -> Result<Value, Why> {
    let number = match literal {
        Lit::Int(digits) => {
            let number = digits.base10_parse().map_err(|_| too_large())?;
            return Ok(Value { number, int: int_word(digits.suffix()) });
        }
        Lit::Byte(byte) => {
            return Ok(Value::of(byte.value().into(), Int { size: 1, signed: false }));
        }
        Lit::Char(character) => u32::from(character.value()).into(),
        Lit::Bool(truth) => truth.value.into(),
        _ => return Err("the expression is not a number".to_owned()),
    };
    Ok(Value::untyped(number))
}

fn unknown_form() -> Why {
    "bpfmap does not support this kind of expression".to_owned()
}

fn too_large() -> Why {
    "a number in the expression is too large".to_owned()
}

fn overflow() -> Why {
    "the expression overflows or divides by zero".to_owned()
}

/// Returns `number` as a value of the type `int`. If the type can't represent the number, returns
/// an error, as the compiler does for an overflow.
fn fitting(number: i128, int: Option<Int>) -> Result<Value, Why> {
    if int.is_some_and(|int| wrapped(number, int) != number) {
        return Err(overflow());
    }
    Ok(Value { number, int })
}

fn operation(operator: &BinOp, left: i128, right: i128) -> Result<i128, Why> {
    let result = match operator {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Rem(_) => left.checked_rem(right),
        BinOp::BitAnd(_) => Some(left & right),
        BinOp::BitOr(_) => Some(left | right),
        BinOp::BitXor(_) => Some(left ^ right),
        _ => return Err(unknown_form()),
    };
    result.ok_or_else(overflow)
}

/// Evaluates a shift by `bits` bits. Bits that are shifted out of the integer are lost. `bits` must be less than the
/// width of the integer.
fn shift(operator: &BinOp, value: Value, bits: i128, expected: Option<Int>) -> Result<Value, Why> {
    let int = value.int.or(expected);
    let width = int.map_or(i128::BITS, |int| int.size * 8);
    let bits = u32::try_from(bits).ok().filter(|bits| *bits < width).ok_or_else(overflow)?;
    let number = match operator {
        BinOp::Shr(_) => value.number >> bits,
        _ if width < 64 => wrapped(value.number << bits, int.ok_or_else(overflow)?),
        // The result for a wider integer does not always fit in an `i128`.
        _ => {
            let all = 1_i128.checked_shl(bits).and_then(|unit| value.number.checked_mul(unit));
            let all = all.ok_or_else(overflow)?;
            int.map_or(all, |int| wrapped(all, int))
        }
    };
    Ok(Value { number, int: value.int })
}

/// Returns the integer type to which `ty` refers, or `None` if `ty` is not an integer type. `usize`
/// and `isize` have 8 bytes.
pub(super) fn int(ty: &syn::Type) -> Option<Int> {
    let syn::Type::Path(path) = ty else { return None };
    int_word(&path.path.segments.last()?.ident.to_string())
}

fn int_word(word: &str) -> Option<Int> {
    match (word, builtin(word)) {
        ("usize", _) => Some(USIZE),
        ("isize", _) => Some(Int { size: 8, signed: true }),
        (_, Some(Type::Int(int))) => Some(int),
        _ => None,
    }
}

/// The type `usize`, which has 8 bytes on all targets that bpfmap supports.
pub(super) const USIZE: Int = Int { size: 8, signed: false };

/// Returns `value` truncated to the width of `int`, as a number of the type `int`.
pub(super) fn wrapped(value: i128, int: Int) -> i128 {
    let bits = int.size * 8;
    if bits >= 128 {
        return value;
    }
    let low = value & ((1 << bits) - 1);
    if int.signed && low >> (bits - 1) == 1 { low - (1 << bits) } else { low }
}

/// Returns the value of a limit such as `u32::MAX`, or `None` if `words` is not a limit.
pub(super) fn limit(words: &[String]) -> Option<Value> {
    let [.., ty, what] = words else { return None };
    let int = int_word(ty)?;
    let bits = int.size * 8;
    if bits >= 128 {
        return None;
    }
    let number = match (what.as_str(), int.signed) {
        ("MAX", false) => (1 << bits) - 1,
        ("MAX", true) => (1 << (bits - 1)) - 1,
        ("MIN", false) => 0,
        ("MIN", true) => -(1 << (bits - 1)),
        ("BITS", _) => return Some(Value::of(bits.into(), Int { size: 4, signed: false })),
        _ => return None,
    };
    Some(Value::of(number, int))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<i128, Why> {
        let expression = syn::parse_str(text).unwrap();
        let expected = Some(Int { size: 4, signed: false });
        evaluate(&NoNames, &expression, expected).map(|value| value.number)
    }

    #[test]
    fn expressions_have_the_same_values_as_in_the_compiler() {
        // Expressions, each with the value that `rustc` computes in a position that requires a `u32`.
        const CASES: &[(&str, i128)] = &[
            ("1 << 4", 1 << 4),
            ("!0", !0_u32 as i128),
            ("!0 << 4", (!0_u32 << 4) as i128),
            ("!0 & 0xff", 0xff),
            ("!7_u8 as u32", !7_u8 as i128),
            ("-1_i32 as u32", u32::MAX as i128),
            ("(3 + 4 * 2 - 1) % 7 / 2", (3 + 4 * 2 - 1) % 7 / 2),
            ("u16::MAX as u32 + 1", 1 << 16),
            ("core::u8::MAX as u32", 255),
            ("u64::BITS", 64),
            ("0x80 >> 3 | b'a' as u32 ^ 1", 0x80 >> 3 | 0x61 ^ 1),
            ("300 as u8 as u32", 44),
        ];
        for (text, expected) in CASES {
            assert_eq!(value(text), Ok(*expected), "{text}");
        }
        for text in
            ["u8::MAX + 1", "1_u8 << 8", "1 / 0", "-u32::MAX", "N", "f()", "1.5", "0_u32 - 1"]
        {
            assert!(value(text).is_err(), "{text}: {:?}", value(text));
        }
    }
}
