//! What folders in memory are charged, against what they take.

use std::mem::size_of;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wxmcp_run::{Clocks, Ledger};

use super::node::{Node, Space};
use crate::files::seam::{Answer, Folder, Open, Opened};
use crate::files::testing::READ;

/// Room of each test.
const ROOM: u64 = 1 << 20;

/// What glibc takes for an allocation: eight bytes of its own, in steps of sixteen, at least 32.
fn allocated(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

/// A table of entries as full as insertion leaves it at worst: five of eleven, and as many below each inner table.
fn table(entries: usize, entry: usize) -> usize {
    let leaf = 11 * entry + 16;
    let leaves = entries.div_ceil(5);
    let inner = entries / 25;
    leaves * allocated(leaf) + inner * allocated(leaf + 12 * size_of::<usize>())
}

/// A node with the two counters of its `Arc`.
fn node() -> usize {
    allocated(size_of::<Node>() + 2 * size_of::<usize>())
}

/// One folder with so many names.
fn names(count: usize, name: usize) -> usize {
    table(count, size_of::<(String, Arc<Node>)>()) + count * allocated(name)
}

/// The pages of one file.
fn pages(count: usize) -> usize {
    table(count, size_of::<(u64, Box<[u8]>)>()) + count * allocated(4096)
}

fn created(root: &dyn Folder, path: &str) -> Answer<Opened> {
    let how = Open {
        write: true,
        create: true,
        ..READ
    };
    root.open(path, &how)
}

/// Makes one thing after the other until there is no more room; what is charged then, and how many there are.
fn filled(mut make: impl FnMut(&Arc<dyn Folder>, usize) -> Answer<()>) -> (usize, usize) {
    let space = Space::new(ROOM, 1, &Ledger::unbounded(), None, &Clocks::Live);
    let root = super::folder(&space);
    created(root.as_ref(), "file").unwrap();
    let mut count = 0;
    loop {
        match make(&root, count) {
            Ok(()) => count += 1,
            Err(ErrorCode::InsufficientSpace) => break,
            Err(error) => panic!("{error:?} after {count}"),
        }
    }
    (usize::try_from(space.held()).unwrap(), count)
}

/// A kind of thing that fills a quota: bytes charged and how many of it there were, and the bytes that so many take.
type Filling = (&'static str, (usize, usize), fn(usize) -> usize);

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a few lines for each of seven kinds of things that fill a quota"
)]
fn every_kind_is_charged_for_what_it_takes() {
    let long = "n".repeat(240);
    let mut deep: Option<Arc<dyn Folder>> = None;
    let kinds: [Filling; 7] = [
        (
            "hard links",
            filled(|root, n| root.link("file", root.as_ref(), &format!("{n:04}"))),
            |n| names(n, 4),
        ),
        (
            "long names",
            filled(|root, n| root.link("file", root.as_ref(), &format!("{long}{n:04}"))),
            |n| names(n, 244),
        ),
        (
            "symbolic links",
            filled(|root, n| root.make_link("file", &format!("{n:04}"))),
            |n| names(n, 4) + n * (node() + allocated(4)),
        ),
        (
            "empty files",
            filled(|root, n| created(root.as_ref(), &format!("{n:04}")).map(drop)),
            |n| names(n, 4) + n * node(),
        ),
        (
            "small files",
            filled(
                |root, n| match created(root.as_ref(), &format!("{n:04}"))? {
                    Opened::File(file) => file.append(b"x").map(drop),
                    Opened::Folder(_) => Err(ErrorCode::IsDirectory),
                },
            ),
            |n| names(n, 4) + n * (node() + pages(1)),
        ),
        (
            "sparse pages",
            filled(|root, n| match created(root.as_ref(), "file")? {
                Opened::File(file) => {
                    let at = u64::try_from(n).unwrap() * 4096;
                    file.write_at(at, b"x").map(drop)
                }
                Opened::Folder(_) => Err(ErrorCode::IsDirectory),
            }),
            pages,
        ),
        (
            "deep folders",
            filled(|root, _| {
                let at = deep.take().unwrap_or_else(|| Arc::clone(root));
                at.make_folder("d", 0o755)?;
                let how = Open {
                    folder: true,
                    ..READ
                };
                match at.open("d", &how)? {
                    Opened::Folder(folder) => deep = Some(folder),
                    Opened::File(_) => return Err(ErrorCode::NotDirectory),
                }
                Ok(())
            }),
            |n| n * (node() + names(1, 1)),
        ),
    ];
    for (kind, (charged, count), taken) in kinds {
        let taken = taken(count);
        assert!(charged * 10 > usize::try_from(ROOM).unwrap() * 9, "{kind}");
        assert!(
            charged >= taken,
            "{count} {kind}: {charged} for {taken} bytes"
        );
        assert!(
            charged <= 3 * taken,
            "{count} {kind}: {charged} for {taken} bytes"
        );
    }
}

#[test]
fn what_was_charged_is_given_back() {
    let space = Space::new(ROOM, 1, &Ledger::unbounded(), None, &Clocks::Live);
    let root = super::folder(&space);
    for round in 0..3 {
        root.make_folder("folder", 0o755).unwrap();
        for n in 0..100 {
            let path = format!("folder/{n}");
            let Opened::File(file) = created(root.as_ref(), &path).unwrap() else {
                panic!("a file");
            };
            file.append(&[7; 5000]).unwrap();
            file.resize(10).unwrap();
            root.link(&path, root.as_ref(), &format!("{path}-too"))
                .unwrap();
            root.rename(&path, root.as_ref(), &format!("{path}-moved"))
                .unwrap();
        }
        assert!(space.held() > 400_000, "round {round}");
        for n in 0..100 {
            root.remove_file(&format!("folder/{n}-too")).unwrap();
            root.remove_file(&format!("folder/{n}-moved")).unwrap();
        }
        root.remove_folder("folder").unwrap();
        assert_eq!(space.held(), 0, "round {round}");
    }
}
