//! A file of servers, in the shapes that clients write.

use std::path::Path;
use std::sync::Arc;

use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use wxmcp_run::without_lone_surrogates;

use super::entry::{self, TELLTALES};
use super::node::{Node, Spot};
use super::{ConfigError, Origin, ServersFile, Transport, UpstreamConfig};

/// Members that hold servers: of most clients, of VS Code, of Zed, of opencode.
const SECTIONS: [&str; 4] = ["mcpServers", "servers", "context_servers", "mcp"];

/// Reads the servers of one file, which is JSON that may hold comments and trailing commas.
/// What is wrong with one server costs only that one: it is known, and refused when it is used.
///
/// Relative paths in it are relative to `folder`, the file's own. Variables are not looked
/// at: see [`UpstreamConfig::resolve`].
///
/// # Errors
///
/// Text that is not JSON, or a file or section that is not an object.
pub fn parse_config(file: &str, text: &str, folder: &Path) -> Result<ServersFile, ConfigError> {
    let mended = without_lone_surrogates(text.as_bytes());
    let mended = mended.and_then(|bytes| String::from_utf8(bytes).ok());
    let source = mended.as_deref().unwrap_or(text);
    let source = source.trim_start_matches('\u{FEFF}');
    let parsed = parse_to_ast(source, &CollectOptions::default(), &options());
    let parsed = parsed.map_err(|error| not_json(file, source, &error))?;
    let Some(value) = &parsed.value else {
        return Err(ConfigError::NotJson {
            file: Spot::of(source, 0).in_file(file),
            message: "there is nothing in it".to_owned(),
        });
    };
    let origin = Arc::new(Origin {
        file: file.to_owned(),
        folder: folder.to_owned(),
    });
    let mut read = ServersFile::default();
    for (name, server) in servers(&Node::root(file, source, value), &mut read.notes)? {
        let upstream = UpstreamConfig {
            name: name.to_owned(),
            path: server.path.clone(),
            origin: Arc::clone(&origin),
            transport: entry::read(&server).unwrap_or_else(Transport::Refused),
        };
        if upstream.is_wxmcp() {
            let place = server.place();
            read.itself.push(format!(
                "{place}: `{name}` is wxmcp itself, and is left out"
            ));
            continue;
        }
        if let Some(before) = read.upstreams.iter_mut().find(|it| it.name == name) {
            let place = server.place();
            read.notes.push(format!(
                "{place}: `{name}` is defined more than once; the last definition counts"
            ));
            *before = upstream;
        } else {
            read.upstreams.push(upstream);
        }
    }
    Ok(read)
}

/// JSON as editors let people write it, and no more.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn not_json(file: &str, source: &str, error: &ParseError) -> ConfigError {
    ConfigError::NotJson {
        file: Spot::of(source, error.range().start).in_file(file),
        message: match error.kind() {
            // It may repeat a part of the string.
            ParseErrorKind::String(_) => "a string of it is not well formed".to_owned(),
            kind => kind.to_string(),
        },
    }
}

/// All servers, wherever they stand.
fn servers<'a>(
    root: &Node<'a>,
    notes: &mut Vec<String>,
) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
    let members = root.members()?;
    let mut servers = Vec::new();
    let mut is_known = false;
    for (key, section) in &members {
        if !SECTIONS.contains(key) {
            continue;
        }
        is_known = true;
        if section.is_null() {
            continue;
        }
        // The settings of VS Code have a section in a section.
        let inner = match *key {
            "mcp" => section.get("servers")?,
            _ => None,
        };
        let inner = inner.filter(|inner| inner.is_object() && !inner.has_any(&TELLTALES));
        servers.extend(inner.as_ref().unwrap_or(section).members()?);
    }
    if !is_known {
        let is_server = |(_, node): &(&str, Node<'_>)| node.has_any(&TELLTALES);
        servers.extend(members.iter().filter(|it| is_server(it)).cloned());
        if servers.is_empty() && !members.is_empty() {
            notes.push(format!(
                "{}: no servers are in it: it has none of `{}`",
                root.file,
                SECTIONS.join("`, `")
            ));
        }
    }
    Ok(servers)
}
