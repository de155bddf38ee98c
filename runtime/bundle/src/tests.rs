//! What is stored is found again, and what is no bundle is refused.

use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let mut tree = Tree::default();
    for (path, content) in files {
        tree.add(path, content.to_vec()).unwrap();
    }
    tree
}

fn stored(files: &[(&str, &[u8])]) -> (tempfile::TempDir, BundleFile) {
    let folder = tempfile::tempdir().unwrap();
    let digest = store(&folder.path().join("bundles"), &tree(files)).unwrap();
    let file = BundleFile {
        digest,
        folder: Some(folder.path().join("bundles")),
    };
    (folder, file)
}

#[test]
fn what_is_stored_is_found() {
    let files: [(&str, &[u8]); 4] = [
        ("a/b.py", b"one"),
        ("a-b", b""),
        ("a/c/d", b"three"),
        ("z", b"last"),
    ];
    let (_folder, file) = stored(&files);
    let bundle = opened(&file).unwrap();
    for (path, content) in files {
        assert_eq!(bundle.content(path).unwrap().unwrap(), content, "{path}");
    }
    let names = |folder| bundle.list(folder).map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(names(""), ["a", "a-b", "z"]);
    assert_eq!(names("a"), ["b.py", "c"]);
    assert_eq!(names("z"), [""; 0]);
    assert!(matches!(bundle.find("a/c"), Some(Found::Folder { .. })));
    assert!(matches!(bundle.find(""), Some(Found::Folder { number: 6 })));
    for path in ["a/", "/a", "b.py", "a/c/d/e", "a/b"] {
        assert_eq!(bundle.find(path), None, "{path}");
    }
    let Some(Found::File { number, size: 5 }) = bundle.find("a/c/d") else {
        panic!("no file");
    };
    let mut some = [0; 9];
    assert_eq!(bundle.read_at(number, 2, &mut some).unwrap(), 3);
    assert_eq!(&some[..3], b"ree");
    assert_eq!(bundle.read_at(number, 5, &mut some).unwrap(), 0);
    assert_eq!(bundle.read_at(number, u64::MAX, &mut some).unwrap(), 0);
}

#[test]
fn the_same_tree_is_the_same_bundle_in_any_order() {
    let (one, other) = (
        tree(&[("a/b", b"1"), ("c", b"2")]),
        tree(&[("c", b"0"), ("c", b"2"), ("a/b", b"1")]),
    );
    assert_eq!(one, other);
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path(), &one).unwrap();
    assert_eq!(store(folder.path(), &other).unwrap(), first);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let mut tree = tree(&[("file", b""), ("folder/file", b"")]);
    for path in [
        "",
        "/etc/passwd",
        "..",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "a\0b",
        "file/inside",
        "folder",
    ] {
        let refused = tree.add(path, Vec::new());
        assert!(matches!(refused, Err(BundleError::Path(_))), "{path:?}");
    }
    tree.add("..a/b..c", Vec::new()).unwrap();
}

#[test]
fn what_was_changed_since_is_refused() {
    let (_folder, file) = stored(&[("a", b"before")]);
    let path = file
        .folder
        .as_ref()
        .unwrap()
        .join(format!("{}.bundle", file.digest));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = opened(&file).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "the bundle {} was changed since it was stored in the cache",
            file.digest
        )
    );
    std::fs::remove_file(&path).unwrap();
    let missing = opened(&file).unwrap_err().to_string();
    assert_eq!(
        missing,
        format!(
            "the bundle {} is not in the cache of this machine",
            file.digest
        )
    );
    let elsewhere = BundleFile {
        digest: "../../etc/passwd".to_owned(),
        folder: file.folder,
    };
    let refused = opened(&elsewhere).unwrap_err().to_string();
    assert_eq!(refused, "the name of a bundle is a SHA-256");
}

proptest! {
    /// Each changed byte of an index is refused, or leaves a bundle whose every file can be read.
    #[test]
    fn a_changed_index_is_refused_or_readable(at in 0_usize..120, to in any::<u8>()) {
        let tree = tree(&[("a/b.py", b"one"), ("a/c", b""), ("d", b"two")]);
        let head = tree.head().unwrap();
        let mut bytes = Vec::new();
        tree.write(&head, &mut bytes).unwrap();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to;
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        if let Ok(bundle) = Bundle::read(file) {
            for (name, found) in bundle.list("").collect::<Vec<_>>() {
                if let Found::File { size, .. } = found {
                    let content = bundle.content(name).unwrap().unwrap();
                    prop_assert_eq!(u64::try_from(content.len()).unwrap(), size);
                }
            }
        }
    }
}
