//! Which of our adapters goes into a component.

use wxmcp_run::Language;

/// The guest adapter that goes into a component with its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adapter {
    Python,
    JavaScript,
}

impl Adapter {
    /// The one for scripts of a language; none for a component, which is built already.
    pub(super) fn of(language: Language) -> Option<Self> {
        match language {
            Language::Python => Some(Self::Python),
            Language::JavaScript | Language::TypeScript => Some(Self::JavaScript),
            Language::Component => None,
        }
    }
}
