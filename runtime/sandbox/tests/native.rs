//! The cache of unpacked guests: whatever is wrong with it is found and mended.

mod probe;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use probe::{TestResult, guest};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{CacheState, NativeCache, NativeError, NativeGuest};

/// Loads twice around `harm` and says what the cache thought of it in between.
fn harmed(
    harm: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<CacheState, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let cache = NativeCache::new(Some(folder.path().join("a/b/cache")));
    let guest = guest()?;
    let engine = engine::engine(Allocation::OnDemand)?;
    assert_eq!(cache.inspect(&guest), CacheState::Absent);
    cache.load(&engine, &guest)?;
    assert_eq!(cache.inspect(&guest), CacheState::Sound);
    let path = cache.path(&guest).ok_or("no path")?;
    let before = fs::metadata(&path)?.ino();
    cache.load(&engine, &guest)?;
    assert_eq!(fs::metadata(&path)?.ino(), before, "a sound copy is kept");
    harm(&path)?;
    let state = cache.inspect(&guest);
    cache.load(&engine, &guest)?;
    assert_eq!(cache.inspect(&guest), CacheState::Sound, "mended");
    Ok(state)
}

#[test]
fn a_truncated_copy_is_replaced() -> TestResult {
    let state = harmed(|path| fs::OpenOptions::new().write(true).open(path)?.set_len(4096))?;
    assert_eq!(state, CacheState::Unsound);
    Ok(())
}

#[test]
fn a_copy_with_one_other_byte_is_replaced() -> TestResult {
    let state = harmed(|path| {
        fs::OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(b"!")
    })?;
    assert_eq!(state, CacheState::Unsound);
    Ok(())
}

#[test]
fn a_removed_copy_is_unpacked_again() -> TestResult {
    assert_eq!(harmed(|path| fs::remove_file(path))?, CacheState::Absent);
    Ok(())
}

#[test]
fn a_copy_that_others_may_write_is_replaced() -> TestResult {
    let state = harmed(|path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)))?;
    assert_eq!(state, CacheState::Unsound);
    Ok(())
}

#[test]
fn a_link_in_place_of_a_copy_is_replaced() -> TestResult {
    let state = harmed(|path| {
        let aside = path.with_extension("aside");
        fs::rename(path, &aside)?;
        symlink(&aside, path)
    })?;
    assert_eq!(state, CacheState::Unsound);
    Ok(())
}

#[test]
fn the_cache_is_private() -> TestResult {
    let folder = tempfile::tempdir()?;
    let directory = folder.path().join("cache");
    fs::create_dir(&directory)?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777))?;
    let cache = NativeCache::new(Some(directory.clone()));
    cache.load(&engine::engine(Allocation::OnDemand)?, &guest()?)?;
    assert_eq!(fs::metadata(&directory)?.mode() & 0o777, 0o700);
    let names: Vec<_> = fs::read_dir(&directory)?.collect::<Result<_, _>>()?;
    assert_eq!(names.len(), 1, "no temporary file is left");
    Ok(())
}

#[test]
fn no_directory_or_an_unusable_one_still_runs() -> TestResult {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = guest()?;
    NativeCache::new(None).load(&engine, &guest)?;
    assert_eq!(
        NativeCache::new(None).inspect(&guest),
        CacheState::NoDirectory
    );
    let file = tempfile::NamedTempFile::new()?;
    NativeCache::new(Some(file.path().join("cache"))).load(&engine, &guest)?;
    NativeCache::new(Some("/proc/none/cache".into())).load(&engine, &guest)?;
    Ok(())
}

#[test]
fn many_that_unpack_at_once_all_run() -> TestResult {
    let folder = tempfile::tempdir()?;
    let guest = guest()?;
    std::thread::scope(|scope| {
        let loads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let engine = engine::engine(Allocation::OnDemand).map_err(|e| e.to_string())?;
                    NativeCache::new(Some(folder.path().join("cache")))
                        .load(&engine, &guest)
                        .map(drop)
                        .map_err(|error| error.to_string())
                })
            })
            .collect();
        for load in loads {
            load.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })
}

#[test]
fn a_damaged_embedded_guest_is_named() -> TestResult {
    let engine = engine::engine(Allocation::OnDemand)?;
    let sound = guest()?;
    let wrong = NativeGuest {
        sha256: "0000000000000000000000000000000000000000000000000000000000000000",
        ..sound
    };
    let error = NativeCache::new(None).load(&engine, &wrong).err();
    assert!(matches!(
        error,
        Some(NativeError::Damaged { guest: "probe" })
    ));
    Ok(())
}
