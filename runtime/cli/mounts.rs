//! Volumes as flags and `wxmcp.toml` write them, and what scripts may not change through any of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use bytesize::ByteSize;
use wxmcp_run::{Access, Mount, Protected, Quota, Source};

use crate::cli::PolicyArgs;
use crate::settings_file::PolicyTable;

/// Names of files that wxmcp and other MCP clients take servers and grants from, in whatever folder they are started
/// next, and of what wxmcp keeps itself.
const OWN_NAMES: [&str; 9] = [
    "wxmcp.toml",
    "wxmcp.lock",
    ".wxmcp",
    ".mcp.json",
    "mcp.json",
    ".claude.json",
    "claude_desktop_config.json",
    "mcp_config.json",
    "opencode.json",
];

/// What scripts may not change: those names, the files and folders that this command was given, and those that
/// any command uses.
pub(crate) fn protected(told: impl Iterator<Item = PathBuf>) -> Protected {
    // In the folder itself they are known by more than their name: it may have another one.
    let here = OWN_NAMES.iter().map(PathBuf::from);
    let cache = wxmcp_host::cache_directory();
    let program = std::env::current_exe().ok();
    Protected {
        names: OWN_NAMES.map(str::to_owned).into(),
        paths: told.chain(here).chain(cache).chain(program).collect(),
    }
}

/// Where the folder is that `--project` names.
pub(crate) const PROJECT: &str = "/project";

/// Directories of flags are relative to here, those of a file to the file.
pub(crate) fn mounts(
    flags: &PolicyArgs,
    file: &PolicyTable,
    folder: &Path,
) -> anyhow::Result<Vec<Mount>> {
    let of_file = file.volumes.iter().enumerate().map(|(index, text)| {
        let place = || format!("wxmcp.toml: policy.volumes[{index}]");
        mount(text, folder).with_context(place)
    });
    let of_flags = flags.volumes.iter().map(|text| {
        let place = || format!("volume `{text}`");
        mount(text, Path::new("")).with_context(place)
    });
    let mut mounts = of_file
        .chain(of_flags)
        .collect::<anyhow::Result<Vec<Mount>>>()?;
    let project = file.project.as_ref().map(|named| folder.join(named));
    mounts.extend(flags.project.clone().or(project).map(|project| Mount {
        source: Source::Host(project),
        guest: PROJECT.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    }));
    for (index, mount) in mounts.iter().enumerate() {
        if mounts
            .iter()
            .skip(index + 1)
            .any(|other| other.guest == mount.guest)
        {
            bail!("two volumes have the same DST");
        }
    }
    Ok(mounts)
}

/// The folder that scripts begin in.
pub(crate) fn workdir(flag: Option<&str>, file: Option<&str>) -> anyhow::Result<Option<String>> {
    let place = match flag {
        Some(_) => "--workdir",
        None => "wxmcp.toml: policy.workdir",
    };
    let plain = |path: &str| guest_path(path).with_context(|| place.to_owned());
    flag.or(file).map(plain).transpose()
}

/// An absolute path of the guest, without slashes at its end.
fn guest_path(path: &str) -> anyhow::Result<String> {
    let plain = path.starts_with('/') && path.split('/').all(|part| part != "..");
    if !plain {
        bail!("DST must be an absolute path without `..`");
    }
    let trimmed = path.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
}

pub(crate) fn mount(text: &str, folder: &Path) -> anyhow::Result<Mount> {
    let wrong = || {
        anyhow!("it is no volume: write SRC:DST, SRC:DST:ro, SRC:DST:rw or SRC:DST:rw,SIZE,FILES")
    };
    let (rest, access, quota) = match text.rsplit_once(':') {
        Some((rest, "ro")) => (rest, Access::ReadOnly, Quota::default()),
        Some((rest, "rw")) => (rest, Access::ReadWrite, Quota::default()),
        Some((rest, options)) if options.starts_with("rw,") => {
            (rest, Access::ReadWrite, quota(options)?)
        }
        _ => (text, Access::ReadOnly, Quota::default()),
    };
    let (host, guest) = rest.rsplit_once(':').ok_or_else(wrong)?;
    if host.is_empty() {
        return Err(wrong());
    }
    let guest = guest_path(guest)?;
    Ok(Mount {
        source: Source::Host(folder.join(host)),
        guest,
        access,
        quota,
    })
}

/// What `rw,SIZE` or `rw,SIZE,FILES` says.
fn quota(options: &str) -> anyhow::Result<Quota> {
    let mut parts = options.split(',').skip(1);
    let mut quota = Quota::default();
    if let Some(size) = parts.next() {
        let size = size.parse::<ByteSize>();
        let size = size.map_err(|_| anyhow!("SIZE is no size: write `rw,100MiB`"))?;
        quota.bytes = size.as_u64();
    }
    if let Some(files) = parts.next() {
        let files = files.parse();
        quota.files = files.map_err(|_| anyhow!("FILES is no number: write `rw,100MiB,500`"))?;
    }
    match parts.next() {
        None => Ok(quota),
        Some(_) => bail!("there is too much: write `rw,SIZE,FILES`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_read_only_unless_it_says_otherwise() -> anyhow::Result<()> {
        let here = Path::new("");
        assert_eq!(mount("a:/b", here)?.access, Access::ReadOnly);
        assert_eq!(mount("a:/b:rw", here)?.access, Access::ReadWrite);
        assert_eq!(
            mount("a:b:/c/:ro", here)?.source,
            Source::Host("a:b".into())
        );
        assert_eq!(mount("a:/c/", Path::new("/x"))?.guest, "/c");
        let source = mount("a:/c", Path::new("/x"))?.source;
        assert_eq!(source, Source::Host("/x/a".into()));
        Ok(())
    }

    #[test]
    fn a_volume_says_how_much_may_be_added() -> anyhow::Result<()> {
        let usual = Quota::default();
        assert_eq!((usual.bytes, usual.files), (1 << 30, 100_000));
        for (text, bytes, files) in [
            ("a:/b:rw", usual.bytes, usual.files),
            ("a:/b:rw,10MiB", 10 << 20, usual.files),
            ("a:/b:rw,0", 0, usual.files),
            ("a:b:/c:rw,2GiB,7", 2 << 30, 7),
        ] {
            let mount = mount(text, Path::new(""))?;
            assert_eq!((mount.quota.bytes, mount.quota.files), (bytes, files));
            assert_eq!(mount.access, Access::ReadWrite, "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_volume_that_makes_no_sense_is_refused() {
        for text in [
            "a",
            ":/b",
            "a:b",
            "a:/b/../c",
            "a:/b:rx",
            "a:/b:rw,",
            "a:/b:rw,x",
            "a:/b:rw,1GiB,x",
            "a:/b:rw,1GiB,-1",
            "a:/b:rw,1GiB,1,1",
            "a:/b:ro,1GiB",
        ] {
            assert!(mount(text, Path::new("")).is_err(), "{text}");
        }
    }
}
