//! The module that tests import, and the script that runs them: of each language.

use std::sync::Arc;

use wxmcp_run::{
    Access, Captured, CapturedBody, CapturedEntry, Language, Mount, Quota, Rights, Script, Source,
};

const PYTHON: &str = include_str!("../../../../guest-adapters/testing/wxmcp_test.py");
const JAVASCRIPT: &str = include_str!("../../../../guest-adapters/testing/test.js");
const PACKAGE: &str = include_str!("../../../../guest-adapters/testing/package.json");

/// Imports the module, and has it look at the file in its first argument.
pub(super) fn driver(language: Language) -> &'static str {
    match language {
        Language::Python => {
            "import sys\nsys.path.insert(0, '/usr/lib/wxmcp')\nimport wxmcp_test\nwxmcp_test._main(*sys.argv[1:])"
        }
        _ => "import { main } from 'wxmcp/test';\nreturn await main(...process.argv.slice(2));",
    }
}

/// Has CPython compile the module, since that takes longer than a test does: the bytes of `wxmcp_test.pyc`.
pub(super) fn compiler() -> Script {
    Script {
        name: "wxmcp test".to_owned(),
        path: None,
        language: Language::Python,
        source: COMPILE.to_owned(),
        args: vec![PYTHON.to_owned()],
        in_session: false,
        task: None,
    }
}

const COMPILE: &str = "\
import sys
from importlib._bootstrap_external import _code_to_hash_pyc
code = compile(sys.argv[1], '/usr/lib/wxmcp/wxmcp_test.py', 'exec')
list(_code_to_hash_pyc(code, bytes(8), False))";

/// The folder that the module is in; `compiled` is what Python's is compiled to.
pub(super) fn mount(language: Language, compiled: Option<&[u8]>) -> Mount {
    let python = match compiled {
        Some(code) => ("wxmcp_test.pyc", code),
        None => ("wxmcp_test.py", PYTHON.as_bytes()),
    };
    let package = [
        ("package.json", PACKAGE.as_bytes()),
        ("test.js", JAVASCRIPT.as_bytes()),
    ];
    let (guest, files) = match language {
        Language::Python => ("/usr/lib/wxmcp", &[python][..]),
        _ => ("/node_modules/wxmcp", &package[..]),
    };
    Mount {
        access: Access::ReadOnly,
        ..folder(guest, files.iter().copied())
    }
}

/// A folder in memory with some files, whose paths in it have no folder that is not made of them.
pub(super) fn folder<'a>(guest: &str, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Mount {
    let entry = |path: &str, body: CapturedBody| CapturedEntry {
        path: path.to_owned(),
        mode: match body {
            CapturedBody::Folder => 0o755,
            _ => 0o644,
        },
        rights: Rights::Owner,
        body,
    };
    let mut entries = vec![entry("", CapturedBody::Folder)];
    for (path, bytes) in files {
        for (at, _) in path.match_indices('/') {
            let above = path.get(..at).unwrap_or_default();
            if entries.iter().all(|it| it.path != above) {
                entries.push(entry(above, CapturedBody::Folder));
            }
        }
        entries.push(entry(path, CapturedBody::File(bytes.into())));
    }
    Mount {
        source: Source::Captured(Arc::new(Captured::new(entries))),
        guest: guest.to_owned(),
        access: Access::ReadWrite,
        quota: Quota::default(),
    }
}
