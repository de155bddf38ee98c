use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// What a file of an archive is.
enum Kind {
    File,
    Link,
}

fn archive(files: &[(&str, &[u8], Kind)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content, kind) in files {
        let mut header = tar::Header::new_gnu();
        // As an attacker writes it: the library would refuse such paths.
        let name = header.as_gnu_mut().unwrap();
        name.name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(u64::try_from(content.len()).unwrap());
        header.set_mode(0o644);
        match kind {
            Kind::File => header.set_entry_type(tar::EntryType::Regular),
            Kind::Link => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name("/etc/passwd").unwrap();
            }
        }
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar.into_inner().unwrap()).unwrap();
    packed.finish().unwrap()
}

fn locked(name: &str, archive: &[u8]) -> Locked {
    Locked {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        file: format!("{name}-1.0.0.tgz"),
        source: None,
        digest: format!("sha512:{}", HEXLOWER.encode(&Sha512::digest(archive))),
        size: None,
        licence: None,
        place: Some(format!("node_modules/{name}")),
        needs: Vec::new(),
    }
}

fn refused(name: &str, files: &[(&str, &[u8], Kind)]) -> String {
    let archive = archive(files);
    let mut unpacked = Unpacked::default();
    let refused = unpacked.add(&locked(name, &archive), &archive);
    refused.unwrap_err().to_string()
}

#[test]
fn files_are_unpacked_below_the_place_of_their_package() {
    let archive = archive(&[
        ("package/package.json", b"{}", Kind::File),
        ("other/./lib/a.js", b"1", Kind::File),
    ]);
    let mut unpacked = Unpacked::default();
    unpacked.add(&locked("a", &archive), &archive).unwrap();
    let files: Vec<_> = unpacked.files.iter().collect();
    assert_eq!(
        files,
        [
            (&"node_modules/a/lib/a.js".to_owned(), &b"1".to_vec()),
            (&"node_modules/a/package.json".to_owned(), &b"{}".to_vec()),
        ]
    );
}

#[test]
fn a_file_that_is_not_what_is_locked_is_refused() {
    let archive = archive(&[("package/a.js", b"1", Kind::File)]);
    let locked = locked("a", b"something else");
    let refused = Unpacked::default().add(&locked, &archive).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.starts_with("`a@1.0.0`: its file has the digest sha512:"),
        "{refused}"
    );
    assert!(
        refused.ends_with(&format!("and {} is locked", locked.digest)),
        "{refused}"
    );
}

#[test]
fn paths_that_lead_out_and_links_are_refused() {
    for path in ["package/../../x", "/package/x", "../x"] {
        let refused = refused("a", &[(path, b"1", Kind::File)]);
        let words = format!("`a@1.0.0`: its file `{path}` leads out of the folder of the package");
        assert_eq!(refused, words);
    }
    let refused = refused("a", &[("package/x", b"", Kind::Link)]);
    assert_eq!(
        refused,
        "`a@1.0.0`: its file `package/x` is a link or a device"
    );
}

#[test]
fn native_code_is_refused_with_what_exists_instead() {
    let files = || [("package/build/x.node", &b"\x7fELF"[..], Kind::File)];
    let words = "`build/x.node` is native code, which the sandbox does not run";
    assert_eq!(refused("a", &files()), format!("`a@1.0.0`: {words}"));
    assert_eq!(
        refused("bcrypt", &files()),
        format!("`bcrypt@1.0.0`: {words}; use `bcryptjs` instead")
    );
    let source = refused("a", &[("package/binding.gyp", b"{}", Kind::File)]);
    assert!(source.contains("`binding.gyp` is native code"), "{source}");
}

#[test]
fn a_place_outside_of_packages_is_refused() {
    let archive = archive(&[("package/a.js", b"1", Kind::File)]);
    for place in [".wxmcp", "node_modules/../../x", "/etc", "node_modules//x"] {
        let mut locked = locked("a", &archive);
        locked.place = Some(place.to_owned());
        let refused = Unpacked::default().add(&locked, &archive).unwrap_err();
        let words = format!("`a@1.0.0`: `{place}` is no place of a package");
        assert_eq!(refused.to_string(), words);
    }
}

#[test]
fn an_archive_that_is_none_is_refused() {
    let mut unpacked = Unpacked::default();
    let refused = unpacked.add(&locked("a", b"text"), b"text").unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.starts_with("`a@1.0.0`: its file cannot be unpacked"),
        "{refused}"
    );
}
