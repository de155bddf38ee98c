//! Whether what is asked for is locked.

use crate::lock::Lock;
use crate::requirement::Requirement;

/// Why a requirement is not met by what is locked, of the first that is not; none where all are.
pub fn unlocked(lock: &Lock, asked: &[Requirement]) -> Option<String> {
    asked.iter().find_map(|one| missing(lock, one))
}

fn missing(lock: &Lock, asked: &Requirement) -> Option<String> {
    let Some(locked) = lock.python.iter().find(|it| it.name == asked.name()) else {
        return Some(match asked.marker() {
            // It was declared when the packages were resolved, and its marker was looked at then.
            Some(_) if lock.declared.python.iter().any(|it| it == asked.text()) => return None,
            Some(_) => format!(
                "`{}` is not in wxmcp.lock, and its marker is not looked at",
                asked.text()
            ),
            None => format!("`{}` is not in wxmcp.lock", asked.text()),
        });
    };
    if !asked.admits(&locked.version) {
        return Some(format!(
            "`{}` does not fit wxmcp.lock, which has {}",
            asked.text(),
            locked.version
        ));
    }
    let declared = lock
        .declared
        .python
        .iter()
        .filter_map(|it| Requirement::parse(it).ok());
    let extras: Vec<String> = declared
        .filter(|it| it.name() == asked.name())
        .flat_map(|it| it.extras().to_vec())
        .collect();
    let extra = asked.extras().iter().find(|it| !extras.contains(it))?;
    Some(format!(
        "wxmcp.lock has `{}` without `[{extra}]`",
        asked.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{Declared, Locked};

    #[test]
    fn what_is_not_locked_is_named() {
        let mut lock = Lock::of(Declared {
            python: vec!["a[fast]>=1".to_owned()],
            javascript: Vec::new(),
        });
        lock.python.push(Locked {
            name: "a".to_owned(),
            version: "1.5".to_owned(),
            file: "a-1.5-py3-none-any.whl".to_owned(),
            source: None,
            digest: String::new(),
            size: None,
            licence: None,
            place: None,
            needs: Vec::new(),
        });
        let told = |text: &str| unlocked(&lock, &[Requirement::parse(text).unwrap()]);
        for text in ["a", "A>1,<2", "a[fast]", "a; python_version > '3'"] {
            assert_eq!(told(text), None, "{text}");
        }
        lock.declared
            .python
            .push("c; python_version < '3'".to_owned());
        let told = |text: &str| unlocked(&lock, &[Requirement::parse(text).unwrap()]);
        assert_eq!(told("c; python_version < '3'"), None);
        for (text, why) in [
            ("c", "`c` is not in wxmcp.lock"),
            ("b", "`b` is not in wxmcp.lock"),
            ("a>=2", "`a>=2` does not fit wxmcp.lock, which has 1.5"),
            ("a[slow]", "wxmcp.lock has `a` without `[slow]`"),
            (
                "b; python_version < '3'",
                "`b; python_version < '3'` is not in wxmcp.lock, and its marker is not looked at",
            ),
        ] {
            assert_eq!(told(text).as_deref(), Some(why), "{text}");
        }
    }
}
