//! Packages of JavaScript, from archives to scripts: npm resolves them without a registry, what is unpacked becomes a
//! bundle, and scripts import it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use wxmcp_host::{Job, Runtime};
use wxmcp_packages::{Locked, javascript};
use wxmcp_run::{Access, BundleFile, Language, Mount, Outcome, Policy, Quota, Report, Source};

use crate::support::{TestResult, guests};

const PLACE: &str = "/packages/javascript";

/// Both kinds of modules, modules that nobody needs, and a module that a package shares with another.
const PACKAGES: [(&str, &[(&str, &str)]); 3] = [
    (
        "many",
        &[
            (
                "package.json",
                r##"{"name": "many", "version": "1.0.0", "type": "module", "sideEffects": false, "dependencies": {"shared": "^1"},
                    "exports": {".": {"import": "./index.js", "require": "./index.cjs"}, "./one": "./one.js"},
                    "imports": {"#word": "./word.js"}, "scripts": {"install": "touch /tmp/wxmcp-ran || exit 1"}}"##,
            ),
            (
                "index.js",
                "export * from './one.js';\nexport { default as two } from './two.js';\nexport * from './never.js';\n",
            ),
            (
                "index.cjs",
                "exports.kind = 'common'; exports.shared = require('shared');",
            ),
            (
                "one.js",
                "/**\n * One.\n */\nimport word from '#word';\nexport function one() { return word + 1; }\nexport function fails() {\n  throw new Error(word);\n}\n",
            ),
            (
                "two.js",
                "import shared from 'shared';\nexport default shared;\n",
            ),
            (
                "never.js",
                "export const never = 1; throw new Error('nobody asked for this');",
            ),
            ("word.js", "export default 'word';"),
        ],
    ),
    (
        "@mine/common",
        &[
            (
                "package.json",
                r#"{"name": "@mine/common", "version": "2.0.0", "main": "lib", "dependencies": {"shared": "1.x"}}"#,
            ),
            (
                "lib/index.js",
                "const fs = require('fs');\nexports.text = fs.readFileSync(__dirname + '/../data.txt', 'utf8');\nexports.shared = require('shared');\n",
            ),
            ("data.txt", "data"),
        ],
    ),
    (
        "shared",
        &[
            (
                "package.json",
                r#"{"name": "shared", "version": "1.2.3", "license": "MIT"}"#,
            ),
            ("index.js", "module.exports = { count: 0 };"),
        ],
    ),
];

/// Writes an archive as npm packs it.
fn pack(path: &Path, files: &[(&str, &str)]) -> TestResult {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(text.len())?);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("package/{name}"), text.as_bytes())?;
    }
    let mut packed = GzEncoder::new(fs::File::create(path)?, Compression::fast());
    packed.write_all(&tar.into_inner()?)?;
    packed.finish()?;
    Ok(())
}

/// A project with the archives, and a registry that is never asked.
fn project() -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(".npmrc"), "offline=true\n")?;
    for (name, files) in PACKAGES {
        let name = name.rsplit('/').next().unwrap_or(name);
        pack(&folder.path().join(format!("{name}.tgz")), files)?;
    }
    Ok(folder)
}

async fn locked(project: &Path) -> Result<Vec<Locked>, javascript::JavascriptError> {
    let declared = ["./many.tgz", "./common.tgz", "file:shared.tgz"];
    javascript::resolve(&declared.map(str::to_owned), project).await
}

fn policy(folder: &Path, digest: &str) -> Policy {
    let bundle = BundleFile {
        digest: digest.to_owned(),
        folder: Some(folder.to_owned()),
    };
    Policy {
        mounts: vec![Mount {
            source: Source::Bundle(bundle),
            guest: PLACE.to_owned(),
            access: Access::ReadOnly,
            quota: Quota { bytes: 0, files: 0 },
        }],
        packages: vec![PLACE.to_owned()],
        ..Policy::default()
    }
}

async fn run(
    runtime: &Runtime,
    policy: Policy,
    language: Language,
    source: &str,
) -> Result<Report, Box<dyn std::error::Error>> {
    let mut job = Job::new(language, "script", source);
    job.policy = policy;
    Ok(runtime.run(job).await?)
}

#[tokio::test]
async fn scripts_import_packages_that_npm_resolved() -> TestResult {
    let project = project()?;
    let locked = locked(project.path()).await?;
    let names: Vec<_> = locked
        .iter()
        .map(|it| (it.name.as_str(), it.version.as_str(), it.source.as_deref()))
        .collect();
    assert_eq!(
        names,
        [
            ("@mine/common", "2.0.0", Some("file:common.tgz")),
            ("many", "1.0.0", Some("file:many.tgz")),
            ("shared", "1.2.3", Some("file:shared.tgz")),
        ]
    );
    let tree = javascript::install(&locked, project.path()).await?;
    assert!(!Path::new("/tmp/wxmcp-ran").exists());
    let folder = tempfile::tempdir()?;
    let digest = wxmcp_bundle::store(folder.path(), &tree)?;
    let runtime = Runtime::with_guests(guests()).build()?;
    for (language, source, printed) in SCRIPTS {
        let report = run(&runtime, policy(folder.path(), &digest), language, source).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            text(&report.stdout),
            printed,
            "{source}\n{:?}",
            report.outcome
        );
    }
    let source = "import { fails } from 'many';\nfails();\n";
    let report = run(
        &runtime,
        policy(folder.path(), &digest),
        Language::JavaScript,
        source,
    )
    .await?;
    let Outcome::Raised(raised) = report.outcome else {
        panic!("{:?}", report.outcome);
    };
    let place = "/packages/javascript/node_modules/many/one.js:7:9";
    assert!(raised.traceback.contains(place), "{}", raised.traceback);
    Ok(())
}

const SCRIPTS: [(Language, &str, &str); 6] = [
    (
        Language::JavaScript,
        "import { one, two } from 'many';\nimport s from 'shared';\nconsole.log(one(), two === s);",
        "word1 true\n",
    ),
    (
        Language::TypeScript,
        "const { one }: { one: () => string } = await import('many/one');\nconsole.log(one());",
        "word1\n",
    ),
    (
        Language::JavaScript,
        "const { kind, shared } = require('many');\nconst common = require('@mine/common');\nconsole.log(kind, common.text, shared === common.shared);",
        "common data true\n",
    ),
    (
        Language::JavaScript,
        "import * as many from 'many';\nconsole.log(Object.keys(many), many.one === (await import('many/one')).one);",
        "[ 'fails', 'never', 'one', 'two' ] true\n",
    ),
    (
        Language::JavaScript,
        "import common, { text } from '@mine/common';\nimport { shared } from '@mine/common';\nconsole.log(common.text === text, shared.count);",
        "true 0\n",
    ),
    (
        Language::JavaScript,
        "for (const name of ['other', 'many/two']) await import(name).catch((error) => console.log(error.code));\n\
         await import('many').then((many) => many.never).catch((error) => console.log(error.message));",
        "ERR_MODULE_NOT_FOUND\nERR_PACKAGE_PATH_NOT_EXPORTED\nnobody asked for this\n",
    ),
];

#[tokio::test]
async fn a_file_that_changed_since_it_was_locked_is_refused() -> TestResult {
    let project = project()?;
    let locked = locked(project.path()).await?;
    pack(
        &project.path().join("shared.tgz"),
        &[("package.json", r#"{"name": "shared", "version": "1.2.3"}"#)],
    )?;
    let refused = javascript::install(&locked, project.path()).await.err();
    let refused = refused.map(|it| it.to_string()).unwrap_or_default();
    assert!(
        refused.starts_with("`shared@1.2.3`: its file has the digest sha512:"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
async fn a_package_that_the_registry_has_not_is_refused_in_the_words_of_npm() -> TestResult {
    let project = project()?;
    let refused = javascript::resolve(&["not-there".to_owned()], project.path())
        .await
        .err();
    let refused = refused.map(|it| it.to_string()).unwrap_or_default();
    assert!(
        refused.starts_with("`npm` failed: code ENOTCACHED"),
        "{refused}"
    );
    Ok(())
}
