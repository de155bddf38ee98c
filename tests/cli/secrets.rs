//! Secrets of the host: no byte of them is in a recording, in what is shown of it, or in what was printed.

use std::fs;
use std::path::Path;

use crate::support::{Printed, TestResult, http as server, tree, wxmcp};

/// Variables of the host with their secrets. Some of their characters are escaped in JSON and in URLs.
const SECRETS: [(&str, &str); 6] = [
    ("SERVER_TOKEN", "canary-a7/Zq+1 \"é\" server"),
    ("SERVER_API_KEY", "canary-b8/Zq+2-argument"),
    ("API_TOKEN", "canary-c9/Zq+3-header"),
    ("DATABASE_PASSWORD", "canary-d1Zq4-database"),
    ("UNUSED_TOKEN", "canary-e2Zq5-of-nobody"),
    ("GITHUB_TOKEN", "canary-f3Zq6-environment"),
];

/// A server that sends back what it was started with, in whatever form it is asked for.
const SERVER: &str = r#"
import base64, json, os, sys, urllib.parse

def form(name):
    secret = os.environ["TOKEN"] if name != "argument" else sys.argv[1]
    if name == "folder":
        return "it is " + os.environ["FOLDER"]
    if name == "base64":
        return base64.b64encode(secret.encode()).decode()
    if name == "basic":
        return "Basic " + base64.b64encode(("user:" + secret + ":x").encode()).decode()
    if name == "url":
        return urllib.parse.quote_plus(secret) + " " + urllib.parse.quote(secret)
    if name == "json":
        return json.dumps({"token": [secret]})
    return "it is " + secret

names = ["plain", "folder", "argument", "base64", "basic", "url", "json", "error", "structured"]
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    method, result = request["method"], None
    if method == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "leaky", "version": "1"}}
    elif method == "tools/list":
        described = "Says what it knows: " + os.environ["TOKEN"]
        result = {"tools": [{"name": name, "description": described, "inputSchema": {"type": "object"}} for name in names]}
    elif method == "tools/call":
        name = request["params"]["name"]
        print("asked with", os.environ["TOKEN"], file=sys.stderr, flush=True)
        result = {"content": [{"type": "text", "text": form(name)}], "isError": name == "error"}
        if name == "structured":
            result["structuredContent"] = {"seen": os.environ["TOKEN"]}
    if result is None:
        answer = {"error": {"code": -32601, "message": "no " + method + " for " + os.environ["TOKEN"]}}
    else:
        answer = {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}), flush=True)
"#;

const GET: &str = "\
import { http } from 'wxmcp';
export async function get(): Promise<string> { return await (await http('api').fetch('/echo')).text(); }
get.description = 'Asks the API what it was asked.';
get.grants = { http: ['api'] };
";

const QUERY: &str = "\
import { sql } from 'wxmcp';
export async function query(): Promise<unknown> { return await sql('far').query('SELECT 1'); }
query.description = 'Asks a database that is not there.';
query.grants = { sql: ['far'] };
";

const SCRIPT: &str = "\
import os
from tools import api, leaky

for name in ['plain', 'folder', 'argument', 'base64', 'basic', 'url', 'json', 'error', 'structured']:
    try:
        print(name, getattr(leaky, name)())
    except Exception as error:
        print(name, type(error).__name__, error)
for call in [api.get, api.query]:
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, error)
print(sorted(os.environ))
print(leaky.plain.__doc__)
";

fn folder() -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let port = server::start()?;
    let settings = format!(
        "[connections.api]\nurl = \"http://127.0.0.1:{port}/\"\naddresses = [\"127.0.0.1\"]\n\
         headers = {{ Authorization = \"Bearer ${{API_TOKEN}}\" }}\n\
         [connections.far]\nurl = \"postgres://reader:${{DATABASE_PASSWORD}}@127.0.0.1:1/orders\"\n\
         [grants.\"api.get\"]\nhttp = [\"api\"]\n[grants.\"api.query\"]\nsql = [\"far\"]\n"
    );
    let servers = r#"{"mcpServers": {"leaky": {
        "command": "python3", "args": ["leaky.py", "${SERVER_API_KEY}"], "env": {"TOKEN": "${SERVER_TOKEN}", "FOLDER": "/srv/of-the-server"}
    }}}"#;
    let folder = tree(&[
        ("wxmcp.toml", settings.as_str()),
        (".mcp.json", servers),
        ("leaky.py", SERVER),
        ("tools/api/get.ts", GET),
        ("tools/api/query.ts", QUERY),
        ("a.py", SCRIPT),
    ])?;
    let leaky = folder.path().join("leaky.py").display().to_string();
    let servers = servers.replace("\"leaky.py\"", &format!("{leaky:?}"));
    fs::write(folder.path().join(".mcp.json"), servers)?;
    Ok(folder)
}

fn with_secrets(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn std::error::Error>> {
    let mut command = wxmcp(folder);
    command.envs(SECRETS).args(args);
    Ok(command.output()?.into())
}

/// All that a recording holds, as it was before it was compressed (`docs/recording-format.md`).
pub(crate) fn decompressed(file: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let bytes = fs::read(file)?;
    let mut rest = bytes.get(4..).ok_or("no recording")?;
    let mut compressed = Vec::new();
    loop {
        let mut length = 0_usize;
        for shift in (0..).step_by(7) {
            let (byte, more) = rest.split_first().ok_or("it is cut short")?;
            rest = more;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if length == 0 {
            return Ok(zstd::decode_all(compressed.as_slice())?);
        }
        compressed.extend(rest.get(..length).ok_or("it is cut short")?);
        rest = rest.get(length + 8..).ok_or("it is cut short")?;
    }
}

/// Whether a text has a secret: as it is, as JSON or a URL writes it, or inside of base64.
pub(crate) fn holds(text: &[u8], secret: &str) -> bool {
    let secret = secret.as_bytes();
    let has = |text: &[u8]| text.windows(secret.len()).any(|part| part == secret);
    let json = unescaped_json(text);
    let mut texts = vec![text.to_vec(), unescaped_json(&json), json];
    let urls: Vec<_> = texts.iter().map(|text| unescaped_url(text)).collect();
    texts.extend(urls);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    texts.iter().any(|text| {
        let mut runs = text.split(|byte| !is_base64(byte));
        has(text) || runs.any(|run| (0..4).any(|skipped| has(&of_base64(run, skipped))))
    })
}

fn unescaped_json(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let text = text.replace("\\u00e9", "é").replace("\\/", "/");
    text.replace("\\\"", "\"")
        .replace("\\\\", "\\")
        .into_bytes()
}

fn unescaped_url(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((byte, more)) = rest.split_first() {
        let code = more
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|_| *byte == b'%');
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(match (code, byte) {
            (Some(code), _) => code,
            (None, b'+') => b' ',
            (None, byte) => *byte,
        });
        rest = more
            .get(if code.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    bytes
}

fn of_base64(run: &[u8], skipped: usize) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let value = |byte: &u8| match byte {
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        byte => alphabet.iter().position(|it| it == byte),
    };
    let bits = run.iter().skip(skipped).filter_map(value);
    let bits: Vec<usize> = bits
        .flat_map(|value| (0..6).rev().map(move |at| value >> at & 1))
        .collect();
    let bytes = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit));
    bytes.filter_map(|byte| u8::try_from(byte).ok()).collect()
}

#[test]
fn secrets_are_found_in_all_their_forms() {
    let secret = "canary-a7/Zq+1 \"é\" server";
    for text in [
        "x canary-a7/Zq+1 \"é\" server",
        r#"{"a": "canary-a7/Zq+1 \"\u00e9\" server"}"#,
        r#"["{\"a\": \"canary-a7/Zq+1 \\\"é\\\" server\"}"]"#,
        "canary-a7%2FZq%2B1+%22%C3%A9%22+server",
        "canary-a7/Zq%2b1%20%22%c3%a9%22%20server",
        "Y2FuYXJ5LWE3L1pxKzEgIsOpIiBzZXJ2ZXI=",
        "Basic dXNlcjpjYW5hcnktYTcvWnErMSAiw6kiIHNlcnZlcjp4",
    ] {
        assert!(holds(text.as_bytes(), secret), "{text}");
    }
    assert!(!holds(b"canary-a7/Zq+2 [TOKEN] Y2FuYXJ5", secret));
}

#[test]
fn no_secret_of_the_host_is_in_a_recording() -> TestResult {
    let folder = folder()?;
    let path = folder.path();
    let recorded = with_secrets(path, &["record", "a.py"])?;
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    // The servers did get them, and said so.
    for part in [
        "plain it is [TOKEN]",
        // What does not look like a secret is the server's to say.
        "folder it is /srv/of-the-server",
        "argument it is [SERVER_API_KEY]",
        "error ToolError it is [TOKEN]",
        "[Authorization of api]",
        "ToolError",
    ] {
        assert!(
            recorded.stdout.contains(part),
            "{part}: {}",
            recorded.stdout
        );
    }
    let shown = with_secrets(path, &["recording", "show", "a.wxr"])?;
    let calls = with_secrets(path, &["recording", "show", "--calls", "a.wxr"])?;
    let replayed = with_secrets(path, &["replay", "a.wxr"])?;
    assert_eq!(replayed.streams(), recorded.streams());
    let whole = decompressed(&path.join("a.wxr"))?;
    assert!(holds(&whole, "it is [TOKEN]"));
    let printed = [&recorded, &shown, &calls, &replayed];
    let printed = printed.map(|it| [it.stdout.as_bytes(), it.stderr.as_bytes()].concat());
    for text in [&whole].into_iter().chain(&printed) {
        for (name, secret) in SECRETS {
            let shown = String::from_utf8_lossy(text);
            assert!(!holds(text, secret), "{name}: {shown}");
        }
    }
    Ok(())
}

#[test]
fn a_secret_of_the_environment_is_recorded_only_if_it_is_said() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let path = folder.path();
    let secret = "canary-f3Zq6-environment";
    let record = |flags: &[&str]| {
        let code = "import os; print(os.environ.get('GITHUB_TOKEN'), os.environ.get('LINK'))";
        with_secrets(
            path,
            &[&["record", "-o", "a.wxr"], flags, &["-c", code]].concat(),
        )
    };
    for (flags, words) in [
        (
            &["-e", "GITHUB_TOKEN"][..],
            "the environment variable `GITHUB_TOKEN` looks like a secret",
        ),
        (
            &["-e", "LINK=postgres://u:canary-f3Zq6-environment@h/d"],
            "the environment variable `LINK` has a password in its URL",
        ),
    ] {
        let refused = record(flags)?;
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(
            !holds(refused.stderr.as_bytes(), secret),
            "{}",
            refused.stderr
        );
        assert!(!path.join("a.wxr").exists());
        let allowed = record(&[flags, &["--record-env"]].concat())?;
        assert_eq!(allowed.code, Some(0), "{}", allowed.stderr);
        assert!(holds(&decompressed(&path.join("a.wxr"))?, secret));
        fs::remove_file(path.join("a.wxr"))?;
    }
    let harmless = record(&["-e", "LINK=postgres://u@h/d"])?;
    assert_eq!(
        harmless.stdout, "None postgres://u@h/d\n",
        "{}",
        harmless.stderr
    );
    // What the script was not given is nowhere.
    assert!(!holds(&decompressed(&path.join("a.wxr"))?, secret));
    Ok(())
}
