//! Each way by which a package could run code on the host, or write to it, is refused by name; its twin is not.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::archive::{File, LINK, PLAIN, archive};
use crate::folder::{Folder, is_there, printed, refused};
use crate::support::TestResult;

/// A file that code of a package would write if it ran here.
const MARK: &str = "open(r'MARK', 'w').write('ran')\n";

fn mark(folder: &Folder, text: &str) -> (PathBuf, String) {
    let path = folder.wheels().join("ran");
    let text = text.replace("MARK", &path.display().to_string());
    (path, text)
}

/// Makes a source distribution whose `setup.py` would be noticed.
fn sdist(folder: &Folder, name: &str) -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    let setup =
        format!("{MARK}from setuptools import setup\nsetup(name='{name}', version='1.0')\n");
    let (ran, setup) = mark(folder, &setup);
    let unpacked = folder.wheels().join(format!("{name}-1.0"));
    fs::create_dir_all(&unpacked)?;
    fs::write(unpacked.join("setup.py"), &setup)?;
    let about = format!("Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n");
    fs::write(unpacked.join("PKG-INFO"), about)?;
    let file = format!("{name}-1.0.tar.gz");
    let packed = Command::new("tar")
        .args(["-czf", &file, &format!("{name}-1.0")])
        .current_dir(folder.wheels())
        .status()?;
    assert!(packed.success());
    fs::remove_dir_all(unpacked)?;
    Ok((folder.wheels().join(file), ran))
}

/// pip would build this one to learn what it is, although only wheels are taken.
#[test]
fn sources_that_a_package_names_by_a_url_are_not_built() -> TestResult {
    let folder = Folder::new()?;
    let (file, ran) = sdist(&folder, "urled")?;
    let url = format!("urled @ file://{}", file.display());
    folder.wheel("namesurl-1.0", &[&url], &[("namesurl.py", b"", PLAIN)])?;
    refused(
        &folder.wx(&["add", "namesurl"])?,
        "`urled` comes as source only, which is not built: file://",
    );
    assert!(!is_there(&ran));
    folder.wheel("namesurl-1.0", &["urled"], &[("namesurl.py", b"", PLAIN)])?;
    folder.wheel("urled-1.0", &[], &[("urled.py", b"", PLAIN)])?;
    printed(
        &folder.wx(&["add", "namesurl"])?,
        "+ namesurl 1.0\n+ urled 1.0\n",
    );
    Ok(())
}

#[test]
fn sources_are_never_built() -> TestResult {
    let folder = Folder::new()?;
    let (_, ran) = sdist(&folder, "sourced")?;
    refused(
        &folder.wx(&["add", "sourced"])?,
        "there is no wheel of `sourced`: it comes as source only, such as `sourced-1.0.tar.gz`: to build it would run its \
         code on this machine",
    );
    // Nor where a setting of pip would have it so.
    let forced = folder
        .wxmcp()
        .env("PIP_NO_BINARY", ":all:")
        .args(["add", "sourced"])
        .output()?;
    refused(&forced.into(), "comes as source only");
    for text in [
        "sourced @ file:///tmp/x.tar.gz",
        "git+https://a.test/sourced",
        "-r more.txt",
        "./sourced-1.0",
    ] {
        refused(&folder.wx(&["add", "--", text])?, "names no package");
    }
    assert!(!is_there(&ran));
    assert!(!is_there(&folder.project().join("wxmcp.lock")));
    assert!(!is_there(&folder.project().join("wxmcp.toml")));
    folder.wheel("sourced-0.9", &[], &[("sourced.py", b"x = 9\n", PLAIN)])?;
    printed(&folder.wx(&["add", "sourced"])?, "+ sourced 0.9\n");
    Ok(())
}

#[test]
fn a_wheel_that_reaches_out_is_refused() -> TestResult {
    let folder = Folder::new()?;
    let (ran, code) = mark(&folder, &format!("import os; {MARK}"));
    for (name, path, mode, why) in [
        (
            "slips",
            "../../evil.py",
            PLAIN,
            "the path \"../../evil.py\" in it leads out of the package",
        ),
        (
            "roots",
            "/tmp/evil.py",
            PLAIN,
            "the path \"/tmp/evil.py\" in it leads out of the package",
        ),
        (
            "links",
            "links/passwd",
            LINK,
            "\"links/passwd\" in it is a link or a device",
        ),
        (
            "starts",
            "starts.pth",
            PLAIN,
            "`starts.pth` in it would run at each start of Python",
        ),
        (
            "hides",
            ".wxmcp/index",
            PLAIN,
            "the path \".wxmcp/index\" in it is taken",
        ),
    ] {
        let module = format!("{name}_m.py");
        folder.wheel(
            &format!("{name}-1.0"),
            &[],
            &[(&module, b"", PLAIN), (path, code.as_bytes(), mode)],
        )?;
        refused(
            &folder.wx(&["add", name])?,
            &format!("`{name}-1.0-py3-none-any.whl` is refused: {why}"),
        );
        folder.wheel(&format!("{name}-1.0"), &[], &[(&module, b"x = 1\n", PLAIN)])?;
        printed(&folder.wx(&["add", name])?, &format!("+ {name} 1.0\n"));
    }
    assert!(!is_there(&ran));
    Ok(())
}

/// Entry points are data for whoever asks, and no command is made of them; nor is one of the scripts of a wheel.
#[test]
fn no_command_of_a_package_is_there() -> TestResult {
    let folder = Folder::new()?;
    let (ran, code) = mark(&folder, MARK);
    folder.wheel(
        "commands-1.0",
        &[],
        &[
            ("commands.py", b"def main(): return 'called'\n", PLAIN),
            (
                "commands-1.0.dist-info/entry_points.txt",
                b"[console_scripts]\ncommand-of-it = commands:main\n",
                PLAIN,
            ),
            (
                "commands-1.0.data/scripts/script-of-it",
                code.as_bytes(),
                0o100_755,
            ),
        ],
    )?;
    printed(&folder.wx(&["add", "commands"])?, "+ commands 1.0\n");
    let look = "\
import os, shutil
from importlib.metadata import entry_points
found = [name for _, folders, names in os.walk('/packages/python') for name in names if 'of-it' in name]
found, shutil.which('command-of-it'), entry_points(group='console_scripts')['command-of-it'].load()()";
    printed(&folder.wx(&["run", "-c", look])?, "[[],null,\"called\"]\n");
    assert!(!is_there(&ran));
    Ok(())
}

#[test]
fn a_file_that_is_not_what_was_locked_is_refused() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel("locked-1.0", &[], &[("locked.py", b"x = 1\n", PLAIN)])?;
    printed(&folder.wx(&["add", "locked"])?, "+ locked 1.0\n");
    let lock = folder.read("wxmcp.lock")?;
    let digest = lock
        .split("sha256:")
        .nth(1)
        .and_then(|it| it.get(..64))
        .ok_or("no digest")?;
    let run = &["run", "-c", "import locked; locked.x"];
    folder.write("wxmcp.lock", &lock.replace(digest, &"0".repeat(64)))?;
    refused(&folder.wx(run)?, "THESE PACKAGES DO NOT MATCH THE HASHES");
    folder.write("wxmcp.lock", &lock.replace(digest, "../../../etc/passwd"))?;
    refused(
        &folder.wx(run)?,
        "wxmcp.lock: `locked`: its digest is no SHA-256",
    );
    folder.write("wxmcp.lock", &lock)?;
    printed(&folder.wx(run)?, "1\n");
    Ok(())
}

#[test]
fn native_code_is_left_out_where_a_package_works_without_it() -> TestResult {
    let folder = Folder::new()?;
    let (half, whole) = (
        "cp314-cp314-manylinux_2_17_x86_64",
        "cp314-cp314-manylinux_2_28_x86_64",
    );
    folder.tagged(
        "halfpure-1.0",
        half,
        &[],
        &[
            (
                "halfpure/__init__.py",
                b"try:\n    from ._fast import x\nexcept ImportError:\n    x = 'slow'\n",
                PLAIN,
            ),
            (
                "halfpure/_fast.cpython-314-x86_64-linux-gnu.so",
                b"\x7fELF",
                PLAIN,
            ),
        ],
    )?;
    printed(&folder.wx(&["add", "halfpure"])?, "+ halfpure 1.0\n");
    printed(
        &folder.wx(&["run", "-c", "import halfpure; halfpure.x"])?,
        "slow\n",
    );
    let files: &[File<'_>] = &[
        ("allnative/__init__.py", b"from ._fast import x\n", PLAIN),
        (
            "allnative/_fast.cpython-314-x86_64-linux-gnu.so",
            b"\x7fELF",
            PLAIN,
        ),
    ];
    folder.tagged("allnative-2.0", whole, &[], files)?;
    folder.wheel("allnative-1.0", &[], &[("allnative.py", b"x = 1\n", PLAIN)])?;
    folder.wheel(
        "wantsnative-1.0",
        &["allnative"],
        &[("wantsnative.py", b"", PLAIN)],
    )?;
    let why = "does not work without its native code: `import allnative`: ModuleNotFoundError: No module named 'allnative._fast'\n\
               hint: `allnative==1.0` is pure\n";
    let refusal = folder.wx(&["add", "wantsnative"])?;
    refused(
        &refusal,
        &format!("`allnative` 2.0, which `wantsnative` needs, {why}"),
    );
    printed(
        &folder.wx(&["add", "wantsnative", "allnative<2"])?,
        "+ allnative 1.0\n+ wantsnative 1.0\n",
    );
    Ok(())
}

#[test]
fn what_was_packed_to_fill_a_disk_is_refused() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel("bombed-1.0", &[], &[("bombed.py", b"x = 1\n", PLAIN)])?;
    let good = folder.wheels().join("bombed-1.0-py3-none-any.whl");
    let mut bytes = fs::read(&good)?;
    // The directory says that its first file has four gigabytes.
    let directory = bytes
        .windows(4)
        .position(|it| it == b"PK\x01\x02")
        .ok_or("no directory")?;
    for byte in bytes.iter_mut().skip(directory + 24).take(4) {
        *byte = 0xff;
    }
    fs::write(&good, bytes)?;
    refused(
        &folder.wx(&["add", "bombed"])?,
        "`bombed-1.0-py3-none-any.whl`",
    );
    let plain = archive(&[("nothing", b"", PLAIN)]);
    fs::write(&good, plain)?;
    assert_eq!(folder.wx(&["add", "bombed"])?.code, Some(2));
    folder.wheel("bombed-1.0", &[], &[("bombed.py", b"x = 1\n", PLAIN)])?;
    printed(&folder.wx(&["add", "bombed"])?, "+ bombed 1.0\n");
    Ok(())
}
