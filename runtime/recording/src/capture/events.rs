//! Between captures and events.

use std::collections::BTreeMap;
use std::sync::Arc;

use wxmcp_run::{BundleFile, Captured, CapturedBody, CapturedEntry, Kept, Rights, Source};

use super::Mounts;
use crate::event::{self, Body, Bytes, Entry, Event, Mount};

/// What was captured, as events.
pub fn events(mounts: &Mounts) -> impl Iterator<Item = Event> {
    let mounts = mounts.iter().zip(0_u32..);
    mounts.flat_map(|(captured, mount)| {
        let entries = captured.iter().flat_map(move |captured| {
            let entries = captured.entries.iter();
            entries.map(|it| match it.path.as_str() {
                "" => top(it, captured),
                _ => entry(it),
            })
        });
        entries.map(move |entry| Event::Captured { mount, entry })
    })
}

/// The mounts of a run that replays one which had these: what was captured of each, by its number.
pub fn sources(mounts: &[Mount], captured: Vec<(u32, Entry)>) -> Vec<Source> {
    let mut by_mount: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for (mount, entry) in captured {
        by_mount.entry(mount).or_default().push(entry);
    }
    let mounts = mounts.iter().zip(0_u32..);
    let mounts = mounts.map(|(mount, number)| match (mount.memory, &mount.bundle) {
        (Some(bytes), _) => Source::Memory { bytes },
        (None, Some(digest)) => Source::Bundle(BundleFile {
            digest: digest.clone(),
            folder: None,
        }),
        (None, None) => {
            let entries = by_mount.remove(&number).unwrap_or_default();
            Source::Captured(Arc::new(of(entries)))
        }
    });
    mounts.collect()
}

fn of(entries: Vec<Entry>) -> Captured {
    let (mut umask, mut protected) = (0, Kept::default());
    let entries = entries.into_iter().map(|entry| CapturedEntry {
        path: entry.path,
        mode: entry.mode,
        rights: match entry.rights {
            event::Rights::Owner => Rights::Owner,
            event::Rights::Group => Rights::Group,
            event::Rights::Others => Rights::Others,
            event::Rights::Root => Rights::Root,
        },
        body: match entry.body {
            Body::Folder => CapturedBody::Folder,
            Body::File(Bytes(bytes)) => CapturedBody::File(bytes.into()),
            Body::Link(target) => CapturedBody::Link(target),
            Body::Same(path) => CapturedBody::Same(path),
            Body::Mount {
                umask: mask,
                names,
                paths,
            } => {
                (umask, protected) = (mask, Kept { names, paths });
                CapturedBody::Folder
            }
        },
    });
    let mut captured = Captured::new(entries.collect());
    (captured.umask, captured.protected) = (umask, protected);
    captured
}

fn top(it: &CapturedEntry, captured: &Captured) -> Entry {
    let Kept { names, paths } = captured.protected.clone();
    Entry {
        body: Body::Mount {
            umask: captured.umask,
            names,
            paths,
        },
        ..entry(it)
    }
}

pub(super) fn entry(it: &CapturedEntry) -> Entry {
    Entry {
        path: it.path.clone(),
        mode: it.mode,
        rights: match it.rights {
            Rights::Owner => event::Rights::Owner,
            Rights::Group => event::Rights::Group,
            Rights::Others => event::Rights::Others,
            Rights::Root => event::Rights::Root,
        },
        body: match &it.body {
            CapturedBody::Folder => Body::Folder,
            CapturedBody::File(bytes) => Body::File(Bytes(bytes.to_vec())),
            CapturedBody::Link(target) => Body::Link(target.clone()),
            CapturedBody::Same(path) => Body::Same(path.clone()),
        },
    }
}
