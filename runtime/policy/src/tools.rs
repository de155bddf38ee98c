//! Which tools a caller may call: patterns of their names.

use wxmcp_catalogue::Named;

/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 512;

/// What is allowed, less what is denied.
///
/// Patterns are `namespace.tool` with `*` for any run of characters. A tool is
/// meant by its own name; by its identifier only while no other tool of its
/// namespace asks for the same, so that a server cannot gain a grant with a
/// look-alike. Denials hold for every spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolPatterns {
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
}

/// A pattern that cannot mean a tool. It is not repeated: it may be something else in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has no `.` and no `*`.
    #[error("it names no tool; write `NAMESPACE.*` for all tools of a namespace")]
    NoTool,
    /// It is empty or longer than 512 bytes.
    #[error("a tool pattern has 1 to {MAX_PATTERN_BYTES} bytes, this one has {0}")]
    Length(usize),
}

impl ToolPatterns {
    /// Allows everything.
    pub fn everything() -> Self {
        Self {
            allow: vec![Pattern("*".to_owned())],
            deny: Vec::new(),
        }
    }

    /// Allows nothing.
    pub fn nothing() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }

    /// Allows everything that these do not deny.
    pub fn denials(&self) -> Self {
        Self {
            deny: self.deny.clone(),
            ..Self::everything()
        }
    }

    /// Allows what fits a pattern of `allow` and none of `deny`.
    ///
    /// # Errors
    ///
    /// A pattern that cannot mean a tool.
    pub fn new<A: AsRef<str>, D: AsRef<str>>(
        allow: impl IntoIterator<Item = A>,
        deny: impl IntoIterator<Item = D>,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            allow: allow
                .into_iter()
                .map(|text| Pattern::parse(text.as_ref()))
                .collect::<Result<_, _>>()?,
            deny: deny
                .into_iter()
                .map(|text| Pattern::parse(text.as_ref()))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether the tool may be called. `configured_name` is that of its
    /// provider, `namespace` the same as an identifier.
    pub fn is_granted(&self, configured_name: &str, namespace: &str, tool: Named<'_>) -> bool {
        let own = tool.tool.name();
        let plain = wxmcp_catalogue::plain_identifier(own);
        let fits_one_of = |patterns: &[Pattern], name: &str| {
            fits_one_of(patterns, [configured_name, namespace], name)
        };
        let denied = [own, tool.attribute, &plain]
            .iter()
            .any(|name| fits_one_of(&self.deny, name));
        !denied
            && (fits_one_of(&self.allow, own)
                || (!tool.contested && fits_one_of(&self.allow, tool.attribute)))
    }

    /// Whether a tool of that name could be called if there was one: for names of what is no tool.
    pub fn is_name_granted(&self, configured_name: &str, namespace: &str, name: &str) -> bool {
        let spaces = [configured_name, namespace];
        let plain = wxmcp_catalogue::plain_identifier(name);
        let names = [name, &plain];
        !names
            .iter()
            .any(|name| fits_one_of(&self.deny, spaces, name))
            && names
                .iter()
                .any(|name| fits_one_of(&self.allow, spaces, name))
    }

    /// The patterns that allow, and those that deny.
    pub fn patterns(&self) -> (&[Pattern], &[Pattern]) {
        (&self.allow, &self.deny)
    }

    /// Whether any tool of the namespace could be granted, whatever its tools are.
    pub fn may_grant_in(&self, configured_name: &str, namespace: &str) -> bool {
        [configured_name, namespace].iter().any(|space| {
            let prefix = format!("{space}.");
            self.allow
                .iter()
                .any(|pattern| pattern.matches_some_after(&prefix))
        }) && ![configured_name, namespace].iter().any(|space| {
            let all = format!("{space}.*");
            self.deny
                .iter()
                .any(|pattern| pattern.0 == all || pattern.0 == "*" || pattern.0 == "*.*")
        })
    }
}

/// Whether a pattern matches the full name of a tool, under either name of its namespace.
fn fits_one_of(patterns: &[Pattern], spaces: [&str; 2], name: &str) -> bool {
    spaces.iter().any(|space| {
        let full = format!("{space}.{name}");
        patterns.iter().any(|pattern| pattern.matches(&full))
    })
}

/// A pattern of tool names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// One that cannot mean a tool.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::Length(text.len()));
        }
        if !text.contains(['.', '*']) {
            return Err(PatternError::NoTool);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        self.places_after(name).last() == Some(&true)
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether some name that starts so fits.
    pub fn matches_some_after(&self, prefix: &str) -> bool {
        self.places_after(prefix).contains(&true)
    }

    /// Which places of the pattern (before its first byte, .., after its last)
    /// reading the text can lead to: all at once, so that no pattern is slow.
    fn places_after(&self, text: &str) -> Vec<bool> {
        let mut places = vec![false; self.0.len().saturating_add(1)];
        if let Some(start) = places.first_mut() {
            *start = true;
        }
        self.step_over_stars(&mut places);
        for byte in text.bytes() {
            // Whether the place before was reached, and its byte of the pattern read.
            let mut is_passed = false;
            for (place, expected) in places
                .iter_mut()
                .zip(self.0.bytes().map(Some).chain([None]))
            {
                let passes = *place && expected == Some(byte) && byte != b'*';
                let stays = *place && expected == Some(b'*');
                *place = stays || is_passed;
                is_passed = passes;
            }
            self.step_over_stars(&mut places);
        }
        places
    }

    fn step_over_stars(&self, places: &mut [bool]) {
        let mut carried = false;
        for (place, byte) in places
            .iter_mut()
            .zip(self.0.bytes().map(Some).chain([None]))
        {
            *place |= carried;
            carried = *place && byte == Some(b'*');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wxmcp_catalogue::{Definition, Namespace};

    use super::*;

    fn namespace(names: &[&str]) -> Namespace {
        Namespace::new(names.iter().map(|name| Definition {
            name: (*name).to_owned(),
            description: String::new(),
            input_schema: Value::Null,
            output_schema: None,
        }))
    }

    fn granted(allow: &[&str], deny: &[&str], names: &[&str]) -> Vec<String> {
        let grants = ToolPatterns::new(allow, deny).unwrap();
        namespace(names)
            .tools()
            .filter(|tool| grants.is_granted("my-files", "my_files", *tool))
            .map(|tool| tool.tool.name().to_owned())
            .collect()
    }

    #[test]
    fn patterns_allow_and_denials_win() {
        let names = ["delete-it", "read-it", "read_all"];
        for (allow, deny, expected) in [
            (&["*"][..], &[][..], &names[..]),
            (&["my-files.*"], &[], &names),
            (
                &["my_files.*"],
                &["my_files.delete_it"],
                &["read-it", "read_all"],
            ),
            (&["*"], &["*.delete-*"], &["read-it", "read_all"]),
            (&["*.read*"], &[], &["read-it", "read_all"]),
            (&["my_files.read_it"], &[], &["read-it"]),
            (&["*"], &["*"], &[]),
            (&["other.*"], &[], &[]),
            (&[], &[], &[]),
        ] {
            assert_eq!(granted(allow, deny, &names), expected, "{allow:?} {deny:?}");
        }
    }

    /// A server that adds a look-alike neither gains its grant nor escapes its denial.
    #[test]
    fn a_contested_identifier_grants_nothing() {
        let pair = ["read-only", "readOnly"];
        assert!(granted(&["my_files.read_only"], &[], &pair).is_empty());
        assert_eq!(granted(&["my_files.read-only"], &[], &pair), ["read-only"]);
        assert!(granted(&["*"], &["my_files.read_only"], &pair).is_empty());
    }

    #[test]
    fn a_namespace_is_visible_when_something_in_it_may_be_granted() {
        let may = |allow: &[&str], deny: &[&str]| {
            ToolPatterns::new(allow, deny)
                .unwrap()
                .may_grant_in("my-files", "my_files")
        };
        assert!(may(&["*"], &[]));
        assert!(may(&["my*.read"], &["my_files.write"]));
        assert!(may(&["my_files.x"], &[]));
        assert!(!may(&["my_file.x"], &[]));
        assert!(!may(&["my_files2.*"], &[]));
        assert!(!may(&["*"], &["my_files.*"]));
        assert!(!may(&["*"], &["*"]));
    }

    #[test]
    fn a_star_fits_any_run_of_characters_and_nothing_else_does() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name);
        for (pattern, name) in [
            ("*", ""),
            ("*", "a.b"),
            ("a.*", "a."),
            ("a.*", "a.*"),
            ("*.b", "a.b.b"),
            ("a*.*c", "aba.bcc"),
            ("**.**", "."),
            ("*é.*", "aé.b"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a.b", "a.*"),
            ("a.b", "a.bb"),
            ("a.b", "a"),
            ("*.b", "a.bc"),
            ("a*.*c", "ba.c"),
            ("aa*.", "a."),
            ("*.*", "ab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        let some = Pattern::parse("ab*.c").unwrap();
        assert!(some.matches_some_after("a") && some.matches_some_after("abx"));
        assert!(!some.matches_some_after("b") && !some.matches_some_after("ac"));
    }

    #[test]
    fn patterns_that_mean_no_tool_are_refused() {
        assert_eq!(
            ToolPatterns::new(["database"], [""; 0])
                .unwrap_err()
                .to_string(),
            "it names no tool; write `NAMESPACE.*` for all tools of a namespace"
        );
        assert!(ToolPatterns::new([""], [""; 0]).is_err());
        let slow = "*a".repeat(200);
        let pattern = Pattern::parse(&slow).unwrap();
        assert!(!pattern.matches(&"a".repeat(199)));
    }
}
