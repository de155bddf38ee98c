//! What a worker is told of a component that it is to run.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;
use wxmcp_run::{CompiledComponent, ComponentEntry};

use crate::support::{TestResult, pool, returned, run, runner, value};

fn component(native: &str) -> Result<CompiledComponent, Box<dyn std::error::Error>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(native.as_bytes())?;
    Ok(CompiledComponent {
        digest: std::array::from_fn(|at| u8::try_from(at).unwrap_or(0)),
        // It is removed at once: the worker can have it from this process alone.
        native: Some(Arc::new(file.reopen()?.into())),
        entry: ComponentEntry::Function {
            interface: Some("acme:text/texts@1.0.0".to_owned()),
            function: "length".to_owned(),
        },
        imports: Arc::from(*b"\0\xff"),
    })
}

#[tokio::test]
async fn a_component_crosses_with_the_file_that_this_process_has_open() -> TestResult {
    let pool = pool(1);
    let of_scripts = runner(&pool);
    let missing = || "it runs no components".to_owned();
    let runner = of_scripts
        .for_component(component("code")?)
        .ok_or_else(missing)?;
    let digest: Vec<u8> = (0..32).collect();
    let shown = json!({
        "digest": digest,
        "native": "code",
        "entry": r#"Function { interface: Some("acme:text/texts@1.0.0"), function: "length" }"#,
        "imports": [0, 255],
    });
    assert_eq!(value(&runner, "component").await?, shown);
    // A session has the one of its first run, though later ones say nothing of it.
    let mut session = runner.session();
    for _ in 0..2 {
        assert_eq!(
            returned(session.run(run("component")).await?)?["digest"],
            shown["digest"]
        );
    }
    let mut script = component("")?;
    (script.native, script.entry) = (None, ComponentEntry::Script);
    let runner = of_scripts.for_component(script).ok_or_else(missing)?;
    let other = value(&runner, "component").await?;
    assert_eq!(
        (&other["native"], &other["entry"]),
        (&json!(""), &json!("Script"))
    );
    // Runs of interpreters are told of none.
    assert_eq!(value(&of_scripts, "component").await?, json!(null));
    Ok(())
}
