//! Serializes keys, values and events for JSON and similar formats. The result corresponds to the
//! output of `Debug`.

use serde::{Serialize, Serializer};

use crate::types::BpfEnum;
use crate::{Be16, Be32, Be64, Bool, CharArray, Enum, PerCpu, Plain};

macro_rules! as_number {
    ($($name:ty)*) => { $(
        /// Writes the number in the host's byte order.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.get().serialize(serializer)
            }
        }
    )* };
}
as_number!(Be16 Be32 Be64 Bool);

/// Writes the text up to the first NUL, and replaces bytes that are not UTF-8 with `\u{fffd}`.
impl<const N: usize> Serialize for CharArray<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes the variant, or the number if no variant has this number.
impl<E: BpfEnum<Repr: Serialize> + Serialize> Serialize for Enum<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            Ok(variant) => variant.serialize(serializer),
            Err(number) => number.serialize(serializer),
        }
    }
}

/// Writes a list of the values in the order of their CPUs.
impl<V: Plain + Serialize> Serialize for PerCpu<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn values_are_serialized_in_readable_form() {
        assert_eq!(to_value(Be32::new(7)).unwrap(), json!(7));
        assert_eq!(to_value(Bool::from(true)).unwrap(), json!(true));
        assert_eq!(to_value(CharArray::<8>::try_from("eth0").unwrap()).unwrap(), json!("eth0"));
        let cpus = PerCpu::from_fn(|cpu| cpu as u64).unwrap();
        assert_eq!(to_value(&cpus).unwrap()[0], json!(0));
    }
}
