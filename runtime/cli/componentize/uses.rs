//! What a script uses of the tools.

use std::collections::BTreeSet;

/// What a script uses, as far as can be read from it.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Of namespaces that it imports: each must be there.
    pub(super) imported: Vec<Used>,
    /// Of names that may be those of namespaces.
    pub(super) perhaps: Vec<Used>,
    /// Tools that it calls by their full names.
    pub(super) named: Vec<String>,
    /// Whether it imports every namespace.
    pub(super) everything: bool,
    /// Whether it may use tools by names that it does not spell: any of those namespaces.
    pub(super) is_open: bool,
}

/// What it uses of one namespace.
#[derive(Debug)]
pub(super) struct Used {
    /// The name, as the script spells it.
    pub(super) namespace: String,
    /// The tools, as the script spells them; `None` if it may be any.
    pub(super) tools: Option<BTreeSet<String>>,
}
