//! What wxmcp finds on a machine: a home or none, a cache that was damaged, servers that are gone.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Printed, TestResult, fixture_config, wx, wxmcp};

#[test]
fn it_runs_without_a_home_and_with_a_read_only_one() -> TestResult {
    let folder = tempfile::tempdir()?;
    let printed = Printed::from(
        wxmcp(folder.path())
            .env_remove("WXMCP_CACHE_DIR")
            .args(["run", "-c", "1"])
            .output()?,
    );
    assert_eq!(printed.stdout, "1\n", "{}", printed.stderr);
    // Root may write where nobody may; a file in the way stops root, too.
    let home = folder.path().join("home");
    fs::write(&home, "")?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o400))?;
    let printed = Printed::from(
        wxmcp(folder.path())
            .env_remove("WXMCP_CACHE_DIR")
            .env("HOME", &home)
            .args(["run", "-c", "1"])
            .output()?,
    );
    assert_eq!(printed.stdout, "1\n", "{}", printed.stderr);
    Ok(())
}

#[test]
fn doctor_finds_what_is_wrong() -> TestResult {
    let folder = tempfile::tempdir()?;
    wx(folder.path(), &["run", "-c", "1"])?;
    let printed = wx(
        folder.path(),
        &["doctor", "--mcp-config", &fixture_config()],
    )?;
    assert_eq!(printed.code, Some(0), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("server `fixture`"),
        "{}",
        printed.stdout
    );
    assert!(printed.stdout.contains("12 tools"), "{}", printed.stdout);
    let config = r#"{"mcpServers": {"gone": {"command": "/no/such/program"}}}"#;
    fs::write(folder.path().join(".mcp.json"), config)?;
    let printed = wx(folder.path(), &["doctor"])?;
    assert_eq!(printed.code, Some(1), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("FAIL  server `gone`"),
        "{}",
        printed.stdout
    );
    Ok(())
}

#[test]
fn doctor_finds_a_damaged_cache() -> TestResult {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let doctor = || -> Result<Printed, Box<dyn Error>> {
        Ok(wxmcp(folder.path())
            .arg("doctor")
            .env("WXMCP_CACHE_DIR", &cache)
            .output()?
            .into())
    };
    let run = || {
        wxmcp(folder.path())
            .args(["run", "-c", "1"])
            .env("WXMCP_CACHE_DIR", &cache)
            .output()
    };
    run()?;
    assert_eq!(doctor()?.code, Some(0));
    let unpacked = fs::read_dir(&cache)?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .ok_or("nothing was unpacked")?;
    fs::set_permissions(unpacked.path(), fs::Permissions::from_mode(0o600))?;
    let file = fs::OpenOptions::new().write(true).open(unpacked.path())?;
    std::os::unix::fs::FileExt::write_all_at(&file, b"damage", 4_096)?;
    let found = doctor()?;
    assert_ne!(found.code, Some(0), "{}", found.stdout);
    assert!(
        found.stdout.contains("not what was unpacked"),
        "{}",
        found.stdout
    );
    assert_eq!(run()?.status.code(), Some(0));
    Ok(())
}
