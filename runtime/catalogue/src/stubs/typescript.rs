//! Stubs for TypeScript: a `.d.ts` a namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::literal::{Language, comment, quoted};
use super::shapes::{Field, Shape, Shapes, Typed};
use super::types::{Literal, Type};
use super::{StubFile, ToolSet, description, file_stem};

/// Words that can name no variable in a module, and a few that mean something of their own.
const RESERVED: [&str; 52] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "async",
    "declare",
    "globalThis",
];

/// Stubs of these namespaces below `tools/`, and `globals.d.ts` with what scripts always
/// have. A namespace imports as `./tools/NAME`.
pub fn typescript(sets: &[ToolSet]) -> Vec<StubFile> {
    let mut index = "// All namespaces of tools.\n".to_owned();
    let mut exported: BTreeSet<String> = BTreeSet::new();
    let mut files = Vec::new();
    for set in sets {
        let stem = file_stem(&set.namespace);
        for name in [camel_name(&set.namespace), set.namespace.clone()] {
            if exported.insert(name.clone()) {
                let name = quoted(&name, Language::TypeScript);
                index.push_str(&format!("export * as {name} from \"./{stem}\";\n"));
            }
        }
        files.push(StubFile {
            path: format!("tools/{stem}.d.ts"),
            text: namespace(set),
        });
    }
    index.push_str("export {};\n");
    files.insert(
        0,
        StubFile {
            path: "globals.d.ts".to_owned(),
            text: include_str!("always/globals.d.ts").to_owned(),
        },
    );
    files.insert(
        1,
        StubFile {
            path: "tools/index.d.ts".to_owned(),
            text: index,
        },
    );
    files
}

/// Names of members that JavaScript itself calls, `then` with every `await`.
const CALLED: [&str; 4] = ["then", "toJSON", "toString", "valueOf"];

/// What a spelling of a tool is called as a member of its namespace, as the guest's adapter
/// makes it: `then` is `then_`.
pub fn member_name(spelling: &str) -> String {
    if CALLED.contains(&spelling) {
        format!("{spelling}_")
    } else {
        spelling.to_owned()
    }
}

/// `get_sum` as `getSum`, as the guest's adapter makes it.
pub fn camel_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    let mut has_begun = false;
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '_' && has_begun && next.is_ascii_alphabetic() => {
                text.push(next.to_ascii_uppercase());
                characters.next();
            }
            _ => text.push(character),
        }
        has_begun |= character != '_';
    }
    text
}

fn namespace(set: &ToolSet) -> String {
    let names = set.tools.iter().map(|(_, tool)| tool.name().to_owned());
    let mut shapes = Shapes::avoiding(names);
    let typed: Vec<Typed> = set
        .tools
        .iter()
        .map(|(attribute, tool)| shapes.read(attribute, tool))
        .collect();
    let mut text = format!("// Tools of `{}`.\n", file_stem(&set.namespace));
    for (index, shape) in shapes.all.iter().enumerate() {
        // Arguments of a call that has none need no name.
        let is_said = shape.is_used || !shape.fields.is_empty() || shape.others.is_some();
        if is_said || !typed.iter().any(|typed| typed.arguments == index) {
            text.push_str(&interface(&shapes, shape));
        }
    }
    // Each name once: first what scripts are told, then the other spellings.
    let mut exported: BTreeSet<String> = BTreeSet::new();
    let camel = shown_names(set);
    exported.extend(camel.iter().cloned());
    for (((attribute, tool), typed), camel) in set.tools.iter().zip(&typed).zip(&camel) {
        let Some(arguments) = shapes.get(typed.arguments) else {
            continue;
        };
        let local = speakable(camel);
        text.push('\n');
        for (signature, prose) in signatures(&shapes, arguments, &description(tool)) {
            let answer = spell(&shapes, &typed.answer);
            text.push_str(&prose.unwrap_or_default());
            text.push_str(&format!(
                "declare function {local}({signature}): Promise<{answer}>;\n"
            ));
        }
        let mut spellings = vec![exported_as(&local, camel)];
        for spelling in [attribute.as_str(), tool.name()] {
            let spelling = member_name(spelling);
            if exported.insert(spelling.clone()) {
                spellings.push(exported_as(&local, &spelling));
            }
        }
        text.push_str(&format!("export {{ {} }};\n", spellings.join(", ")));
    }
    if !exported.contains("default") {
        text.push_str(&format!(
            "\ndeclare const all: typeof import(\"./{}\");\nexport default all;\n",
            file_stem(&set.namespace)
        ));
    }
    text
}

/// The name of each tool that scripts are told: in camel case, unless two tools could mean
/// it; the guest's adapter does the same.
fn shown_names(set: &ToolSet) -> Vec<String> {
    let mut claims: BTreeMap<String, usize> = BTreeMap::new();
    for (attribute, tool) in &set.tools {
        let camel = camel_name(attribute);
        let spellings = [camel.as_str(), attribute.as_str(), tool.name()];
        for spelling in BTreeSet::from(spellings.map(member_name)) {
            let count = claims.entry(spelling).or_default();
            *count = count.saturating_add(1);
        }
    }
    set.tools
        .iter()
        .map(|(attribute, _)| {
            let camel = member_name(&camel_name(attribute));
            match claims.get(&camel) {
                Some(1) => camel,
                _ => member_name(attribute),
            }
        })
        .collect()
}

/// How a tool is called: with one object, or with values in the order of its schema.
fn signatures(
    shapes: &Shapes,
    arguments: &Shape,
    description: &str,
) -> Vec<(String, Option<String>)> {
    let tags: Vec<(&str, String)> = arguments
        .fields
        .iter()
        .filter(|field| !field.prose.is_empty())
        .map(|field| ("param", format!("args.{} {}", field.name, field.prose)))
        .collect();
    let prose = comment(description, &[], "");
    if arguments.fields.is_empty() && arguments.others.is_none() {
        return vec![("args?: Record<string, never>".to_owned(), prose)];
    }
    let needed = arguments.fields.iter().any(|field| field.required);
    let mark = if needed { "" } else { "?" };
    let by_name = format!("args{mark}: {}", arguments.name);
    let said = comment(description, &tags, "");
    if arguments.fields.is_empty() {
        return vec![(by_name, said)];
    }
    let mut labels: BTreeSet<String> = BTreeSet::new();
    let by_position: Vec<String> = arguments
        .fields
        .iter()
        .map(|field| {
            let mut label = if is_identifier(&field.name) {
                speakable(&field.name)
            } else {
                "value".to_owned()
            };
            while !labels.insert(label.clone()) {
                label.push('_');
            }
            let mark = if field.required { "" } else { "?" };
            format!("{label}{mark}: {}", spell(shapes, &field.of))
        })
        .collect();
    // Checkers explain why the last one does not fit.
    vec![(by_position.join(", "), prose), (by_name, said)]
}

fn interface(shapes: &Shapes, shape: &Shape) -> String {
    let mut text = format!("\nexport interface {} {{\n", shape.name);
    for field in &shape.fields {
        text.push_str(&comment(&field.prose, &[], "  ").unwrap_or_default());
        text.push_str(&member(shapes, field));
    }
    if shape.others.is_some() {
        // Anything: a narrower type would have to fit the members above, too.
        text.push_str("  [name: string]: any;\n");
    }
    text.push_str("}\n");
    text
}

fn member(shapes: &Shapes, field: &Field) -> String {
    let name = if is_identifier(&field.name) {
        field.name.clone()
    } else {
        quoted(&field.name, Language::TypeScript)
    };
    let mark = if field.required { "" } else { "?" };
    format!("  {name}{mark}: {};\n", spell(shapes, &field.of))
}

fn spell(shapes: &Shapes, of: &Type) -> String {
    match of {
        Type::Any => "any".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Integer | Type::Number => "number".to_owned(),
        Type::Text => "string".to_owned(),
        Type::Literals(all) => {
            let all: Vec<String> = all.iter().map(literal).collect();
            all.join(" | ")
        }
        Type::List(items) => format!("Array<{}>", spell(shapes, items)),
        Type::Map(values) => format!("Record<string, {}>", spell(shapes, values)),
        Type::Union(all) => {
            let all: Vec<String> = all.iter().map(|one| spell(shapes, one)).collect();
            all.join(" | ")
        }
        Type::Shape(index) => shapes
            .get(*index)
            .map_or_else(|| "any".to_owned(), |shape| shape.name.clone()),
    }
}

fn literal(one: &Literal) -> String {
    match one {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(it) => it.to_string(),
        // Digits beyond 2^53 - 1 are those of a BigInt.
        Literal::Integer(digits) => match digits.parse::<i64>() {
            Ok(integer) if integer.unsigned_abs() < 1 << 53 => digits.clone(),
            _ => format!("{digits}n"),
        },
        Literal::Text(text) => quoted(text, Language::TypeScript),
    }
}

fn exported_as(local: &str, name: &str) -> String {
    if local == name {
        local.to_owned()
    } else if is_identifier(name) {
        format!("{local} as {name}")
    } else {
        format!("{local} as {}", quoted(name, Language::TypeScript))
    }
}

/// The name, or one like it that a variable can have. Types of stubs begin with a capital,
/// names of tools do not.
fn speakable(name: &str) -> String {
    if RESERVED.contains(&name) || name == "all" {
        format!("{name}_")
    } else {
        name.to_owned()
    }
}

/// ASCII only: other letters may look like these.
fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b == b'_' || b == b'$' || b.is_ascii_alphanumeric())
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
