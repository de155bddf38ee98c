//! Files of mounts, as the host sees them after a run.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;

use crate::support::{TestResult, tree, wx};

/// What a script left open is written when it ends, however it does, as CPython writes it when it exits.
#[test]
fn files_that_are_open_at_the_end_are_written() -> TestResult {
    for end in [
        "",
        "sys.exit(3)",
        "raise ValueError('late')",
        "many = [{} for _ in range(5_000)]",
    ] {
        let folder = tree(&[("data/there.txt", "")])?;
        let script = format!(
            "import csv, gzip, sys, zipfile\n\
             rows = csv.writer(open('/data/rows.csv', 'w', newline=''))\n\
             rows.writerow([1, 2])\n\
             text = open('/data/text.txt', 'w')\n\
             print('line', file=text)\n\
             def inner():\n    held = open('/data/bytes.bin', 'wb')\n    held.write(b'abc')\n    return held\n\
             kept = [inner()]\n\
             packed = gzip.open('/data/packed.gz', 'wt')\n\
             packed.write('packed')\n\
             archive = zipfile.ZipFile('/data/archive.zip', 'w')\n\
             archive.writestr('a.txt', 'in it')\n\
             {end}\n"
        );
        fs::write(folder.path().join("script.py"), script)?;
        wx(folder.path(), &["run", "-v", "data:/data:rw", "script.py"])?;
        let data = folder.path().join("data");
        let text = |name: &str| fs::read_to_string(data.join(name));
        assert_eq!(text("rows.csv")?, "1,2\r\n", "{end}");
        assert_eq!(text("text.txt")?, "line\n", "{end}");
        assert_eq!(text("bytes.bin")?, "abc", "{end}");
        let mut packed = Vec::new();
        fs::File::open(data.join("packed.gz"))?.read_to_end(&mut packed)?;
        assert_eq!(packed.get(..2), Some(&[0x1f, 0x8b][..]), "{end}");
        let unpack = "import gzip, zipfile\n\
                      print(gzip.open('/data/packed.gz', 'rt').read())\n\
                      print(zipfile.ZipFile('/data/archive.zip').read('a.txt'))";
        let read = wx(folder.path(), &["run", "-v", "data:/data", "-c", unpack])?;
        assert_eq!(read.streams(), ("packed\nb'in it'\n", ""), "{end}");
    }
    Ok(())
}

/// The empty path is no folder: `shutil.rmtree("")` must not empty the mounts.
#[test]
fn the_empty_path_names_nothing() -> TestResult {
    let folder = tree(&[
        ("data/kept.txt", "kept"),
        (
            "script.py",
            "
import os, shutil
for asked in [os.stat, os.lstat, os.listdir, os.scandir, shutil.rmtree]:
    try:
        asked('')
    except FileNotFoundError as error:
        print(error)
print(os.path.exists(''), os.path.isdir(''), os.listdir(), os.listdir('.'), os.stat in os.supports_dir_fd)
",
        ),
        (
            "script.ts",
            "console.log(await files.exists(''), await files.exists('/'));
try { await files.remove('', { recursive: true }); } catch (error) { console.log(error.code); }",
        ),
    ])?;
    let python = wx(
        folder.path(),
        &[
            "run",
            "--workdir",
            "/",
            "--scratch",
            "0",
            "-v",
            "data:/data:rw",
            "script.py",
        ],
    )?;
    let refused = "[Errno 44] No such file or directory: ''\n";
    let shown = "False False ['data', 'dev'] ['data', 'dev'] True\n";
    assert_eq!(
        python.streams(),
        (format!("{}{shown}", refused.repeat(5)).as_str(), "")
    );
    let typescript = wx(folder.path(), &["run", "-v", "data:/data:rw", "script.ts"])?;
    assert_eq!(typescript.streams(), ("false true\nENOENT\n", ""));
    assert_eq!(
        fs::read_to_string(folder.path().join("data/kept.txt"))?,
        "kept"
    );
    Ok(())
}

/// `..` after a link leads to the parent of what the link names, as the system has it, in both languages.
#[test]
fn a_link_is_followed_before_what_comes_after_it() -> TestResult {
    let folder = tree(&[
        ("data/x.txt", "outer"),
        ("data/real/x.txt", "inner"),
        ("data/real/in/y.txt", ""),
        ("script.py", "print(open('/data/l/../x.txt').read(), open('/data/l/../../x.txt').read())"),
        (
            "script.js",
            "console.log(await files.readText('/data/l/../x.txt'), await files.readText('/data/./l/../in/../x.txt'));
console.log(await files.readText('/data/../data/x.txt'), await files.readText('/other/../data/x.txt'));
await files.writeText('/data/l/../x.txt', '\\ufeffmark');
console.log((await files.readText('/data/real/x.txt')).length);",
        ),
    ])?;
    symlink("real/in", folder.path().join("data/l"))?;
    for (script, printed) in [
        ("script.py", "inner outer\n"),
        ("script.js", "inner inner\nouter outer\n5\n"),
    ] {
        let ran = wx(folder.path(), &["run", "-v", "data:/data:rw", script])?;
        assert_eq!(ran.streams(), (printed, ""), "{script}");
    }
    let data = folder.path().join("data");
    assert_eq!(fs::read_to_string(data.join("x.txt"))?, "outer");
    assert_eq!(fs::read_to_string(data.join("real/x.txt"))?, "\u{feff}mark");
    Ok(())
}
