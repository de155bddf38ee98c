//! Which of the packages that there are a script of one language sees.

use wxmcp_run::{Language, Policy};

use crate::{javascript, python};

/// A policy without the packages of other languages.
pub fn seen_by(language: Language, policy: &Policy) -> Policy {
    let others = match language {
        Language::Python => &[javascript::MOUNT][..],
        Language::JavaScript | Language::TypeScript => &[python::MOUNT],
        Language::Component => &[javascript::MOUNT, python::MOUNT],
    };
    let mut policy = policy.clone();
    policy
        .mounts
        .retain(|it| !others.contains(&it.guest.as_str()));
    policy.packages.retain(|it| !others.contains(&it.as_str()));
    policy
}
