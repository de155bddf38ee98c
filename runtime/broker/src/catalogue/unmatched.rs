//! Patterns of a policy that mean nothing: most are misspelt.

use wxmcp_catalogue::nearest;
use wxmcp_catalogue::wording::quoted;
use wxmcp_policy::Pattern;

use crate::host::CallerHost;

/// What a pattern is for.
#[derive(Clone, Copy)]
enum Purpose {
    Allow,
    Deny,
    Approve,
}

/// A namespace as patterns see it.
struct Names {
    /// As it is configured, and as scripts spell it.
    spellings: [String; 2],
    has_tool_files: bool,
    /// Its tools, as scripts spell them and as their provider does, as far as they are known.
    tools: Option<Vec<[String; 2]>>,
}

impl CallerHost {
    /// A sentence for each pattern that fits nothing, as far as that is known now: namespaces
    /// always are, tools of folders, and of servers once they were listed. Starts nothing.
    pub fn unmatched_patterns(&self) -> Vec<String> {
        let patterns = self.patterns();
        if patterns.is_empty() {
            return Vec::new();
        }
        let names = self.names();
        let patterns = patterns.into_iter();
        patterns
            .filter_map(|(purpose, pattern)| unmatched(purpose, pattern, &names))
            .collect()
    }

    /// All patterns but those that mean everything.
    fn patterns(&self) -> Vec<(Purpose, &Pattern)> {
        let policies = self.caller.tools().iter().map(|tools| tools.patterns());
        let of_policies = policies.flat_map(|(allow, deny)| {
            let allow = allow.iter().map(|it| (Purpose::Allow, it));
            allow.chain(deny.iter().map(|it| (Purpose::Deny, it)))
        });
        let approvals = self.broker.approvals.patterns();
        of_policies
            .chain(approvals.map(|it| (Purpose::Approve, it)))
            .filter(|(_, pattern)| pattern.text().contains(|c| !matches!(c, '*' | '.')))
            .collect()
    }

    fn names(&self) -> Vec<Names> {
        let providers = self.broker.providers.iter().flat_map(|it| it.all());
        let names = providers.map(|provider| Names {
            spellings: [provider.configured_name(), provider.name()].map(str::to_owned),
            has_tool_files: provider.has_tool_files(),
            tools: provider.known_tools(),
        });
        names.collect()
    }
}

/// The message about a pattern that fits nothing.
fn unmatched(purpose: Purpose, pattern: &Pattern, all: &[Names]) -> Option<String> {
    let is_meant = |names: &Names| names.has_tool_files || !matches!(purpose, Purpose::Approve);
    let all: Vec<&Names> = all.iter().filter(|names| is_meant(names)).collect();
    let reached = |spelled: &String| pattern.matches_some_after(&format!("{spelled}."));
    let near: Vec<&Names> = all
        .iter()
        .copied()
        .filter(|names| names.spellings.iter().any(reached))
        .collect();
    let (space, tool) = pattern
        .text()
        .split_once('.')
        .unwrap_or((pattern.text(), ""));
    if near.is_empty() {
        let names = all.iter().flat_map(|names| &names.spellings);
        let close = nearest(space, names.map(String::as_str));
        let close = close.into_iter().map(|space| format!("{space}.{tool}"));
        return Some(finding(
            purpose,
            pattern,
            "there is no such namespace",
            close,
        ));
    }
    let mut close = Vec::new();
    for names in near {
        let [configured_name, space] = &names.spellings;
        let tools = names.tools.as_ref()?;
        let is_fit = |name: &String| {
            let mut spelled = [configured_name, space].into_iter();
            spelled.any(|space| pattern.matches(&format!("{space}.{name}")))
        };
        // All tools of a namespace may be none.
        if tool == "*" || tools.iter().flatten().any(is_fit) {
            return None;
        }
        let found = nearest(tool, tools.iter().map(|[spelled, _]| spelled.as_str()));
        close.extend(found.into_iter().map(|name| format!("{space}.{name}")));
    }
    let close = close.into_iter();
    Some(finding(purpose, pattern, "there is no such tool", close))
}

fn finding(
    purpose: Purpose,
    pattern: &Pattern,
    why: &str,
    close: impl Iterator<Item = String>,
) -> String {
    let shown = quoted(pattern.text());
    let what = match purpose {
        Purpose::Allow => format!("{shown} allows nothing"),
        Purpose::Deny => format!("{shown} denies nothing"),
        Purpose::Approve => format!(
            "`[grants.\"{}\"]` approves nothing",
            shown.trim_matches('`')
        ),
    };
    let close: Vec<String> = close.map(|name| quoted(&name)).collect();
    match close.is_empty() {
        true => format!("{what}: {why}"),
        false => format!("{what}: {why}; did you mean {}?", close.join(" or ")),
    }
}
