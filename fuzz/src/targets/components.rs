//! WebAssembly components: flattened as guests are, and read as tools.

use std::sync::OnceLock;

use guest_build::flatten::{FlattenError, flatten};
use wxmcp_sandbox::fuzzing::Components;
use wxmcp_toolfiles::fuzzing::schemas;

use crate::cost::{Bound, Line, within};

/// Binary, or text, whose changes are more often valid.
fn binary(input: &[u8]) -> Option<Vec<u8>> {
    if input.starts_with(b"\0asm") {
        return Some(input.to_vec());
    }
    let text = std::str::from_utf8(input).ok()?;
    let binary = wat::parse_str(text).ok()?;
    // A few bytes of text can stand for many.
    (binary.len() <= 64 << 10).then_some(binary)
}

const FLATTEN: Bound = Bound {
    steps: Line(100_000, 1_500),
    allocations: Line(4_000, 60),
    peak: Line(512 << 10, 2_000),
};

/// A component. What comes out is valid, and not much larger.
pub(crate) fn flattened(input: &[u8]) {
    let Some(component) = binary(input) else {
        return;
    };
    match within(FLATTEN, "flatten", component.len(), || flatten(&component)) {
        Ok(flat) => {
            let most = component.len().saturating_mul(2).saturating_add(1_000);
            assert!(
                flat.len() <= most,
                "{} became {}",
                component.len(),
                flat.len()
            );
        }
        Err(error @ FlattenError::InvalidOutput { .. }) => panic!("{error:?}"),
        Err(_) => {}
    }
}

const READ: Bound = Bound {
    steps: Line(200_000, 4_000),
    allocations: Line(20_000, 200),
    peak: Line(4 << 20, 20_000),
};

static COMPONENTS: OnceLock<Option<Components>> = OnceLock::new();

/// A component, compiled, and its functions as tools.
pub(crate) fn component(input: &[u8]) {
    let Some(wasm) = binary(input) else {
        return;
    };
    let components = COMPONENTS.get_or_init(Components::new);
    let Some(components) = components else {
        panic!("there is no engine");
    };
    let Ok(supplied) = components.compile(&wasm) else {
        return;
    };
    let read = within(READ, "component", wasm.len(), || {
        let exports = supplied.exports();
        let imports = supplied.imports();
        let functions = exports
            .iter()
            .chain(&imports)
            .flat_map(|it| it.functions.iter().chain(&it.own));
        let read: Vec<_> = functions.take(1_000).map(|it| schemas(&it.of)).collect();
        read
    });
    for (input, output) in read.into_iter().flatten() {
        for schema in [input, output] {
            let valid = wxmcp_catalogue::Validator::new(&schema);
            assert!(valid.is_ok(), "{:?}: {schema}", valid.err());
        }
    }
}
