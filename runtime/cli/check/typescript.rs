//! TypeScript, by its own native compiler.
//!
//! It runs outside the sandbox and would read any file that a script names; [`Checkable`]
//! lets none be named.

use std::collections::BTreeSet;

use anyhow::Context;
use wxmcp_catalogue::stubs::{StubFile, typescript};
use wxmcp_javascript::{Checkable, UNTYPED, UNTYPED_NAMES};
use wxmcp_run::Script;

use super::ambient::{add_typescript, namespaces};
use super::{BOUNDS, Checker, Finding, Findings, folder};
use crate::exit::Failure;
use crate::program;

/// How the compiler reads a script: strict where a type is wrong, silent where the script
/// names none. Nothing but the library of the language and of web workers is known.
const SETTINGS: &str = r#"{
  "compilerOptions": {
    "strict": true,
    "noImplicitAny": false,
    "useUnknownInCatchVariables": false,
    "target": "esnext",
    "module": "esnext",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
    "lib": ["esnext", "webworker"],
    "types": [],
    "noEmit": true,
    "skipLibCheck": true
  },
  "files": ["globals.d.ts", "ambient.d.ts", "modules.d.ts", "script.ts"]
}
"#;

/// What the compiler prints in front of a place in the script.
const SCRIPT: &str = "script.ts(";

pub(super) async fn check(checker: &Checker<'_>, script: &Script) -> Result<Findings, Failure> {
    let package = "`typescript` 7 or later from npm";
    let compiler = checker.program("TypeScript", &["tsgo", "tsc"], package)?;
    let read = match Checkable::new(&script.source) {
        Ok(read) => read,
        Err(error) => {
            return Ok(Findings::unreadable(
                error.line,
                error.column,
                error.message,
            ));
        }
    };
    let ambient = checker.ambient(&read.ambient).await;
    let through = checker.ambient(&read.through).await;
    let spelled = [
        read.namespaces.clone(),
        namespaces(&ambient),
        namespaces(&through),
    ];
    let sets = checker.sets(&spelled.concat(), false).await?;
    let mut files = typescript(&sets);
    add_typescript(&mut files, &ambient, &through);
    for (namespace, tool) in &read.tools {
        if sets.iter().any(|set| set.namespace == *namespace) {
            files.push(StubFile {
                path: format!("tools/{namespace}/{tool}.d.ts"),
                text: format!(
                    "export * from \"../{namespace}\";\n\
                     export {{ \"{tool}\" as default }} from \"../{namespace}\";\n"
                ),
            });
        }
    }
    files.push(StubFile {
        path: "tsconfig.json".to_owned(),
        text: SETTINGS.to_owned(),
    });
    files.push(StubFile {
        path: "modules.d.ts".to_owned(),
        text: untyped(&read.untyped),
    });
    let folder = folder(&files, "script.ts", &read.source)
        .context("write the stubs for the type check")
        .map_err(Failure::fault)?;
    let arguments = ["--pretty", "false", "--project", "tsconfig.json"];
    // An installation of npm begins with a script for node.
    let path = std::env::var_os("PATH");
    let printed = program::run(&compiler, &arguments, folder.path(), path, BOUNDS)
        .await
        .map_err(Failure::raised)?;
    let findings = parse(&printed.stdout, &read);
    if printed.code != 0 && findings.findings.is_empty() {
        let words = wxmcp_catalogue::clean(&printed.stdout, 2_000);
        return Err(Failure::raised(anyhow::anyhow!(
            "the TypeScript compiler failed with exit code {}: {words}",
            printed.code
        )));
    }
    Ok(findings.sorted())
}

/// Declares what nothing is known of: modules of files, packages and Node's, and what CommonJS has.
fn untyped(names: &[String]) -> String {
    let names: BTreeSet<&String> = names.iter().collect();
    let members = names.iter();
    let members: String = members
        .map(|name| format!("  export {{ value as {name} }};\n"))
        .collect();
    format!(
        "declare module \"{UNTYPED}\";\n\
         declare module \"{UNTYPED_NAMES}\" {{\n\
         \x20 const value: any;\n\
         \x20 type value<A = any, B = any, C = any, D = any> = any;\n\
         \x20 export default value;\n{members}}}\n\
         declare var require: any, module: any, exports: any;\n\
         declare var __filename: string, __dirname: string;\n"
    )
}

/// Reads `script.ts(3,5): error TS2345: ..`, and the lines below it that are indented.
fn parse(printed: &str, read: &Checkable) -> Findings {
    let mut findings = Findings::default();
    let mut open: Option<Finding> = None;
    for line in printed.lines() {
        if line.starts_with(' ') {
            if let Some(finding) = &mut open {
                finding.message.push_str(" / ");
                finding.message.push_str(line.trim());
            }
            continue;
        }
        if let Some(finding) = open.take() {
            findings.add(finding);
        }
        open = place(line).map(|(row, column, rule, message)| Finding {
            line: row,
            column: read.column(row, column),
            rule: rule.to_owned(),
            message: message.to_owned(),
        });
    }
    if let Some(finding) = open {
        findings.add(finding);
    }
    findings
}

/// Line, column, rule and message of the first line of a finding.
fn place(line: &str) -> Option<(u32, u32, &str, &str)> {
    let (place, rest) = line.strip_prefix(SCRIPT)?.split_once("): error ")?;
    let (row, column) = place.split_once(',')?;
    let (rule, message) = rest.split_once(": ")?;
    Some((row.parse().ok()?, column.parse().ok()?, rule, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_with_all_their_lines() -> anyhow::Result<()> {
        let read = Checkable::new("if (a) { return } b('x');")?;
        let printed = "script.ts(1,22): error TS2769: No overload.\n  The last one:\n    Expected.\n\
                       tools/x.d.ts(1,1): error TS1: theirs\n  more\nscript.ts(2,1): error TS2: two\n";
        let found = parse(printed, &read).findings;
        let told: Vec<(u32, u32, &str, &str)> = found
            .iter()
            .map(|it| (it.line, it.column, it.rule.as_str(), it.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (1, 21, "TS2769", "No overload. / The last one: / Expected."),
                (2, 1, "TS2", "two"),
            ]
        );
        Ok(())
    }
}
