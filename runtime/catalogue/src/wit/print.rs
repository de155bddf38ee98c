//! The model as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::docs::{self, MARK};
use super::labels::{plain_name, spelled};
use super::model::{
    Arguments, Body, Definition, Function, Interface, Member, Others, Record, Type,
};

/// The package that all others use.
pub(super) const TYPES: &str = "\
/// What the interfaces of all tools share.
///
/// **Names.** A label stands for the name of JSON that has `_` where the label has `-`. Where a
/// name is another one, a line of the label's documentation says so: `JSON` and a colon, then
/// the name as JSON spells it. Other remarks on how values become JSON begin in the same way;
/// no other documentation holds that mark.
///
/// **Values.** A record is an object, a field of type `option` a member that may be absent. Other
/// options are `null` where they are none. `list<tuple<string, T>>` is an object whose keys are
/// data; any other list, and any tuple, is an array. `s64`, `u64` and `f64` are numbers. A variant
/// is the JSON of what its case holds, an enum the constant that its case stands for. Flags are
/// an object with a boolean for each.
package wxmcp:tool-types@0.1.0;

interface types {
  /// JSON as text: of a value that no type of WIT can hold and give back as it was, or of which
  /// nothing is known.
  type json = string;

  /// Why a call has no answer.
  record tool-error {
    /// What kind of failure it is, in one word.
    kind: string,
    /// What happened, for people.
    message: string,
    /// What the tool says beside it.
    data: option<json>,
  }
}
";

/// The package of a namespace.
pub(super) fn interface(interface: &Interface) -> String {
    let mut printer = Printer {
        interface,
        text: String::new(),
    };
    let label = spelled(&interface.label);
    printer.line(0, &format!("package tools:{label}@0.1.0;"));
    printer.text.push('\n');
    printer.comment(0, "The tools of one namespace.");
    printer.name(0, &interface.label, &interface.namespace);
    printer.line(0, &format!("interface {label} {{"));
    if !interface.functions.is_empty() {
        printer.line(1, "use wxmcp:tool-types/types@0.1.0.{json, tool-error};");
    }
    for definition in &interface.definitions {
        printer.text.push('\n');
        printer.definition(definition);
    }
    for function in &interface.functions {
        printer.text.push('\n');
        printer.function(function);
    }
    printer.line(0, "}");
    printer.text
}

/// The package of the world that imports some interfaces.
pub(super) fn world(interfaces: &[Interface], left_out: &[String]) -> String {
    let mut text =
        "package wxmcp:tools@0.1.0;\n\n/// A component that may call every tool.\n".to_owned();
    for namespace in left_out {
        let name = docs::spelled(&Value::from(namespace.as_str()));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "/// Left out, since a component type has no room for it: {name}"
        );
    }
    text.push_str("world tools {\n");
    for interface in interfaces {
        let label = spelled(&interface.label);
        let _ = writeln!(text, "  import tools:{label}/{label}@0.1.0;");
    }
    text.push_str("}\n");
    text.push_str(SCRIPT);
    text
}

/// The package of one component that is a script.
pub(super) fn built(interfaces: &[Interface], others: &[&str]) -> String {
    let mut text = "package wxmcp:built@0.1.0;\n\nworld script {\n".to_owned();
    for other in others {
        let _ = writeln!(text, "  import {other};");
    }
    for interface in interfaces {
        let label = spelled(&interface.label);
        let _ = writeln!(text, "  import tools:{label}/{label}@0.1.0;");
    }
    text.push_str(MAIN);
    text.push_str("}\n");
    text
}

/// What such a component exports.
const MAIN: &str = "  export main: func(arguments: list<string>) -> result<string, string>;\n";

/// The world of a component that is a script; what `wit/guest.wit` calls so, with the tools.
const SCRIPT: &str = "
/// A component that is a script: what `wxmcp run` runs, besides commands of WASI.
world script {
  include tools;

  /// Runs the script. Answers its value as JSON, or what went wrong.
  export main: func(arguments: list<string>) -> result<string, string>;
}
";

struct Printer<'a> {
    interface: &'a Interface,
    text: String,
}

impl Printer<'_> {
    fn definition(&mut self, definition: &Definition) {
        let label = spelled(&definition.label);
        self.comment(1, &definition.docs);
        match &definition.body {
            Body::Record(record) => {
                self.openness(record);
                self.line(1, &format!("record {label} {{"));
                for member in &record.members {
                    self.comment(2, &member.docs);
                    self.name(2, &member.label, &member.name);
                    if let Some(remark) = presence(member) {
                        self.comment(2, &format!("{MARK} {remark}"));
                    }
                    let of = self.of_member(member);
                    self.line(2, &format!("{}: {of},", spelled(&member.label)));
                }
                if let Some(others) = &record.others {
                    self.comment(2, &format!("{MARK} {OTHERS}"));
                    let of = self.of_others(others);
                    self.line(2, &format!("{}: {of},", spelled(&others.label)));
                }
            }
            Body::Variant { cases, tag } => {
                if let Some(tag) = tag {
                    let tag = docs::spelled(&Value::from(tag.as_str()));
                    self.comment(1, &format!("{MARK} told apart by {tag}"));
                }
                self.line(1, &format!("variant {label} {{"));
                for case in cases {
                    let of = self.of(&case.of);
                    self.line(2, &format!("{}({of}),", spelled(&case.label)));
                }
            }
            Body::Enum(constants) => {
                self.line(1, &format!("enum {label} {{"));
                for constant in constants {
                    let literal = constant.literal.to_json();
                    if literal.as_str() != Some(&plain_name(&constant.label)) {
                        self.comment(2, &format!("{MARK} {}", docs::spelled(&literal)));
                    }
                    self.line(2, &format!("{},", spelled(&constant.label)));
                }
            }
            Body::Flags(flags) => {
                self.line(1, &format!("flags {label} {{"));
                for flag in flags {
                    self.comment(2, &flag.docs);
                    self.name(2, &flag.label, &flag.name);
                    self.line(2, &format!("{},", spelled(&flag.label)));
                }
            }
        }
        self.line(1, "}");
    }

    fn function(&mut self, function: &Function) {
        self.comment(1, &function.docs);
        let mut parameters: Vec<String> = Vec::new();
        let mut remarks: Vec<String> = Vec::new();
        match &function.arguments {
            Arguments::Whole => parameters.push("arguments: json".to_owned()),
            Arguments::Members(record) => {
                for member in &record.members {
                    parameters.push(format!(
                        "{}: {}",
                        spelled(&member.label),
                        self.of_member(member)
                    ));
                    remarks.extend(parameter(member));
                }
                if let Some(others) = &record.others {
                    let of = self.of_others(others);
                    parameters.push(format!("{}: {of}", spelled(&others.label)));
                    remarks.push(format!("- `{}`: {MARK} {OTHERS}", others.label));
                }
            }
        }
        if !remarks.is_empty() {
            if !function.docs.is_empty() {
                self.line(1, "///");
            }
            self.comment(1, &remarks.join("\n"));
        }
        self.name(1, &function.label, &function.name);
        match &function.arguments {
            Arguments::Whole => self.comment(1, &format!("{MARK} {WHOLE}")),
            Arguments::Members(record) => self.openness(record),
        }
        let label = spelled(&function.label);
        let answer = self.of(&function.answer);
        let parameters = parameters.join(", ");
        self.line(
            1,
            &format!("{label}: func({parameters}) -> result<{answer}, tool-error>;"),
        );
    }

    fn openness(&mut self, record: &Record) {
        if record.is_open {
            self.comment(1, &format!("{MARK} {OPEN}"));
        }
    }

    /// Says which name a label stands for, where it is not the plain one.
    fn name(&mut self, indent: usize, label: &str, name: &str) {
        if name != plain_name(label) {
            let name = docs::spelled(&Value::from(name));
            self.comment(indent, &format!("{MARK} {name}"));
        }
    }

    fn of_member(&self, member: &Member) -> String {
        let of = self.of(&member.of);
        if member.is_required {
            of
        } else {
            format!("option<{of}>")
        }
    }

    fn of_others(&self, others: &Others) -> String {
        format!("list<tuple<string, {}>>", self.of(&others.of))
    }

    fn of(&self, of: &Type) -> String {
        match of {
            Type::Json => "json".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::S64 => "s64".to_owned(),
            Type::U64 => "u64".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::String => "string".to_owned(),
            Type::Option(inner) => format!("option<{}>", self.of(inner)),
            Type::List(inner) => format!("list<{}>", self.of(inner)),
            Type::Map(inner) => format!("list<tuple<string, {}>>", self.of(inner)),
            Type::Tuple(items) => {
                let items: Vec<String> = items.iter().map(|item| self.of(item)).collect();
                format!("tuple<{}>", items.join(", "))
            }
            Type::Named(place) => self
                .interface
                .definition(*place)
                .map(|definition| spelled(&definition.label))
                .unwrap_or_default(),
        }
    }

    fn comment(&mut self, indent: usize, prose: &str) {
        for line in prose.lines() {
            self.line(indent, format!("/// {line}").trim_end());
        }
    }

    fn line(&mut self, indent: usize, line: &str) {
        for _ in 0..indent {
            self.text.push_str("  ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Said of a record, or of a function, whose schema is silent on further members.
pub(super) const OPEN: &str = "other members are left out";

/// Said of the field, or the parameter, that holds all members without one.
pub(super) const OTHERS: &str = "all other members";

/// Said of a function whose one parameter is its arguments.
pub(super) const WHOLE: &str = "all arguments as one object";

/// Said of a member that is an option, but not because it may be absent.
pub(super) const NULLABLE: &str = "always there, null for none";

fn presence(member: &Member) -> Option<&'static str> {
    (member.is_required && matches!(member.of, Type::Option(_))).then_some(NULLABLE)
}

/// What is said of a parameter: WIT has no place for it but the function's documentation.
fn parameter(member: &Member) -> Option<String> {
    let mut said = Vec::new();
    if !member.docs.is_empty() {
        said.push(member.docs.clone());
    }
    if member.name != plain_name(&member.label) {
        let name = docs::spelled(&Value::from(member.name.as_str()));
        said.push(format!("{MARK} {name}"));
    }
    said.extend(presence(member).map(|remark| format!("{MARK} {remark}")));
    (!said.is_empty()).then(|| format!("- `{}`: {}", member.label, said.join(" ")))
}
