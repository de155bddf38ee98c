//! Limits that variables of the environment set, which belong to the command line of a recording: a run that is recorded again
//! has the same.

/// Variables that stand for flags. `settings.rs` reads them.
const VARIABLES: [(&str, &str); 10] = [
    ("WXMCP_TIMEOUT", "--timeout"),
    ("WXMCP_START_TIMEOUT", "--start-timeout"),
    ("WXMCP_CALL_TIMEOUT", "--call-timeout"),
    ("WXMCP_FUEL", "--fuel"),
    ("WXMCP_MEMORY", "--memory"),
    ("WXMCP_HOST_MEMORY", "--host-memory"),
    ("WXMCP_SCRATCH", "--scratch"),
    ("WXMCP_MAX_OUTPUT", "--max-output"),
    ("WXMCP_MAX_TOOL_CALLS", "--max-tool-calls"),
    ("WXMCP_MAX_CONCURRENT_CALLS", "--max-concurrent-calls"),
];

/// The words of a run, with a flag for each of these variables whose flag is not among them. The last `own` are the script's.
pub(super) fn said(words: Vec<String>, own: usize) -> Vec<String> {
    said_in(words, own, |variable| std::env::var(variable).ok())
}

fn said_in(
    mut words: Vec<String>,
    own: usize,
    value: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let flags = words.len().saturating_sub(own);
    let is_said = |flag: &str| {
        let mut flags = words.iter().take(flags);
        flags.any(|word| word.split('=').next() == Some(flag))
    };
    let more: Vec<_> = VARIABLES
        .into_iter()
        .filter(|(_, flag)| !is_said(flag))
        .filter_map(|(variable, flag)| Some(format!("{flag}={}", value(variable)?)))
        .collect();
    let at = flags.min(1);
    words.splice(at..at, more);
    words
}

/// The variables, which do not count where such a command line is carried out again.
pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    VARIABLES.into_iter().map(|(variable, _)| variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variables_set_is_said_by_flags() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let value = |variable: &str| match variable {
            "WXMCP_TIMEOUT" => Some("7s".to_owned()),
            "WXMCP_FUEL" => Some("9".to_owned()),
            _ => None,
        };
        for (line, own, expected) in [
            ("run a.py", 1, "run --timeout=7s --fuel=9 a.py"),
            ("run --fuel 3 a.py", 1, "run --timeout=7s --fuel 3 a.py"),
            (
                "run --timeout=1s -q a.py --fuel",
                2,
                "run --fuel=9 --timeout=1s -q a.py --fuel",
            ),
            ("run -c 1", 0, "run --timeout=7s --fuel=9 -c 1"),
        ] {
            assert_eq!(said_in(words(line), own, value).join(" "), expected);
        }
    }
}
