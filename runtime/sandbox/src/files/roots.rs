//! The handles that a guest begins with.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{Descriptor, DescriptorFlags};

use super::FilesView;
use super::handles::{self, Handle, OpenFolder};
use super::tree::Place;
use wxmcp_run::Access;

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut found = Vec::new();
        for (place, path) in self.files.tree().roots() {
            let mut flags = DescriptorFlags::READ;
            if let Place::Inside(mounted) = &place
                && mounted.access == Access::ReadWrite
            {
                flags |= DescriptorFlags::MUTATE_DIRECTORY;
            }
            let handle = Handle::Folder(OpenFolder { place, flags });
            // Guests ask for these once.
            let place = Arc::clone(&self.files.open).try_acquire_owned()?;
            found.push((handles::push(self.table, handle, place)?, path));
        }
        Ok(found)
    }
}
