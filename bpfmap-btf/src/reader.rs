//! Reads numbers from bytes.

use crate::BtfError;

/// The byte order of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

/// The remaining bytes of the input.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8], order: Order) -> Self {
        Self { rest, order }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BtfError> {
        Ok(u8::from_le_bytes(self.take()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        })
    }

    /// Reads `count` items of `size` bytes each. Returns an error before it allocates memory if there are not enough
    /// bytes.
    pub(crate) fn list<T>(
        &mut self,
        count: usize,
        size: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, BtfError>,
    ) -> Result<Vec<T>, BtfError> {
        if self.rest.len() / size < count {
            return Err(BtfError::Truncated);
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BtfError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BtfError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}
