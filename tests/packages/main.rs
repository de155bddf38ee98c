//! Packages of Python, as users add them: pip finds wheels in a folder that the test makes, so nothing leaves the machine.

#[path = "../support/archive.rs"]
mod archive;
mod folder;
mod refused;
mod seen;
#[path = "../support/mod.rs"]
mod support;

use archive::PLAIN;
use folder::{Folder, is_there, printed, refused};
use support::TestResult;

#[test]
#[expect(clippy::too_many_lines, reason = "one story of a project")]
fn what_is_added_is_locked_and_imported() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel(
        "addone-1.2",
        &["addtwo>=1", "nowhere; sys_platform == 'linux'"],
        &[(
            "addone/__init__.py",
            b"from addtwo import two\none = two - 1\n",
            PLAIN,
        )],
    )?;
    folder.wheel("addtwo-1.0", &[], &[("addtwo.py", b"two = 1\n", PLAIN)])?;
    folder.wheel("addtwo-2.0", &[], &[("addtwo.py", b"two = 2\n", PLAIN)])?;
    folder.write("wxmcp.toml", "# mine\n[packages]\npython = [] # none yet\n")?;
    folder.write("a.py", "import addone\naddone.one")?;
    let added = folder.wx(&["add", "AddOne>=1"])?;
    printed(&added, "+ addone 1.2\n+ addtwo 2.0\n");
    assert_eq!(added.stderr, "note: locked 2 packages in `wxmcp.lock`\n");
    assert_eq!(
        folder.read("wxmcp.toml")?,
        "# mine\n[packages]\npython = [\"AddOne>=1\"] # none yet\n"
    );
    let lock = folder.read("wxmcp.lock")?;
    for part in [
        "[declared]\npython = [\"addone>=1\"]\n",
        "[[python]]\nname = \"addone\"\nversion = \"1.2\"\nfile = \"addone-1.2-py3-none-any.whl\"\ndigest = \"sha256:",
        "licence = \"MIT\"\nneeds = [\"addtwo\"]\n",
    ] {
        assert!(lock.contains(part), "{lock}");
    }
    // What is locked and in the cache needs neither pip nor an index.
    printed(&folder.alone(&["run", "a.py"])?, "1\n");
    let listed = folder.alone(&["packages"])?;
    let lines: Vec<_> = listed
        .stdout
        .lines()
        .map(|it| it.split_once("sha256:").unwrap_or_default().0)
        .collect();
    let [one, two] = lines.as_slice() else {
        panic!("{}", listed.stdout);
    };
    assert!(
        one.starts_with("addone  1.2  ") && one.ends_with("  MIT  "),
        "{one}"
    );
    assert!(
        two.starts_with("addtwo  2.0  ") && two.len() == one.len(),
        "{two}"
    );
    // What is locked stays where something else is added, until it is locked anew.
    folder.wheel("addtwo-3.0", &[], &[("addtwo.py", b"two = 3\n", PLAIN)])?;
    folder.wheel("addthree-1.0", &[], &[("addthree.py", b"", PLAIN)])?;
    printed(&folder.wx(&["add", "addthree"])?, "+ addthree 1.0\n");
    printed(&folder.wx(&["run", "a.py"])?, "1\n");
    printed(&folder.wx(&["lock"])?, "~ addtwo 2.0 -> 3.0\n");
    printed(&folder.wx(&["run", "a.py"])?, "2\n");
    printed(
        &folder.wx(&["remove", "addone"])?,
        "- addone 1.2\n- addtwo 3.0\n",
    );
    refused(
        &folder.wx(&["remove", "addone"])?,
        "wxmcp.toml does not declare `addone`",
    );
    printed(&folder.wx(&["remove", "addthree"])?, "- addthree 1.0\n");
    assert_eq!(
        folder.read("wxmcp.toml")?,
        "# mine\n[packages]\npython = [] # none yet\n"
    );
    Ok(())
}

#[test]
fn what_is_declared_is_locked_by_the_first_run() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel("declared-1.0", &[], &[("declared.py", b"x = 1\n", PLAIN)])?;
    folder.write("wxmcp.toml", "[packages]\npython = [\"declared\"]\n")?;
    let run = &["run", "-c", "import declared; declared.x"];
    let first = folder.wx(run)?;
    printed(&first, "1\n");
    assert_eq!(first.stderr, "note: locked 1 package in `wxmcp.lock`\n");
    printed(&folder.alone(run)?, "1\n");
    folder.write("wxmcp.toml", "[packages]\npython = [\"declared<1\"]\n")?;
    refused(
        &folder.wx(run)?,
        "there is no wheel of `declared<1`: it has versions that the sandbox can use, but none of these fits",
    );
    Ok(())
}

#[test]
fn a_script_names_its_packages_itself() -> TestResult {
    let folder = Folder::new()?;
    // What was resolved for the same words stays in the cache, which an earlier run of this test has used.
    let (one, two) = (
        format!("ownone{}", std::process::id()),
        format!("owntwo{}", std::process::id()),
    );
    let wheel = |name: &str, version: &str, text: &str| {
        let file = format!("{name}.py");
        let files = [(file.as_str(), text.as_bytes(), PLAIN)];
        folder.wheel(&format!("{name}-{version}"), &[], &files)
    };
    wheel(&one, "1.0", "x = 1\n")?;
    wheel(&two, "1.0", "x = 2\n")?;
    let metadata = format!("# requires-python = '>=3.9'\n# dependencies = ['{one}']\n");
    folder.write(
        "a.py",
        &format!("# /// script\n{metadata}# ///\nimport {one}\n{one}.x"),
    )?;
    printed(&folder.wx(&["run", "a.py"])?, "1\n");
    assert!(!is_there(&folder.project().join("wxmcp.lock")));
    printed(&folder.alone(&["run", "a.py"])?, "1\n");
    let code = format!("import {two}; {two}.x");
    let flagged = &["run", "--package", &two, "-c", &code];
    printed(&folder.wx(flagged)?, "2\n");
    printed(&folder.alone(flagged)?, "2\n");
    // A newer version is taken when it is asked for.
    wheel(&one, "2.0", "x = 20\n")?;
    printed(&folder.wx(&["run", "a.py"])?, "1\n");
    assert_eq!(folder.wx(&["lock", "a.py"])?.code, Some(0));
    printed(&folder.wx(&["run", "a.py"])?, "20\n");
    // One that is not named is not there.
    let other = folder.wx(&["run", "-c", &format!("import {one}")])?;
    let missing = format!("No module named '{one}'");
    assert!(other.stderr.contains(&missing), "{}", other.stderr);
    folder.write(
        "b.py",
        "# /// script\n# requires-python = '<3.12'\n# ///\n1",
    )?;
    refused(
        &folder.wx(&["run", "b.py"])?,
        "it wants Python <3.12, and the sandbox has 3.14.0",
    );
    Ok(())
}

#[test]
fn constraints_of_pip_hold() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel(
        "constrained-1.0",
        &[],
        &[("constrained.py", b"x = 1\n", PLAIN)],
    )?;
    folder.wheel(
        "constrained-2.0",
        &[],
        &[("constrained.py", b"x = 2\n", PLAIN)],
    )?;
    folder.write("constraints.txt", "constrained<2\n")?;
    let constraints = folder.project().join("constraints.txt");
    let added = folder
        .wxmcp()
        .env("PIP_CONSTRAINT", constraints)
        .args(["add", "constrained"])
        .output()?;
    printed(&added.into(), "+ constrained 1.0\n");
    Ok(())
}

#[test]
fn a_folder_of_packages_and_pythonpath_are_searched() -> TestResult {
    let folder = Folder::new()?;
    folder.write("site/sited.py", "x = 1\n")?;
    folder.write("lib/pathed.py", "x = 2\n")?;
    folder.write("lib/json.py", "x = 'another json'\n")?;
    let code = "import sited\nsited.x, sited.__file__";
    printed(
        &folder.wx(&["run", "--site", "site", "-c", code])?,
        "[1,\"/packages/site/sited.py\"]\n",
    );
    let code = "import pathed, json\npathed.x, json.x";
    printed(
        &folder.wx(&["run", "-v", "lib:/lib", "-e", "PYTHONPATH=/lib", "-c", code])?,
        "[2,\"another json\"]\n",
    );
    let without = folder.wx(&["run", "-v", "lib:/lib", "-c", code])?;
    assert!(
        without.stderr.contains("No module named 'pathed'"),
        "{}",
        without.stderr
    );
    Ok(())
}

/// Each sees what the other has declared, whichever comes first.
#[test]
fn two_that_are_added_at_once_are_both_there() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel("twinone-1.0", &[], &[("twinone.py", b"", PLAIN)])?;
    folder.wheel("twintwo-1.0", &[], &[("twintwo.py", b"", PLAIN)])?;
    let first = folder.wxmcp().args(["add", "twinone"]).spawn()?;
    let second = folder.wxmcp().args(["add", "twintwo"]).spawn()?;
    for child in [first, second] {
        assert!(child.wait_with_output()?.status.success());
    }
    let declared = folder.read("wxmcp.toml")?;
    let lock = folder.read("wxmcp.lock")?;
    for name in ["twinone", "twintwo"] {
        assert!(
            declared.contains(name) && lock.contains(name),
            "{declared}{lock}"
        );
    }
    Ok(())
}
