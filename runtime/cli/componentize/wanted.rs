//! Which tools a component imports: those that its script uses, and those of `--with`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use wxmcp_catalogue::nearest;
use wxmcp_catalogue::stubs::{ToolSet, camel_name, member_name};

use super::adapter::Adapter;
use super::uses::Uses;
use crate::check::{folded, namespace_of};
use crate::exit::Failure;

/// What is wanted of each namespace, by the namespaces' own names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    spaces: BTreeMap<String, Selection>,
}

/// The tools that are wanted of one namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Whether the script imports the namespace, which then must be there with or without
    /// tools.
    is_imported: bool,
    is_whole: bool,
    /// Members that the script uses, as it spells them.
    members: BTreeSet<String>,
    /// Tools of calls by full names. One that is not there is left to the run.
    called: BTreeSet<String>,
    /// Tools of `--with`, each of which must be there.
    with: BTreeSet<String>,
}

impl Wanted {
    /// Reads what a script uses, and what is to be there besides.
    ///
    /// # Errors
    ///
    /// When there is no namespace of a name that is imported.
    pub(super) fn new(all: &[String], uses: &Uses, with: &[String]) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        if uses.everything {
            for name in all {
                wanted.space(name).is_whole = true;
            }
        }
        for used in &uses.imported {
            let Some(name) = namespace_of(all, &used.namespace) else {
                return Err(unknown("namespace", &used.namespace, all));
            };
            let selection = wanted.space(name);
            selection.is_imported = true;
            selection.uses(used.tools.as_ref(), uses.is_open);
        }
        for used in &uses.perhaps {
            if let Some(name) = namespace_of(all, &used.namespace) {
                let selection = wanted.space(name);
                selection.uses(used.tools.as_ref(), uses.is_open);
            }
        }
        for named in &uses.named {
            if let Some((name, tool)) = tool_of(all, named) {
                wanted.space(name).called.insert(tool.to_owned());
            } else if !named.contains('.') && namespace_of(all, named).is_none() {
                wanted.flat(all, named);
            }
        }
        for spelled in with {
            if let Some(name) = namespace_of(all, spelled) {
                wanted.space(name).is_whole = true;
            } else if let Some((name, tool)) = tool_of(all, spelled) {
                wanted.space(name).with.insert(tool.to_owned());
            } else {
                let space = spelled.split_once('.').map_or(spelled.as_str(), |it| it.0);
                return Err(unknown("namespace", space, all));
            }
        }
        Ok(wanted)
    }

    /// The namespaces of which something may be wanted, in order.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = (&str, &Selection)> {
        self.spaces
            .iter()
            .map(|(name, selection)| (name.as_str(), selection))
    }

    /// A name without namespace: `github__list_issues`, or that of a tool in any namespace.
    fn flat(&mut self, all: &[String], named: &str) {
        let text = named.strip_prefix("mcp__").unwrap_or(named);
        let joined = |name: &&String| text.starts_with(&format!("{name}_"));
        let mut is_joined = false;
        for name in all.iter().filter(joined) {
            let tool = text.get(name.len()..).unwrap_or_default();
            let tool = tool.trim_start_matches('_').to_owned();
            is_joined |= self.space(name).called.insert(tool);
        }
        if !is_joined {
            for name in all {
                self.space(name).called.insert(named.to_owned());
            }
        }
    }

    fn space(&mut self, name: &str) -> &mut Selection {
        self.spaces.entry(name.to_owned()).or_default()
    }
}

impl Selection {
    fn uses(&mut self, tools: Option<&BTreeSet<String>>, is_open: bool) {
        match tools {
            Some(tools) if !is_open => self.members.extend(tools.iter().cloned()),
            _ => self.is_whole = true,
        }
    }

    /// The wanted tools of the namespace, by their own names; `None` if it need not be there.
    /// A member that is no tool leaves it to the run to say so, as any tool may be meant.
    ///
    /// # Errors
    ///
    /// When a tool of `--with` is not there.
    pub(super) fn select(
        &self,
        set: &ToolSet,
        adapter: Adapter,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        let named = |spelled: &str| {
            let exact = set
                .tools
                .iter()
                .find(|(attribute, tool)| tool.name() == spelled || attribute == spelled);
            let mut alike = set
                .tools
                .iter()
                .filter(|(attribute, _)| folded(attribute) == folded(spelled));
            exact
                .or_else(|| alike.next().filter(|_| alike.next().is_none()))
                .map(|(_, tool)| tool.name().to_owned())
        };
        let mut selected: BTreeSet<String> =
            self.called.iter().filter_map(|name| named(name)).collect();
        for spelled in &self.with {
            let found = members(set, spelled, adapter);
            if found.is_empty() {
                let tools = set.tools.iter();
                let known: Vec<String> = tools
                    .map(|(attribute, _)| format!("{}.{attribute}", set.namespace))
                    .collect();
                return Err(unknown(
                    "tool",
                    &format!("{}.{spelled}", set.namespace),
                    &known,
                ));
            }
            selected.extend(found);
        }
        let mut is_whole = self.is_whole;
        for spelled in &self.members {
            let found = members(set, spelled, adapter);
            is_whole |= found.is_empty();
            selected.extend(found);
        }
        if is_whole {
            selected.extend(set.tools.iter().map(|(_, tool)| tool.name().to_owned()));
        } else if selected.is_empty() && !self.is_imported {
            return Ok(None);
        }
        Ok(Some(selected))
    }
}

/// The tools that a member of a namespace may be, as the adapters look for it. All that share
/// a spelling are answered, so that it means the same among them as among all tools.
fn members(set: &ToolSet, spelled: &str, adapter: Adapter) -> Vec<String> {
    match adapter {
        Adapter::Python => members_in_python(set, spelled),
        Adapter::JavaScript => those(set, |attribute, name| {
            let camel = camel_name(attribute);
            let spellings = [attribute, name, camel.as_str()].map(member_name);
            spellings.iter().any(|it| it == spelled)
        }),
    }
}

fn members_in_python(set: &ToolSet, spelled: &str) -> Vec<String> {
    let mut found = those(set, |attribute, _| attribute == spelled);
    if found.is_empty() {
        found = those(set, |_, name| name == spelled);
    }
    if found.is_empty() {
        found = those(set, |attribute, _| folded(attribute) == folded(spelled));
    }
    found
}

/// The tools, by their own names, whose attribute and name are some.
fn those(set: &ToolSet, is: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let tools = set.tools.iter();
    tools
        .filter(|(attribute, tool)| is(attribute, tool.name()))
        .map(|(_, tool)| tool.name().to_owned())
        .collect()
}

/// Namespace and tool of a full name. Both halves may hold dots; the shortest namespace that
/// is there counts.
fn tool_of<'a, 's>(all: &'a [String], name: &'s str) -> Option<(&'a str, &'s str)> {
    name.match_indices('.').find_map(|(at, _)| {
        let (space, tool) = name.split_at_checked(at)?;
        Some((namespace_of(all, space)?, tool.strip_prefix('.')?))
    })
}

fn unknown(what: &str, spelled: &str, all: &[String]) -> Failure {
    let shown = wxmcp_catalogue::clean(spelled, 100);
    let close = nearest(spelled, all.iter().map(String::as_str));
    Failure::usage(anyhow!(match close.as_slice() {
        [] => format!("there is no {what} `{shown}`"),
        close => format!(
            "there is no {what} `{shown}`; did you mean `{}`?",
            close.join("` or `")
        ),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wxmcp_catalogue::{Definition, Identifiers, Tool};

    use super::super::uses::Used;
    use super::*;

    fn set(names: &[&str]) -> anyhow::Result<ToolSet> {
        let attributes = Identifiers::assign(names.iter().copied());
        let tools = names.iter().map(|name| {
            let tool = Tool::new(Definition {
                name: (*name).to_owned(),
                description: String::new(),
                input_schema: json!({"type": "object"}),
                output_schema: None,
            })?;
            let attribute = attributes.identifier(name).unwrap_or_default();
            Ok((attribute.to_owned(), tool))
        });
        Ok(ToolSet {
            namespace: "files".to_owned(),
            tools: tools.collect::<anyhow::Result<_>>()?,
        })
    }

    fn using(tools: &[&str]) -> Uses {
        Uses {
            imported: vec![Used {
                namespace: "Files".to_owned(),
                tools: Some(tools.iter().map(|&tool| tool.to_owned()).collect()),
            }],
            ..Uses::default()
        }
    }

    /// The tools of `files` that are selected; `-` where it need not be there.
    fn selected(
        uses: &Uses,
        with: &[&str],
        names: &[&str],
        adapter: Adapter,
    ) -> Result<String, String> {
        let all = ["files".to_owned(), "mail".to_owned()];
        let with: Vec<String> = with.iter().map(|&it| it.to_owned()).collect();
        let told = |failure: Failure| format!("{:#}", failure.error);
        let wanted = Wanted::new(&all, uses, &with).map_err(told)?;
        let set = set(names).map_err(|error| error.to_string())?;
        let Some((_, selection)) = wanted.namespaces().find(|(name, _)| *name == "files") else {
            return Ok("-".to_owned());
        };
        let selected = selection.select(&set, adapter).map_err(told)?;
        let tools = selected.map(|tools| tools.into_iter().collect::<Vec<_>>().join(", "));
        Ok(tools.unwrap_or_else(|| "-".to_owned()))
    }

    #[test]
    fn members_are_found_as_scripts_find_them() {
        let names = ["read-file", "readFile", "write_file", "Stat", "list"];
        let python = |spelled| selected(&using(&[spelled]), &[], &names, Adapter::Python);
        let script = |spelled| selected(&using(&[spelled]), &[], &names, Adapter::JavaScript);
        for (spelled, in_python, in_script) in [
            ("write_file", "write_file", "write_file"),
            ("writeFile", "write_file", "write_file"),
            ("stat", "Stat", "Stat"),
            ("Stat", "Stat", "Stat"),
            ("readFile", "readFile", "readFile"),
            (
                "LIST",
                "list",
                "Stat, list, read-file, readFile, write_file",
            ),
            (
                "none",
                "Stat, list, read-file, readFile, write_file",
                "Stat, list, read-file, readFile, write_file",
            ),
        ] {
            assert_eq!(python(spelled).as_deref(), Ok(in_python), "{spelled}");
            assert_eq!(script(spelled).as_deref(), Ok(in_script), "{spelled}");
        }
        assert_eq!(
            script("read_file"),
            selected(&using(&["none"]), &[], &names, Adapter::JavaScript)
        );
    }

    /// JavaScript calls members named `then` itself, so its adapter has none.
    #[test]
    fn members_that_javascript_calls_have_other_names() {
        let names = ["then", "to_string", "other"];
        let script = |spelled| selected(&using(&[spelled]), &[], &names, Adapter::JavaScript);
        assert_eq!(script("then_").as_deref(), Ok("then"));
        assert_eq!(script("toString_").as_deref(), Ok("to_string"));
        assert_eq!(script("to_string").as_deref(), Ok("to_string"));
        assert_eq!(script("then"), script("none"));
        let python = selected(&using(&["then"]), &[], &names, Adapter::Python);
        assert_eq!(python.as_deref(), Ok("then"));
    }

    #[test]
    fn what_is_open_or_whole_is_every_tool() {
        let names = ["a", "b"];
        let open = Uses {
            is_open: true,
            ..using(&["a"])
        };
        let everything = Uses {
            everything: true,
            ..Uses::default()
        };
        for uses in [&open, &everything] {
            assert_eq!(
                selected(uses, &[], &names, Adapter::Python).as_deref(),
                Ok("a, b")
            );
        }
    }

    #[test]
    fn names_of_calls_add_what_is_there() {
        let names = ["a", "b-c"];
        let mut uses = Uses::default();
        for (named, expected) in [
            ("files.a", "a"),
            ("Files.b_c", "b-c"),
            ("files.b-c", "b-c"),
            ("files.x", "-"),
            ("none.a", "-"),
            ("files", "-"),
        ] {
            uses.named = vec![named.to_owned()];
            let found = selected(&uses, &[], &names, Adapter::Python);
            assert_eq!(found.as_deref(), Ok(expected), "{named}");
        }
        assert_eq!(
            selected(&using(&[]), &[], &names, Adapter::Python).as_deref(),
            Ok("")
        );
    }

    #[test]
    fn with_adds_a_namespace_or_a_tool_that_must_be_there() {
        let names = ["query", "update", "delete"];
        let with = |with| selected(&using(&["query"]), &[with], &names, Adapter::Python);
        assert_eq!(with("files.update").as_deref(), Ok("query, update"));
        assert_eq!(with("files").as_deref(), Ok("delete, query, update"));
        for (spelled, refusal) in [
            (
                "files.updte",
                "there is no tool `files.updte`; did you mean `files.update`?",
            ),
            (
                "file.x",
                "there is no namespace `file`; did you mean `files`?",
            ),
            ("none", "there is no namespace `none`"),
        ] {
            assert_eq!(with(spelled), Err(refusal.to_owned()));
        }
    }
}
