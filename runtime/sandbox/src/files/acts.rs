//! What is done with files and folders once it is known which: off the event loop where it
//! blocks, and only where the mount permits it.

use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode};

use super::handles::{Handle, OpenFile, OpenFolder, writable};
use super::seam::{Answer, Change, Entries, Folder, Kind, Open, Opened, Stat, off_the_loop};
use super::tree::{Mounted, NodeId, Place, Target, Tree};

/// Does something in a mount.
pub(super) async fn within<T: Send + 'static>(
    mounted: &Mounted,
    act: impl FnOnce(&dyn Folder) -> T + Send + 'static,
) -> T {
    let folder = Arc::clone(&mounted.folder);
    off_the_loop(folder.blocks(), move || act(folder.as_ref())).await
}

/// What is at a target.
pub(super) async fn stat(tree: &Tree, target: Target, follow: bool) -> Answer<Stat> {
    match target {
        Target::Inside(mounted, path) => {
            within(&mounted, move |folder| folder.stat(&path, follow)).await
        }
        Target::Node(node) => {
            if let Some((mounted, path)) = tree.behind(node)
                && let Ok(found) = within(&mounted, move |it| it.stat(&path, true)).await
                && found.kind == Kind::Folder
            {
                return Ok(found);
            }
            Ok(stat_of_node(node))
        }
    }
}

/// What is known of a folder that is on the way to a mount only.
fn stat_of_node(node: NodeId) -> Stat {
    Stat {
        kind: Kind::Folder,
        links: 2,
        size: 0,
        accessed: None,
        modified: None,
        changed: None,
        mode: 0o555,
        // No device has this number.
        identity: (u64::MAX, node.number()),
    }
}

/// What a handle stands for.
pub(super) async fn stat_handle(tree: &Tree, handle: &Handle) -> Answer<Stat> {
    match handle {
        Handle::File(open) => {
            let file = Arc::clone(&open.file);
            off_the_loop(file.blocks(), move || file.stat()).await
        }
        Handle::Folder(open) => stat(tree, open.place.target(), true).await,
    }
}

/// Changes what is at a target.
pub(super) async fn change(
    tree: &Tree,
    target: Target,
    follow: bool,
    change: Change,
) -> Answer<()> {
    let (mounted, path) = match target {
        Target::Inside(mounted, path) => (mounted, path),
        Target::Node(node) => tree.behind(node).ok_or(ErrorCode::NotPermitted)?,
    };
    writable(mounted.access)?;
    within(&mounted, move |folder| folder.change(&path, follow, change)).await
}

/// Changes what a handle stands for.
pub(super) async fn change_handle(tree: &Tree, handle: &Handle, to: Change) -> Answer<()> {
    match handle {
        Handle::File(open) => {
            open.writable()?;
            let file = Arc::clone(&open.file);
            off_the_loop(file.blocks(), move || file.change(to)).await
        }
        Handle::Folder(open) => change(tree, open.place.target(), true, to).await,
    }
}

/// Writes what a handle stands for to its device.
pub(super) async fn sync(handle: &Handle, data_only: bool) -> Answer<()> {
    match handle {
        Handle::File(open) => {
            let file = Arc::clone(&open.file);
            off_the_loop(file.blocks(), move || file.sync(data_only)).await
        }
        Handle::Folder(OpenFolder {
            place: Place::Inside(mounted),
            ..
        }) => within(mounted, |folder| folder.sync()).await,
        Handle::Folder(_) => Ok(()),
    }
}

/// Opens what is at a path in a mount.
pub(super) async fn open(mounted: Mounted, path: String, how: Open) -> Answer<Handle> {
    let writes = how.write || how.create || how.truncate;
    if writes {
        writable(mounted.access)?;
    }
    let opened = within(&mounted, move |folder| folder.open(&path, &how)).await?;
    let access = mounted.access;
    let mut flags = DescriptorFlags::empty();
    if how.read || !how.write {
        flags |= DescriptorFlags::READ;
    }
    Ok(match opened {
        Opened::File(file) => {
            if how.write {
                flags |= DescriptorFlags::WRITE;
            }
            Handle::File(OpenFile {
                file,
                access,
                flags,
            })
        }
        Opened::Folder(folder) => Handle::Folder(OpenFolder {
            place: Place::Inside(Mounted { folder, access }),
            flags,
        }),
    })
}

/// The entries of a folder in a mount, if there is one.
pub(super) async fn entries(mounted: &Mounted, path: String) -> Answer<Option<Box<dyn Entries>>> {
    let how = Open {
        follow: true,
        read: true,
        folder: true,
        ..Open::default()
    };
    let entries = move |folder: &dyn Folder| match folder.open(&path, &how) {
        Ok(Opened::Folder(folder)) => folder.entries().map(Some),
        Ok(Opened::File(_)) | Err(ErrorCode::NoEntry | ErrorCode::NotDirectory) => Ok(None),
        Err(error) => Err(error),
    };
    within(mounted, entries).await
}
