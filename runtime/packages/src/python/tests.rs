//! Wheels that reach for more than a package may, each beside one that does not.

#[path = "../../../../tests/support/archive.rs"]
mod made;

use made::{File, LINK, PLAIN, archive};

use super::wheel::{self, Wheel};
use crate::error::PackageError;

const METADATA: &str = "Metadata-Version: 2.4\nName: A_b\nVersion: 1.0\nLicense-Expression: MIT\n\
     Requires-Dist: C.d[x]>=1; python_version > '3'\nRequires-Dist: e\n\nName: not this\n";

fn read(more: &[File<'_>]) -> Result<Wheel, PackageError> {
    let mut files = vec![
        ("a_b/__init__.py", &b"x = 1\n"[..], PLAIN),
        ("a_b-1.0.dist-info/METADATA", METADATA.as_bytes(), PLAIN),
    ];
    files.extend(more);
    wheel::read("a_b-1.0-py3-none-any.whl", &archive(&files))
}

fn refused(more: &[File<'_>]) -> String {
    match read(more).unwrap_err() {
        PackageError::Refused { file, why } => {
            assert_eq!(file, "a_b-1.0-py3-none-any.whl");
            why
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_wheel_says_what_it_is() {
    let wheel = read(&[
        ("a_b/data/x.txt", b"text", PLAIN),
        (
            "a_b/_fast.cpython-314-x86_64-linux-gnu.so",
            b"\x7fELF",
            PLAIN,
        ),
        ("a_b.libs/libx.so.3", b"\x7fELF", PLAIN),
        ("a_b/__pycache__/__init__.cpython-314.pyc", b"", PLAIN),
        ("a_b-1.0.data/purelib/more.py", b"", PLAIN),
        ("a_b-1.0.data/scripts/a-b", b"#!python", 0o100_755),
        ("a_b-1.0.data/data/etc/a.conf", b"", PLAIN),
        ("a_b/folder/", b"", 0o040_755),
    ])
    .unwrap();
    let files: Vec<&str> = wheel.files.keys().map(String::as_str).collect();
    assert_eq!(
        files,
        [
            "a_b-1.0.dist-info/METADATA",
            "a_b/__init__.py",
            "a_b/data/x.txt",
            "more.py"
        ]
    );
    assert_eq!(wheel.native, ["a_b._fast", "a_b.libs.libx"]);
    assert_eq!(
        (wheel.name.as_str(), wheel.version.as_str()),
        ("A_b", "1.0")
    );
    assert_eq!(wheel.licence.as_deref(), Some("MIT"));
    assert_eq!(wheel.needs, ["c-d", "e"]);
}

#[test]
fn paths_that_lead_out_of_a_package_are_refused() {
    for path in [
        "../evil.py",
        "/etc/evil",
        "a/../../evil.py",
        "a\\..\\evil.py",
        "./a.py",
        "a//b.py",
        ".wxmcp/index",
    ] {
        let why = refused(&[(path, b"", PLAIN)]);
        assert!(
            why.starts_with(&format!("the path {path:?} in it ")),
            "{why}"
        );
    }
    read(&[("a/..b.py", b"", PLAIN)]).unwrap();
}

#[test]
fn links_are_refused() {
    let why = refused(&[("a_b/passwd", b"/etc/passwd", LINK)]);
    assert_eq!(why, "\"a_b/passwd\" in it is a link or a device");
    read(&[("a_b/passwd", b"/etc/passwd", PLAIN)]).unwrap();
}

#[test]
fn what_python_would_run_at_each_start_is_refused() {
    let why = refused(&[("evil.pth", b"import os; os.system('id')\n", PLAIN)]);
    assert_eq!(why, "`evil.pth` in it would run at each start of Python");
    let why = refused(&[("a_b-1.0.data/purelib/evil.pth", b"", PLAIN)]);
    assert_eq!(why, "`evil.pth` in it would run at each start of Python");
    // It is data where it is in a package.
    read(&[("a_b/model.pth", b"", PLAIN)]).unwrap();
}

#[test]
fn what_is_no_wheel_is_refused() {
    let good = archive(&[(
        "a-1.0.dist-info/METADATA",
        b"Name: a\nVersion: 1.0\n",
        PLAIN,
    )]);
    for file in [
        "a-1.0.tar.gz",
        "a-1.0.zip",
        "a.whl",
        "../a-1.0-py3-none-any.whl",
    ] {
        let why = wheel::read(file, &good).unwrap_err().to_string();
        assert!(
            why.contains("it is no wheel, and what is to be built would run code"),
            "{why}"
        );
    }
    wheel::read("a-1.0-py3-none-any.whl", &good).unwrap();
    for (bytes, why) in [
        (&b"no archive at all"[..], "it is no archive"),
        (
            &archive(&[("a.py", b"", PLAIN)]),
            "it has no metadata, or more than once",
        ),
    ] {
        let told = wheel::read("a-1.0-py3-none-any.whl", bytes)
            .unwrap_err()
            .to_string();
        assert!(told.ends_with(why), "{told}");
    }
}

#[test]
fn sizes_and_checksums_that_lie_are_refused() {
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = archive(&[(
            "a-1.0.dist-info/METADATA",
            b"Name: a\nVersion: 1.0\n",
            PLAIN,
        )]);
        let directory = bytes.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        bytes[directory + at..directory + at + to.len()].copy_from_slice(to);
        wheel::read("a-1.0-py3-none-any.whl", &bytes)
            .unwrap_err()
            .to_string()
    };
    for (at, to, why) in [
        (
            24,
            &u32::MAX.to_le_bytes()[..],
            "unpacks to more than 512 MiB",
        ),
        (24, &(200_u32 << 20).to_le_bytes(), "it is too large"),
        (24, &3_u32.to_le_bytes(), "it has another size than it says"),
        (16, &[9, 9, 9, 9], "its checksum is wrong"),
        (
            10,
            &[12, 0],
            "it is compressed in another way than wheels are",
        ),
        (8, &[1, 0], "it is encrypted"),
        (46, b"b", "its directory does not fit its files"),
        (20, &u32::MAX.to_le_bytes(), "its directory is cut off"),
        (42, &u32::MAX.to_le_bytes(), "its directory is cut off"),
    ] {
        let told = changed(at, to);
        assert!(told.ends_with(why), "{at}: {told}");
    }
}

proptest::proptest! {
    /// No archive makes the reader panic, or gives more than it says.
    #[test]
    fn a_changed_archive_is_read_or_refused(at in 0_usize..400, to: u8, end in 0_usize..400) {
        let mut bytes = archive(&[("a.py", b"x = 1", PLAIN), ("a-1.0.dist-info/METADATA", METADATA.as_bytes(), PLAIN)]);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to;
        }
        bytes.truncate(bytes.len() - end.min(bytes.len()) / 8);
        if let Ok(wheel) = wheel::read("a-1.0-py3-none-any.whl", &bytes) {
            let length: usize = wheel.files.values().map(Vec::len).sum();
            proptest::prop_assert!(length <= bytes.len());
        }
    }
}
