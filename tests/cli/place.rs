//! Where a script stands: its scratch, the folder that it begins in, and the project that it is a part of.

use std::fs;
use std::process::Stdio;

use crate::support::{Printed, TestResult, tree, wx, wxmcp};

#[test]
fn scratch_is_gone_with_the_run_and_never_on_the_host() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let write = "open('/tmp/left', 'w').write('x'); open('left', 'w').write('x')";
    let look = "import os; print(os.listdir('/tmp'), os.listdir())";
    for _ in 0..2 {
        let printed = wx(folder.path(), &["run", "-c", look])?;
        assert_eq!(printed.stdout, "[] []\n", "{}", printed.stderr);
        let printed = wx(folder.path(), &["run", "-c", write])?;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    }
    assert_eq!(fs::read_dir(folder.path())?.count(), 0);
    assert!(!fs::exists("/tmp/left")?);
    Ok(())
}

#[test]
fn scratch_is_set_by_flag_environment_or_file() -> TestResult {
    let folder = tree(&[("wxmcp.toml", "[limits]\nscratch = \"1MiB\"\n")])?;
    let code = "open('x', 'wb').write(bytes(3 << 20))";
    let run = |flags: &[&str], variable: Option<&str>| {
        let mut command = wxmcp(folder.path());
        if let Some(variable) = variable {
            command.env("WXMCP_SCRATCH", variable);
        }
        let command = command.arg("run").args(flags).args(["-c", code]);
        Ok::<_, std::io::Error>(Printed::from(command.output()?))
    };
    let full = run(&[], None)?;
    assert_eq!(full.code, Some(1));
    let note =
        "note: scratch is full: files outside of mounts have 1 MiB together (limit `scratch`)";
    assert!(full.stderr.contains(note), "{}", full.stderr);
    assert!(
        full.stderr.contains("No space left on device"),
        "{}",
        full.stderr
    );
    assert_eq!(run(&[], Some("4MiB"))?.code, Some(0));
    assert_eq!(run(&["--scratch", "2MiB"], Some("4MiB"))?.code, Some(1));
    assert_eq!(run(&["--scratch", "5MiB"], Some("1KiB"))?.code, Some(0));
    let wrong = run(&[], Some("much"))?;
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("WXMCP_SCRATCH: expected a size"),
        "{}",
        wrong.stderr
    );
    Ok(())
}

#[test]
fn a_tool_file_has_no_scratch_and_sees_none() -> TestResult {
    let tool = "import os\n\ndef look(path: str) -> str:\n    try:\n        return str(os.listdir(path))\n    except OSError as error:\n        return error.strerror\n";
    let folder = tree(&[("tools/d/look.py", tool)])?;
    let code = "open('/tmp/x', 'w').close(); from tools import d; [d.look(path=p) for p in ('/', '/tmp', '/home/agent')]";
    let printed = wx(folder.path(), &["run", "-c", code])?;
    let wanted = r#"["[]","No such file or directory","No such file or directory"]"#;
    assert_eq!(printed.stdout.trim(), wanted, "{}", printed.stderr);
    Ok(())
}

#[test]
fn a_folder_to_begin_in_must_be_there() -> TestResult {
    let folder = tree(&[
        ("data/in/x.txt", "x"),
        ("wxmcp.toml", "[policy]\nworkdir = \"/data/in\"\n"),
    ])?;
    let run = |args: &[&str]| {
        wx(
            folder.path(),
            &[
                &["run", "-v", "data:/data"],
                args,
                &["-c", "import os; print(os.getcwd(), os.listdir())"],
            ]
            .concat(),
        )
    };
    assert_eq!(run(&[])?.stdout, "/data/in ['x.txt']\n");
    assert_eq!(run(&["--workdir", "/data/"])?.stdout, "/data ['in']\n");
    assert_eq!(run(&["--workdir", "/tmp"])?.stdout, "/tmp []\n");
    assert_eq!(
        run(&["--workdir", "/"])?.stdout,
        "/ ['data', 'dev', 'home', 'tmp']\n"
    );
    for (workdir, why) in [
        (
            "/data/x",
            "there is no folder `/data/x` for the script to begin in",
        ),
        ("/data/in/x.txt", "there is no folder `/data/in/x.txt`"),
        ("data", "DST must be an absolute path without `..`"),
        ("/data/../data", "DST must be an absolute path without `..`"),
    ] {
        let refused = run(&["--workdir", workdir])?;
        assert_eq!(refused.code, Some(2), "{workdir}");
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let ts = [
        "run",
        "--lang",
        "ts",
        "-v",
        "data:/data",
        "-c",
        "console.log(process.cwd(), await files.list('.'))",
    ];
    assert_eq!(wx(folder.path(), &ts)?.stdout, "/data/in [ 'x.txt' ]\n");
    Ok(())
}

const PROJECT: [(&str, &str); 3] = [
    (
        "app/main.py",
        "import lib, sys\nfrom lib.part import VALUE\n\nprint(__file__, sys.argv[0], sys.path[0], VALUE)\n",
    ),
    ("app/lib/__init__.py", ""),
    ("app/lib/part.py", "VALUE = 42\n"),
];

#[test]
fn a_script_of_a_project_runs_as_the_file_that_it_is_there() -> TestResult {
    let folder = tree(&PROJECT)?;
    let in_app = "/project/main.py /project/main.py /project 42\n";
    let in_root = "/project/app/main.py /project/app/main.py /project/app 42\n";
    for (args, wanted) in [
        (&["--project", "app", "app/main.py"][..], in_app),
        (&["--project", ".", "app/main.py"], in_root),
        (&["--project", "app", "app/../app/./main.py"], in_app),
        (
            &["-v", "app:/a/b:rw", "app/main.py"],
            "/a/b/main.py /a/b/main.py /a/b 42\n",
        ),
        (
            &["-v", "app:/app", "--project", ".", "app/main.py"],
            in_root,
        ),
    ] {
        let printed = wx(folder.path(), &[&["run"], args].concat())?;
        assert_eq!(printed.stdout, wanted, "{args:?}: {}", printed.stderr);
    }
    // No bytecode is written, also where the mount would let it.
    assert_eq!(fs::read_dir(folder.path().join("app"))?.count(), 2);
    assert_eq!(fs::read_dir(folder.path().join("app/lib"))?.count(), 2);
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[policy]\nproject = \"app\"\n",
    )?;
    assert_eq!(wx(folder.path(), &["run", "app/main.py"])?.stdout, in_app);
    let twice = wx(folder.path(), &["run", "-v", ".:/project", "app/main.py"])?;
    assert_eq!(twice.code, Some(2));
    assert!(
        twice.stderr.contains("two volumes have the same DST"),
        "{}",
        twice.stderr
    );
    let missing = wx(
        folder.path(),
        &["run", "--project", "nowhere", "app/main.py"],
    )?;
    assert_eq!(missing.code, Some(2));
    assert!(
        missing
            .stderr
            .contains("open the host directory for mount `/project`"),
        "{}",
        missing.stderr
    );
    Ok(())
}

#[test]
fn code_without_a_file_begins_in_the_project() -> TestResult {
    let folder = tree(&PROJECT)?;
    let code = "import os, sys; from lib.part import VALUE; print(os.getcwd(), sys.path, VALUE, os.listdir('lib') != [])";
    let wanted = "/project ['', '/project'] 42 True\n";
    let flags = ["run", "--project", "app"];
    let printed = wx(folder.path(), &[&flags[..], &["-c", code]].concat())?;
    assert_eq!(printed.stdout, wanted, "{}", printed.stderr);
    let mut child = wxmcp(folder.path())
        .args(flags)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    std::io::Write::write_all(&mut stdin, code.as_bytes())?;
    drop(stdin);
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.stdout, wanted);
    let home = wx(
        folder.path(),
        &[
            &flags[..],
            &[
                "--workdir",
                "/home/agent",
                "-c",
                "import os; print(os.getcwd())",
            ],
        ]
        .concat(),
    )?;
    assert!(
        home.stdout.starts_with("/home/agent\n"),
        "{} {}",
        home.stdout,
        home.stderr
    );
    Ok(())
}

#[test]
fn a_module_beside_the_script_is_found_by_its_note() -> TestResult {
    let folder = tree(&[
        ("jobs/report.py", "from helper import x\n"),
        ("jobs/helper.py", "x = 1\n"),
        ("jobs/other.py", "import src.core\n"),
        ("src/core.py", ""),
        ("jobs/none.py", "import pandas\n"),
    ])?;
    let note = |script: &str| {
        let printed = wx(folder.path(), &["run", script])?;
        assert_eq!(printed.code, Some(1));
        let last = printed.stderr.lines().last().unwrap_or_default().to_owned();
        Ok::<_, Box<dyn std::error::Error>>(last)
    };
    assert_eq!(
        note("jobs/report.py")?,
        "note: the script does not see `helper.py` of the host; `--project jobs` shows it that folder: \
         wxmcp run --project jobs jobs/report.py"
    );
    assert_eq!(
        note("jobs/other.py")?,
        "note: the script does not see `src/` of the host; `--project .` shows it that folder: \
         wxmcp run --project . jobs/other.py"
    );
    let library = "note: there is no package `pandas` here: `wxmcp add pandas` adds it, `--package pandas` for one run";
    assert_eq!(note("jobs/none.py")?, library);
    let printed = wx(
        folder.path(),
        &["run", "--project", "jobs", "jobs/report.py"],
    )?;
    assert_eq!((printed.stderr.as_str(), printed.code), ("", Some(0)));
    Ok(())
}
