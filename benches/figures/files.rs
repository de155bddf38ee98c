//! What files of a mount cost, against native CPython.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::timing::{alternate, ms, ratio, row, time};

const NAMES: usize = 10_000;
const BYTES: usize = 100_000_000;

/// Question, program, what it prints.
const QUESTIONS: [(&str, &str, &str); 5] = [
    (
        "read 100 MB of a mount",
        "import sys\nprint(len(open(sys.argv[1] + '/large', 'rb').read()))",
        "100000000\n",
    ),
    (
        "write 100 MB into a mount",
        "import sys\nwith open(sys.argv[1] + '/new', 'wb') as file:\n    print(file.write(bytes(100_000_000)))",
        "100000000\n",
    ),
    (
        "read 100 MB of a mount by lines",
        "import sys\nprint(sum(map(len, open(sys.argv[1] + '/large', 'rb'))))",
        "100000000\n",
    ),
    (
        "list 10,000 files of a mount",
        "import os, sys\nprint(sum(len(os.listdir(sys.argv[1] + '/many')) for _ in range(10)))",
        "100000\n",
    ),
    (
        "look at each of 10,000 files of a mount",
        "import os, sys\nos.chdir(sys.argv[1] + '/many')\nprint(sum(os.stat(name).st_size for name in os.listdir()))",
        "10000\n",
    ),
];

/// Each question is a process of its own: its start is a small part of what it takes.
pub(crate) fn figures(wxmcp: &Path, python: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let line = [b'x'; 99].iter().chain(b"\n").copied();
    let large: Vec<u8> = line.cycle().take(BYTES).collect();
    fs::write(folder.join("large"), large)?;
    fs::create_dir(folder.join("many"))?;
    for number in 0..NAMES {
        fs::write(folder.join(format!("many/file-{number}")), "x")?;
    }
    let path = folder.to_str().context("a path that is no text")?;
    let volume = format!("{path}:/mount:rw");
    for (question, program, expected) in QUESTIONS {
        let script = folder.join("script.py");
        fs::write(&script, program)?;
        let script = script.to_str().context("a path that is no text")?;
        let ours = ["run", "--memory", "512MiB", "-v", &volume, script, "/mount"];
        let (ours, theirs) = alternate(
            7,
            || time(wxmcp, &ours, expected),
            || time(python, &[script, path], expected),
        )?;
        row(
            &format!("{question}, against native"),
            &format!("{:.2}x", ratio(ours, theirs)),
            "",
        );
        row(&format!("  wxmcp, {question}"), &ms(ours), "");
    }
    Ok(())
}
