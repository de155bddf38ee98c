//! One server as its client's file describes it.

use std::collections::BTreeMap;

use super::node::Node;
use super::{ConfigError, Stdio, Transport};

/// Members that name a server's address.
const ADDRESSES: [&str; 4] = ["url", "httpUrl", "serverUrl", "endpoint"];

/// Members of which one is in every description of a server.
pub(super) const TELLTALES: [&str; 5] = ["command", "url", "httpUrl", "serverUrl", "type"];

/// How clients call a server that is a process.
const LOCAL: [&str; 2] = ["stdio", "local"];

/// How they call one that is reached over the network.
const REMOTE: [&str; 8] = [
    "http",
    "streamable-http",
    "streamable_http",
    "streamableHttp",
    "sse",
    "remote",
    "ws",
    "websocket",
];

/// Reads one server. Members that are not known are other clients' own.
pub(super) fn read(server: &Node<'_>) -> Result<Transport, ConfigError> {
    let flag = |key: &str| server.get(key)?.map(|node| node.bool()).transpose();
    if flag("disabled")? == Some(true) || flag("enabled")? == Some(false) {
        return Ok(Transport::Disabled);
    }
    for key in ["type", "transport"] {
        if let Some(declared) = server.get(key)?
            && let Some(remote) = remote(&declared)?
        {
            return Err(over_http(server, &remote));
        }
    }
    let Some(command) = server.get("command")? else {
        return Err(match server.has_any(&ADDRESSES) {
            true => over_http(server, "url"),
            false => ConfigError::NoCommand {
                file: server.place(),
                path: server.path.clone(),
            },
        });
    };
    if let Some(unread) = server.get("envFile")? {
        return Err(ConfigError::Unread {
            file: unread.place(),
            path: unread.path,
        });
    }
    let mut stdio = words(&command)?;
    if let Some(args) = server.get("args")? {
        stdio.args.extend(args.texts()?);
    }
    for key in ["environment", "env"] {
        if let Some(env) = server.get(key)? {
            stdio.env.extend(variables(&env)?);
        }
    }
    stdio.cwd = server.get("cwd")?.map(|cwd| cwd.string()).transpose()?;
    Ok(Transport::Stdio(stdio))
}

/// The transport that is declared, if it is not that of a process.
fn remote(declared: &Node<'_>) -> Result<Option<String>, ConfigError> {
    let word = declared.string()?;
    if LOCAL.contains(&word.as_str()) {
        Ok(None)
    } else if REMOTE.contains(&word.as_str()) {
        Ok(Some(word))
    } else {
        Err(ConfigError::UnknownTransport {
            file: declared.place(),
            path: declared.path.clone(),
        })
    }
}

fn over_http(server: &Node<'_>, transport: &str) -> ConfigError {
    ConfigError::NotSupported {
        file: server.place(),
        path: server.path.clone(),
        transport: transport.to_owned(),
    }
}

/// A command: a program, or the program and its arguments, or both in an object.
fn words(command: &Node<'_>) -> Result<Stdio, ConfigError> {
    let mut stdio = Stdio::default();
    if let Some(elements) = command.elements() {
        let mut words = elements.iter().map(Node::text);
        stdio.command = words.next().ok_or_else(|| command.unusable())??;
        stdio.args = words.collect::<Result<_, _>>()?;
    } else if command.is_object() {
        let path = command.get("path")?;
        let path = path.ok_or_else(|| command.wrong("a string, or a `path` in it"))?;
        stdio.command = path.text()?;
        if let Some(args) = command.get("args")? {
            stdio.args = args.texts()?;
        }
        if let Some(env) = command.get("env")? {
            stdio.env = variables(&env)?;
        }
    } else {
        stdio.command = command.string()?;
    }
    if stdio.command.is_empty() || stdio.command.contains('\0') {
        return Err(command.unusable());
    }
    Ok(stdio)
}

/// Variables by name; one that is `null` is not there.
fn variables(env: &Node<'_>) -> Result<BTreeMap<String, Option<String>>, ConfigError> {
    let members = env.members()?.into_iter();
    members
        .map(|(name, value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(value.unusable());
            }
            let text = match value.is_null() {
                true => None,
                false => Some(value.text()?),
            };
            Ok((name.to_owned(), text))
        })
        .collect()
}
