//! How much memory there is.

use std::fs;
use std::path::Path;

/// Where control groups are, as processes see them.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that a machine is taken to have that does not tell.
const ASSUMED: u64 = 4 << 30;

/// What a process may hold for others unless its configuration says otherwise: half of the machine's memory, or of what its control
/// group may have.
pub(crate) fn usual_budget() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|it| total(&it)).unwrap_or(ASSUMED);
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_limit(&own, Path::new(GROUPS)).map_or(machine, |limit| limit.min(machine)) / 2
}

/// All memory of the machine, in bytes, as `/proc/meminfo` tells it.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of a control group (version 2) and those that it is in, in bytes; none if nothing bounds it.
fn group_limit(own: &str, groups: &Path) -> Option<u64> {
    let group = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limits = Path::new(group).ancestors().filter_map(|group| {
        let limit = fs::read_to_string(groups.join(group).join("memory.max")).ok()?;
        limit.trim().parse().ok()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_counts() -> std::io::Result<()> {
        let groups = tempfile::tempdir()?;
        let inner = groups.path().join("a/b");
        fs::create_dir_all(&inner)?;
        fs::write(groups.path().join("memory.max"), "max\n")?;
        fs::write(groups.path().join("a/memory.max"), "1000\n")?;
        fs::write(inner.join("memory.max"), "2000\n")?;
        assert_eq!(group_limit("0::/a/b\n", groups.path()), Some(1000));
        assert_eq!(group_limit("0::/\n", groups.path()), None);
        assert_eq!(group_limit("4:memory:/a\n", groups.path()), None);
        Ok(())
    }

    #[test]
    fn the_machine_tells_what_it_has() {
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(
            total("MemTotal:       2048 kB\nMemFree: 1 kB\n"),
            Some(2 << 20)
        );
        assert!(usual_budget() > 64 << 20);
    }
}
