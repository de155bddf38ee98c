//! What a script finds around it besides its mounts: scratch folders in memory, a home, the folder that it begins in, and
//! what its environment says of them.

use wxmcp_run::{Language, Limits, Mount, Policy, Script};

/// The home of a script.
pub(crate) const HOME: &str = "/home/agent";

/// The folder of temporary files.
pub(crate) const TEMPORARY: &str = "/tmp";

/// The folder of devices.
pub(crate) const DEVICES: &str = "/dev";

/// The user that a script is told it is.
const USER: &str = "agent";

/// The surroundings of one script. Tool files and supplied components have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// The folders in memory; none where the user mounts something at their paths, or there are no bytes for them.
    pub(crate) scratch: Vec<&'static str>,
    /// Bytes that all of them may take together.
    pub(crate) bytes: u64,
    /// Whether there is a folder `/dev`.
    pub(crate) has_devices: bool,
    /// The folder that the script begins in.
    pub(crate) workdir: Option<String>,
    /// Variables of its environment, where it is given no others.
    pub(crate) env: Vec<(&'static str, &'static str)>,
}

impl Surroundings {
    /// Those of a script under a policy and limits.
    pub(crate) fn of(script: &Script, policy: &Policy, limits: &Limits) -> Self {
        if script.task.is_some() || script.language == Language::Component {
            return Self::default();
        }
        let is_mounted = |path: &str| policy.mounts.iter().any(|mount| mount.guest == path);
        // A mount at `/` is all that the script sees: scratch would hide what it has at these paths.
        let has_scratch = limits.scratch > 0 && !is_mounted("/");
        let mut scratch = vec![TEMPORARY, HOME];
        scratch.retain(|path| has_scratch && !is_mounted(path));
        let is_there = |path: &&'static str| scratch.contains(path) || is_mounted(path);
        let home = Some(HOME).filter(is_there).unwrap_or("/");
        let mut env = vec![("HOME", home), ("USER", USER)];
        env.extend(
            Some(TEMPORARY)
                .filter(is_there)
                .map(|path| ("TMPDIR", path)),
        );
        let workdir = policy.workdir.clone();
        Self {
            has_devices: !policy.mounts.iter().any(hides_devices),
            bytes: limits.scratch,
            workdir: Some(workdir.unwrap_or_else(|| home.to_owned())),
            env,
            scratch,
        }
    }
}

/// Whether a mount of the user's is at `/dev`, around it or in it: then that is what the script sees.
fn hides_devices(mount: &Mount) -> bool {
    let guest = mount.guest.trim_end_matches('/');
    let below = guest.strip_prefix(DEVICES);
    guest.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmcp_run::{Access, Quota, Source};

    fn script(language: Language) -> Script {
        Script {
            name: "script".to_owned(),
            path: None,
            language,
            source: String::new(),
            args: Vec::new(),
            in_session: false,
            task: None,
        }
    }

    fn mounted(paths: &[&str]) -> Policy {
        let mount = |path: &&str| Mount {
            source: Source::Host("/x".into()),
            guest: (*path).to_owned(),
            access: Access::ReadOnly,
            quota: Quota::default(),
        };
        Policy {
            mounts: paths.iter().map(mount).collect(),
            ..Policy::default()
        }
    }

    #[test]
    fn a_mount_of_the_user_wins() {
        let of = |paths: &[&str], scratch| {
            let limits = Limits {
                scratch,
                ..Limits::default()
            };
            let found = Surroundings::of(&script(Language::Python), &mounted(paths), &limits);
            let temporary = found.env.iter().any(|(key, _)| *key == "TMPDIR");
            (found.scratch, found.workdir.unwrap(), temporary)
        };
        let (home, root) = (HOME.to_owned(), "/".to_owned());
        assert_eq!(of(&[], 1), (vec![TEMPORARY, HOME], home.clone(), true));
        assert_eq!(of(&["/tmp"], 1), (vec![HOME], home.clone(), true));
        assert_eq!(
            of(&["/tmp/x", "/home"], 1),
            (vec![TEMPORARY, HOME], home.clone(), true)
        );
        assert_eq!(of(&[HOME], 0), (vec![], home, false));
        assert_eq!(of(&["/tmp"], 0), (vec![], root.clone(), true));
        assert_eq!(of(&["/"], 1), (vec![], root, false));
    }

    #[test]
    fn a_component_has_none() {
        let of =
            |language| Surroundings::of(&script(language), &Policy::default(), &Limits::default());
        assert_eq!(of(Language::Component), Surroundings::default());
        assert_eq!(of(Language::TypeScript).env.first(), Some(&("HOME", HOME)));
    }
}
