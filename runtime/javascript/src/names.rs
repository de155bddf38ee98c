//! Names of ours in a program.

use std::collections::HashSet;

/// Names of ours, which the source does not hold.
pub(crate) struct Names {
    pub(super) module: String,
    pub(super) import: String,
    pub(super) value: String,
}

impl Names {
    pub(super) fn of(source: &str) -> Self {
        let module = free(source, "$m");
        Self {
            // A member: assigned to a name, a function would take that for its own.
            value: format!("{module}.default"),
            import: free(source, "$i"),
            module,
        }
    }
}

/// A name that the source does not hold: these letters, and perhaps a number.
fn free(source: &str, letters: &str) -> String {
    let mut taken = HashSet::new();
    for (at, _) in source.match_indices(letters) {
        let rest = source
            .get(at.saturating_add(letters.len())..)
            .unwrap_or_default();
        taken.insert(0);
        let mut number = 0_u32;
        for digit in rest.chars().map_while(|c| c.to_digit(10)).take(7) {
            number = number.saturating_mul(10).saturating_add(digit);
            taken.insert(number);
        }
    }
    match (0_u32..).find(|number| !taken.contains(number)) {
        None | Some(0) => letters.to_owned(),
        Some(number) => format!("{letters}{number}"),
    }
}
