//! Numbers out of bytes.

use super::BtfError;

/// The order of bytes in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The rest of some bytes.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8], order: Order) -> Self {
        Self { rest, order }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<(), BtfError> {
        self.rest = self.rest.get(count as usize..).ok_or(BtfError::Truncated)?;
        Ok(())
    }

    pub(super) fn u8(&mut self) -> Result<u8, BtfError> {
        Ok(u8::from_le_bytes(self.take()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(super) fn u32(&mut self) -> Result<u32, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(super) fn u64(&mut self) -> Result<u64, BtfError> {
        let bytes = self.take()?;
        Ok(match self.order {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BtfError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BtfError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}
