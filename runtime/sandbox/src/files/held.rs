//! What is held for a guest is charged to its run, and refused by name where it does not fit.

use std::fs;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DirectoryEntryStream, ErrorCode, HostDescriptor as _,
    HostDirectoryEntryStream as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsResult, InputStream as _, OutputStream as _, Pollable as _};

use super::list::List;
use super::streams::{FileInput, FileOutput};
use super::{Files, FilesView, handles};
use crate::output::Output;
use crate::surroundings::Surroundings;
use wxmcp_run::{Access, Ledger, Mount, Policy, Quota, Silent, Source, Sources};

fn run<T>(work: impl Future<Output = T>) -> T {
    let built = tokio::runtime::Builder::new_current_thread().build();
    built.unwrap().block_on(work)
}

fn view<'s>(files: &'s mut Files, table: &'s mut ResourceTable) -> FilesView<'s> {
    FilesView { files, table }
}

fn place() -> OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
}

fn files(source: Source, ledger: &Ledger) -> Files {
    let mount = Mount {
        source,
        guest: "/m".to_owned(),
        access: Access::ReadWrite,
        quota: Quota::default(),
    };
    let policy = Policy {
        mounts: vec![mount],
        ..Policy::default()
    };
    Files::new(
        &policy,
        &Surroundings::default(),
        (ledger, &Sources::default()),
        &Output::new(0, Arc::new(Silent)),
    )
    .unwrap()
}

fn code<T>(result: FsResult<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.downcast().unwrap())
}

#[test]
fn a_folder_that_is_read_is_charged_until_its_stream_is_dropped() {
    let host = tempfile::tempdir().unwrap();
    for number in 0..1_000 {
        fs::write(host.path().join(format!("{number:0200}")), "").unwrap();
    }
    let ledger = Ledger::of_process(u64::MAX).for_run(2 * List::bytes());
    let mut files = files(Source::Host(host.path().to_owned()), &ledger);
    let mut table = ResourceTable::new();
    run(async {
        let mut view = view(&mut files, &mut table);
        let (root, _) = view.get_directories().unwrap().remove(0);
        let open = || Resource::<Descriptor>::new_borrow(root.rep());
        let first = view.read_directory(open()).await.unwrap();
        let second = view.read_directory(open()).await.unwrap();
        let third = view.read_directory(open()).await;
        assert_eq!(code(third), Some(ErrorCode::InsufficientMemory));
        // Streams that are open go on to their end.
        let mut names = 0;
        loop {
            let stream = Resource::<DirectoryEntryStream>::new_borrow(first.rep());
            if view.read_directory_entry(stream).await.unwrap().is_none() {
                break;
            }
            names += 1;
        }
        assert_eq!(names, 1_000);
        types_drop(&mut view, first);
        let again = view.read_directory(open()).await.unwrap();
        types_drop(&mut view, again);
        types_drop(&mut view, second);
    });
    assert_eq!(ledger.held(), 0);
}

fn types_drop(view: &mut FilesView<'_>, stream: Resource<DirectoryEntryStream>) {
    wasmtime_wasi::p2::bindings::filesystem::types::HostDirectoryEntryStream::drop(view, stream)
        .unwrap();
}

#[test]
fn a_stream_of_a_file_is_charged_for_what_the_guest_has_not_taken() {
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("f"), [7; 4_000]).unwrap();
    let ledger = Ledger::of_process(u64::MAX).for_run(1_000);
    let mut files = files(Source::Host(host.path().to_owned()), &ledger);
    let mut table = ResourceTable::new();
    run(async {
        let mut view = view(&mut files, &mut table);
        let (root, _) = view.get_directories().unwrap().remove(0);
        let (how, flags) = (PathFlags::empty(), OpenFlags::empty());
        let access = DescriptorFlags::READ | DescriptorFlags::WRITE;
        let opened = view.open_at(root, how, "f".to_owned(), flags, access);
        let opened = opened.await.unwrap();
        let file = &handles::get(view.table, &opened).unwrap().file().unwrap();
        let file = Arc::clone(&file.file);
        let input = || FileInput::new(Arc::clone(&file), 0, place(), ledger.clone());
        let mut first = input();
        assert!(first.read(700).unwrap().is_empty());
        assert_eq!(ledger.held(), 700);
        input().blocking_read(301).await.unwrap_err();
        assert_eq!(input().blocking_read(300).await.unwrap().len(), 300);
        assert_eq!(first.blocking_read(700).await.unwrap().len(), 700);
        assert_eq!(ledger.held(), 0);
        let mut output = FileOutput::new(file, Some(0), place(), ledger.clone());
        output.write(vec![1; 1_000].into()).unwrap();
        output.ready().await;
        assert!(output.check_write().is_ok());
        output.write(vec![1; 1_001].into()).unwrap();
        output.check_write().unwrap_err();
    });
    assert_eq!(ledger.held(), 0);
}

#[test]
fn a_folder_in_memory_is_charged_to_the_run() {
    let ledger = Ledger::of_process(u64::MAX).for_run(100_000);
    let source = Source::Memory { bytes: 1 << 20 };
    let mut files = files(source, &ledger);
    let mut table = ResourceTable::new();
    run(async {
        let mut view = view(&mut files, &mut table);
        let (root, _) = view.get_directories().unwrap().remove(0);
        let (how, access) = (PathFlags::empty(), DescriptorFlags::WRITE);
        let opened = view.open_at(root, how, "f".to_owned(), OpenFlags::CREATE, access);
        let opened = opened.await.unwrap();
        let open = || Resource::<Descriptor>::new_borrow(opened.rep());
        assert_eq!(
            view.write(open(), vec![1; 60_000], 0).await.unwrap(),
            60_000
        );
        let written = view.write(open(), vec![1; 60_000], 60_000).await.unwrap();
        assert!(written < 40_000, "{written}");
        let refused = view.write(open(), vec![1; 60_000], 120_000).await;
        assert_eq!(code(refused), Some(ErrorCode::InsufficientMemory));
        view.set_size(open(), 0).await.unwrap();
        assert_eq!(
            view.write(open(), vec![1; 60_000], 0).await.unwrap(),
            60_000
        );
    });
    drop((files, table));
    assert_eq!(ledger.held(), 0);
}

fn with_scratch() -> Surroundings {
    Surroundings {
        scratch: vec!["/tmp", "/home/agent"],
        bytes: 100_000,
        ..Surroundings::default()
    }
}

#[test]
fn a_run_that_asks_for_no_file_has_no_scratch_folders_yet() {
    let (ledger, output) = (Ledger::unbounded(), Output::new(0, Arc::new(Silent)));
    let mut files = Files::new(
        &Policy::default(),
        &with_scratch(),
        (&ledger, &Sources::default()),
        &output,
    )
    .unwrap();
    let shared = files.shared();
    assert!(shared.get().is_none() && !files.tree.has_folder("/tmp"));
    // As when it starts another, which then has the same.
    let tree = files.tree();
    assert!(tree.has_folder("/tmp"));
    assert!(Arc::ptr_eq(shared.get().unwrap(), &tree));
    assert!(Arc::ptr_eq(&tree, &files.tree()));
}

#[test]
fn scratch_is_one_room_that_goes_with_its_run() {
    let surroundings = with_scratch();
    let (first, second) = (
        Ledger::unbounded(),
        Ledger::of_process(u64::MAX).for_run(1 << 20),
    );
    let policy = Policy::default();
    let output = Output::new(0, Arc::new(Silent));
    let mut files = Files::new(
        &policy,
        &surroundings,
        (&first, &Sources::default()),
        &output,
    )
    .unwrap();
    let mut table = ResourceTable::new();
    run(async {
        let mut view = view(&mut files, &mut table);
        let (root, path) = view.get_directories().unwrap().remove(0);
        assert_eq!(path, "/");
        let handle = || Resource::<Descriptor>::new_borrow(root.rep());
        let access = DescriptorFlags::WRITE;
        let path = |name: &str| format!("home/agent/{name}");
        let make = |name| (PathFlags::empty(), path(name), OpenFlags::CREATE, access);
        let (how, name, flags, access) = make("a");
        let opened = view
            .open_at(handle(), how, name, flags, access)
            .await
            .unwrap();
        let open = || Resource::<Descriptor>::new_borrow(opened.rep());
        assert_eq!(
            view.write(open(), vec![1; 60_000], 0).await.unwrap(),
            60_000
        );
        let moved = view.rename_at(handle(), path("a"), handle(), "tmp/b".to_owned());
        moved.await.unwrap();
        let moved = view.rename_at(handle(), "tmp/b".to_owned(), handle(), "home/b".to_owned());
        assert_eq!(code(moved.await), Some(ErrorCode::NoEntry));
        let written = view.write(open(), vec![1; 60_000], 60_000).await.unwrap();
        assert!(written < 40_000, "{written}");
        let refused = view.write(open(), vec![1; 60_000], 120_000).await;
        assert!(code(refused).is_some());
        let refused = view.write(open(), vec![1; 60_000], 98_304).await;
        assert_eq!(code(refused), Some(ErrorCode::InsufficientSpace));
    });
    let held = first.held();
    assert!(held > 90_000 && second.held() == 0, "{held}");
    files.charge_to(&second).unwrap();
    assert_eq!(second.held(), held);
    drop((files, table));
    assert_eq!(second.held(), 0);
}
