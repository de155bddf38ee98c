//! `wasi:filesystem` as the guest calls it.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, ErrorCode, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::acts::{self, within};
use super::convert::{described, hash, how, times};
use super::errors::no_room;
use super::handles::{self, Handle, OpenFolder, writable};
use super::list::List;
use super::modes::Last;
use super::seam::{Answer, Folder, Stat, off_the_loop};
use super::streams::{FileInput, FileOutput};
use super::tree::{Mounted, Place, Target};
use super::{FilesView, Known, LISTS, PATH, PIECE};

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref().copied())
    }
}

impl FilesView<'_> {
    /// What a path leads to that is relative to a handle.
    async fn target(
        &mut self,
        handle: &Resource<Descriptor>,
        path: &str,
        follow: bool,
    ) -> FsResult<Target> {
        self.files.known = None;
        let place = &handles::get(self.table, handle)?.folder()?.place;
        Ok(self.files.tree.resolve(place, path, follow).await?)
    }

    /// The mount that a path leads into, and the path there, for a change that the mounts
    /// themselves refuse with `otherwise`.
    async fn writable_inside(
        &mut self,
        handle: &Resource<Descriptor>,
        path: &str,
        otherwise: ErrorCode,
    ) -> FsResult<(Mounted, String)> {
        match self.target(handle, path, false).await? {
            Target::Inside(mounted, path) => {
                writable(mounted.access)?;
                Ok((mounted, path))
            }
            Target::Node(_) => Err(otherwise.into()),
        }
    }

    /// Both ends of a link or a move.
    async fn both_ends(
        &mut self,
        from: (&Resource<Descriptor>, &str),
        to: (&Resource<Descriptor>, &str),
        otherwise: ErrorCode,
    ) -> FsResult<[(Mounted, String); 2]> {
        let (handle, path) = from;
        let from = self.writable_inside(handle, path, ErrorCode::Busy).await?;
        let to = self.writable_inside(to.0, to.1, otherwise).await?;
        Ok([from, to])
    }
}

/// Whether a link at the end of a path is followed: a slash behind it asks for the folder.
fn follows(flags: PathFlags, path: &str) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW) || path.ends_with('/')
}

impl types::HostDescriptor for FilesView<'_> {
    async fn advise(
        &mut self,
        handle: Resource<Descriptor>,
        offset: u64,
        length: u64,
        advice: Advice,
    ) -> FsResult<()> {
        let file = Arc::clone(&handles::get(self.table, &handle)?.file()?.file);
        let advise = move || file.advise(offset, length, advice);
        Ok(off_the_loop(true, advise).await?)
    }

    async fn sync_data(&mut self, handle: Resource<Descriptor>) -> FsResult<()> {
        Ok(acts::sync(handles::get(self.table, &handle)?, true).await?)
    }

    async fn get_flags(&mut self, handle: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(match handles::get(self.table, &handle)? {
            Handle::File(open) => open.flags,
            Handle::Folder(open) => open.flags,
        })
    }

    async fn get_type(&mut self, handle: Resource<Descriptor>) -> FsResult<DescriptorType> {
        if let Handle::Folder(_) = handles::get(self.table, &handle)? {
            return Ok(DescriptorType::Directory);
        }
        Ok(self.found(&handle).await?.kind.into())
    }

    async fn set_size(&mut self, handle: Resource<Descriptor>, size: u64) -> FsResult<()> {
        let open = handles::get(self.table, &handle)?.file()?;
        open.writable()?;
        let file = Arc::clone(&open.file);
        Ok(off_the_loop(file.blocks(), move || file.resize(size)).await?)
    }

    async fn set_times(
        &mut self,
        handle: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let change = times(accessed, modified, self.files.now())?;
        let handle = handles::get(self.table, &handle)?;
        Ok(acts::change_handle(&self.files.tree, handle, change).await?)
    }

    async fn read(
        &mut self,
        handle: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> FsResult<(Vec<u8>, bool)> {
        let open = handles::get(self.table, &handle)?.file()?;
        open.reads()?;
        let file = Arc::clone(&open.file);
        let length = usize::try_from(length).unwrap_or(PIECE).min(PIECE);
        let bytes = off_the_loop(file.blocks(), move || {
            let mut bytes = vec![0; length];
            let read = file.read_at(offset, &mut bytes)?;
            bytes.truncate(read);
            Answer::Ok(bytes)
        })
        .await?;
        let ended = bytes.is_empty();
        Ok((bytes, ended))
    }

    async fn write(
        &mut self,
        handle: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: u64,
    ) -> FsResult<u64> {
        let open = handles::get(self.table, &handle)?.file()?;
        open.writes()?;
        let file = Arc::clone(&open.file);
        let write = move || file.write_at(offset, &bytes);
        let written = off_the_loop(open.file.blocks(), write).await?;
        Ok(u64::try_from(written).map_err(|_| ErrorCode::Overflow)?)
    }

    async fn read_directory(
        &mut self,
        handle: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        if self.files.lists >= LISTS {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let held = self.files.ledger.charge(List::bytes()).map_err(no_room)?;
        let place = handles::get(self.table, &handle)?.folder()?.place.clone();
        let list = match place {
            Place::Inside(mounted) => {
                let entries = within(&mounted, |folder| folder.entries()).await?;
                List::new(handle.rep(), Vec::new(), Some(entries), held)
            }
            Place::Node(node) => {
                let names = self.files.tree.names(node);
                let behind = match self.files.tree.behind(node) {
                    None => None,
                    Some((mounted, path)) => acts::entries(&mounted, path).await?,
                };
                List::new(handle.rep(), names, behind, held)
            }
        };
        let list = handles::push_list(self.table, list)?;
        self.files.lists += 1;
        Ok(list)
    }

    async fn sync(&mut self, handle: Resource<Descriptor>) -> FsResult<()> {
        Ok(acts::sync(handles::get(self.table, &handle)?, false).await?)
    }

    async fn create_directory_at(
        &mut self,
        handle: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let mode = self.files.modes.of_new_folder()?;
        let (mounted, path) = self
            .writable_inside(&handle, &path, ErrorCode::Exist)
            .await?;
        Ok(within(&mounted, move |folder| folder.make_folder(&path, mode)).await?)
    }

    async fn stat(&mut self, handle: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        let found = self.found(&handle).await?;
        self.files.modes.saw(Last::of_handle(&handle), &found);
        Ok(described(&found))
    }

    async fn stat_at(
        &mut self,
        handle: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let follow = follows(flags, &path);
        let target = self.target(&handle, &path, follow).await?;
        let found = acts::stat(&self.files.tree, target, follow).await?;
        self.files.known = Some(Known {
            handle: handle.rep(),
            path: path.clone(),
            follow,
            identity: found.identity,
        });
        let last = Last::of_path(&handle, path, follow);
        self.files.modes.saw(last, &found);
        Ok(described(&found))
    }

    async fn set_times_at(
        &mut self,
        handle: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let follow = follows(flags, &path);
        let target = self.target(&handle, &path, follow).await?;
        let change = times(accessed, modified, self.files.now())?;
        Ok(acts::change(&self.files.tree, target, follow, change).await?)
    }

    async fn link_at(
        &mut self,
        handle: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        to: Resource<Descriptor>,
        to_path: String,
    ) -> FsResult<()> {
        let ends = self.both_ends((&handle, &path), (&to, &to_path), ErrorCode::Exist);
        let [from, to] = ends.await?;
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(ErrorCode::Invalid.into());
        }
        let ((from, path), (to, to_path)) = (from, to);
        let link = move |folder: &dyn Folder| folder.link(&path, to.folder.as_ref(), &to_path);
        Ok(within(&from, link).await?)
    }

    async fn open_at(
        &mut self,
        handle: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let place = handles::place(&self.files.open)?;
        let how = how(
            path_flags,
            open_flags,
            flags,
            self.files.modes.of_new_file()?,
        )?;
        // What is to be made must not be there: not even as a link to where nothing is.
        let follow = follows(path_flags, &path) && !(how.create && how.exclusive);
        let opened = match self.target(&handle, &path, follow).await? {
            Target::Inside(mounted, path) => acts::open(mounted, path, how)
                .await?
                .of(&self.files.standard),
            Target::Node(_) if how.create && how.exclusive => return Err(ErrorCode::Exist.into()),
            Target::Node(_) if how.create || how.write || how.truncate => {
                return Err(ErrorCode::IsDirectory.into());
            }
            Target::Node(node) => Handle::Folder(OpenFolder {
                place: Place::Node(node),
                flags: DescriptorFlags::READ,
            }),
        };
        handles::push(self.table, opened, place).map_err(FsError::trap)
    }

    fn drop(&mut self, handle: Resource<Descriptor>) -> wasmtime::Result<()> {
        handles::delete(self.table, &handle)
    }

    async fn readlink_at(
        &mut self,
        handle: Resource<Descriptor>,
        path: String,
    ) -> FsResult<String> {
        match self.target(&handle, &path, false).await? {
            Target::Inside(mounted, path) => {
                Ok(within(&mounted, move |folder| folder.read_link(&path)).await?)
            }
            Target::Node(_) => Err(ErrorCode::Invalid.into()),
        }
    }

    async fn remove_directory_at(
        &mut self,
        handle: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let (mounted, path) = self
            .writable_inside(&handle, &path, ErrorCode::Busy)
            .await?;
        Ok(within(&mounted, move |folder| folder.remove_folder(&path)).await?)
    }

    async fn rename_at(
        &mut self,
        handle: Resource<Descriptor>,
        path: String,
        to: Resource<Descriptor>,
        to_path: String,
    ) -> FsResult<()> {
        let ends = self.both_ends((&handle, &path), (&to, &to_path), ErrorCode::Busy);
        let [from, to] = ends.await?;
        let ((from, path), (to, to_path)) = (from, to);
        let rename = move |folder: &dyn Folder| folder.rename(&path, to.folder.as_ref(), &to_path);
        Ok(within(&from, rename).await?)
    }

    async fn symlink_at(
        &mut self,
        handle: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let (mounted, path) = self
            .writable_inside(&handle, &path, ErrorCode::Exist)
            .await?;
        if target.len() > PATH {
            return Err(ErrorCode::NameTooLong.into());
        }
        Ok(within(&mounted, move |folder| folder.make_link(&target, &path)).await?)
    }

    async fn unlink_file_at(&mut self, handle: Resource<Descriptor>, path: String) -> FsResult<()> {
        let (mounted, path) = self
            .writable_inside(&handle, &path, ErrorCode::Busy)
            .await?;
        Ok(within(&mounted, move |folder| folder.remove_file(&path)).await?)
    }

    fn read_via_stream(
        &mut self,
        handle: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        let Handle::File(open) = handles::get(self.table, &handle)? else {
            return Err(ErrorCode::IsDirectory.into());
        };
        open.reads()?;
        if let Some(stream) = self.files.standard.input(open.file.as_ref()) {
            return self.table.push(stream).map_err(FsError::trap);
        }
        let place = handles::place(&self.files.streams)?;
        let stream: DynInputStream = Box::new(FileInput::new(
            Arc::clone(&open.file),
            offset,
            place,
            self.files.ledger.clone(),
        ));
        self.table.push(stream).map_err(FsError::trap)
    }

    fn write_via_stream(
        &mut self,
        handle: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.output(&handle, Some(offset))
    }

    fn append_via_stream(
        &mut self,
        handle: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.output(&handle, None)
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let one = self.found(&one).await?;
        let other = self.found(&other).await?;
        Ok(one.identity == other.identity)
    }

    async fn metadata_hash(&mut self, handle: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(hash(self.found(&handle).await?.identity))
    }

    async fn metadata_hash_at(
        &mut self,
        handle: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let follow = follows(flags, &path);
        if let Some(known) = self.files.known.take()
            && (known.handle, known.follow) == (handle.rep(), follow)
            && known.path == path
        {
            return Ok(hash(known.identity));
        }
        let target = self.target(&handle, &path, follow).await?;
        let found = acts::stat(&self.files.tree, target, follow).await?;
        Ok(hash(found.identity))
    }
}

impl FilesView<'_> {
    /// What a handle stands for.
    async fn found(&mut self, handle: &Resource<Descriptor>) -> FsResult<Stat> {
        let handle = handles::get(self.table, handle)?;
        Ok(acts::stat_handle(&self.files.tree, handle).await?)
    }

    fn output(
        &mut self,
        handle: &Resource<Descriptor>,
        offset: Option<u64>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let open = handles::get(self.table, handle)?.file()?;
        open.writes()?;
        if let Some(stream) = self.files.standard.output(open.file.as_ref()) {
            return self.table.push(stream).map_err(FsError::trap);
        }
        let place = handles::place(&self.files.streams)?;
        let file = Arc::clone(&open.file);
        let stream: DynOutputStream = Box::new(FileOutput::new(
            file,
            offset,
            place,
            self.files.ledger.clone(),
        ));
        self.table.push(stream).map_err(FsError::trap)
    }
}

impl types::HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let list = handles::list(self.table, &stream)?;
        let (entry, name) = loop {
            let Some(mut entry) = list.next().await? else {
                return Ok(None);
            };
            match entry.name.take() {
                Some(name) => break (entry, name),
                // WASI cannot say it, and the others should not be lost with it.
                None => self.files.note_unreadable_name(),
            }
        };
        self.files.known = entry.identity.map(|identity| Known {
            handle: list.folder(),
            path: name.clone(),
            follow: false,
            identity,
        });
        Ok(Some(DirectoryEntry {
            type_: entry.kind.into(),
            name,
        }))
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.files.lists = self.files.lists.saturating_sub(1);
        handles::delete_list(self.table, &stream)
    }
}
