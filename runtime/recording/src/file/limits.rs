//! How much a recording may hold, for its writer as for its reader: what the one accepts, the other does.

/// Length in bytes from which texts and byte strings are stored once and referred to.
pub const LARGE: usize = 1 << 10;

/// Bytes of memory that all events of a recording may take, and its large texts besides.
pub const BYTES: u64 = 1 << 30;

/// Bytes of memory that a recording may take however small its file is: what compresses well is no bomb yet.
pub const BYTES_ANYWAY: u64 = 256 << 20;

/// Bytes of memory that each byte of a recording's file may add.
pub const BYTES_EACH: u64 = 1_000;

/// Bytes that an event, a large text or an item of a list counts, besides texts in it: somewhat more than the largest takes.
pub const BYTES_OF_ITEM: u64 = 128;

/// Bytes of memory that a recording takes so far, and may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    spent: u64,
    most: u64,
    anyway: u64,
    /// Bytes of its file so far.
    file: u64,
}

/// The events would take more than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded(pub(super) u64);

impl Budget {
    pub(super) fn new(most: u64) -> Self {
        Self {
            spent: 0,
            most,
            anyway: most.min(BYTES_ANYWAY),
            file: 0,
        }
    }

    /// So many bytes more are in the file.
    pub(super) fn grew(&mut self, bytes: usize) {
        self.file = self.file.saturating_add(count(bytes));
    }

    /// Spends bytes before they are stored.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), Exceeded> {
        let spent = self.spent.saturating_add(bytes);
        let each = self.file.saturating_mul(BYTES_EACH);
        let most = self.anyway.saturating_add(each).min(self.most);
        if spent > most {
            return Err(Exceeded(most));
        }
        self.spent = spent;
        Ok(())
    }

    /// The same for a text of so many bytes, and for an item that holds it.
    pub(super) fn spend_text(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.spend(count(bytes))
    }

    /// The same for items of a list, without the texts in them.
    pub(super) fn spend_items(&mut self, items: usize) -> Result<(), Exceeded> {
        self.spend(count(items).saturating_mul(BYTES_OF_ITEM))
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
