//! An open file of such a mount.

use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};

use super::nodes::{Node, Nodes};
use crate::files::seam::{Answer, Change, File, Stat};

/// An open file, with what is remembered of it.
pub(super) struct FixedFile {
    inner: Arc<dyn File>,
    node: Arc<Node>,
    nodes: Arc<Nodes>,
    /// Whether it was opened to write.
    writes: bool,
}

impl FixedFile {
    pub(super) fn new(
        inner: Arc<dyn File>,
        node: Arc<Node>,
        nodes: Arc<Nodes>,
        writes: bool,
    ) -> Self {
        Self {
            inner,
            node,
            nodes,
            writes,
        }
    }
}

impl File for FixedFile {
    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn is_awaited(&self) -> bool {
        // A file in memory is there at once, and how often a guest asks is not to depend on that.
        false
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize> {
        self.inner.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Answer<usize> {
        let written = self.inner.write_at(offset, bytes)?;
        self.node.written(&self.nodes);
        Ok(written)
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        let written = self.inner.append(bytes)?;
        self.node.written(&self.nodes);
        Ok(written)
    }

    fn resize(&self, size: u64) -> Answer<()> {
        // A folder in memory would cut what was opened to read.
        if !self.writes {
            return Err(ErrorCode::Invalid);
        }
        self.inner.resize(size)?;
        self.node.written(&self.nodes);
        Ok(())
    }

    fn sync(&self, data_only: bool) -> Answer<()> {
        self.inner.sync(data_only)
    }

    fn stat(&self) -> Answer<Stat> {
        let found = self.inner.stat()?;
        Ok(self.node.seen(&self.nodes, &found))
    }

    fn change(&self, change: Change) -> Answer<()> {
        self.inner.change(change)?;
        self.node.changed(&self.nodes, change);
        Ok(())
    }

    fn advise(&self, offset: u64, length: u64, advice: Advice) -> Answer<()> {
        self.inner.advise(offset, length, advice)
    }
}
