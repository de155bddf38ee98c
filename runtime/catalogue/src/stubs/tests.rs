//! Stubs as text: what each kind of schema becomes, and what hostile ones cannot do.

use serde_json::{Value, json};

use super::*;
use crate::tool::Definition;

fn tool(name: &str, input: Value, output: Option<Value>) -> (String, Tool) {
    described(name, "", input, output)
}

fn described(name: &str, text: &str, input: Value, output: Option<Value>) -> (String, Tool) {
    let tool = Tool::new(Definition {
        name: name.to_owned(),
        description: text.to_owned(),
        input_schema: input,
        output_schema: output,
    })
    .unwrap();
    (crate::names::plain_identifier(name), tool)
}

fn set(tools: Vec<(String, Tool)>) -> Vec<ToolSet> {
    vec![ToolSet {
        namespace: "things".to_owned(),
        tools,
    }]
}

/// The stub of the namespace without its first lines, which are always the same.
fn python_of(tools: Vec<(String, Tool)>) -> String {
    let files = python(&set(tools), Calls::Either);
    let text = &files.last().unwrap().text;
    let at = text.find("as _tool\n").unwrap();
    text[at + "as _tool\n".len()..].to_owned()
}

fn typescript_of(tools: Vec<(String, Tool)>) -> String {
    typescript(&set(tools)).pop().unwrap().text
}

fn edit() -> (String, Tool) {
    described(
        "edit-file",
        "Edits a file.",
        json!({
            "type": "object",
            "properties": {
                "dryRun": {"type": "boolean", "default": false, "description": "Only\nlook."},
                "path": {"type": "string", "description": "Which."},
                "edits": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"old": {"type": "string"}, "user-id": {"type": ["integer", "null"]}},
                    "required": ["old"],
                }},
                "mode": {"enum": ["a", "b", null, 3]},
            },
            "required": ["path", "edits"],
        }),
        Some(json!({
            "type": "object",
            "properties": {"done": {"type": "integer"}, "parts": {"type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "number"}}}},
            "required": ["done"],
        })),
    )
}

#[test]
fn a_tool_in_python() {
    assert_eq!(
        python_of(vec![edit()]),
        r#"
_EditFileEditsItem = TypedDict("_EditFileEditsItem", {"old": str, "user-id": NotRequired[int | None]})

class _EditFileAnswer(TypedDict):
    done: int
    parts: NotRequired[dict[str, list[float]]]

@_tool
def edit_file(path: str, edits: Sequence[_EditFileEditsItem], dryRun: bool = ..., mode: Literal["a", "b", None, 3] = ...) -> _EditFileAnswer:
    """Edits a file.

    Args:
        path: Which.
        dryRun: Only look. (default: false)
    """
"#
    );
}

#[test]
fn an_object_with_members_that_may_be_null_says_so() {
    let user = json!({"type": ["object", "null"], "properties": {"login": {"type": "string"}}});
    let input = json!({"type": "object", "properties": {"user": user}});
    let tools = || vec![tool("assign", input.clone(), None)];
    assert!(python_of(tools()).contains("(user: _AssignUser | None = ...)"));
    assert!(typescript_of(tools()).contains("  user?: AssignUser | null;\n"));
}

#[test]
fn a_tool_in_typescript() {
    assert_eq!(
        typescript_of(vec![edit()]),
        r#"// Tools of `things`.

export interface EditFileArguments {
  /** Which. */
  path: string;
  edits: Array<EditFileEditsItem>;
  /** Only look. (default: false) */
  dryRun?: boolean;
  mode?: "a" | "b" | null | 3;
}

export interface EditFileEditsItem {
  old: string;
  "user-id"?: number | null;
}

export interface EditFileAnswer {
  done: number;
  parts?: Record<string, Array<number>>;
}

/** Edits a file. */
declare function editFile(path: string, edits: Array<EditFileEditsItem>, dryRun?: boolean, mode?: "a" | "b" | null | 3): Promise<EditFileAnswer>;
/**
 * Edits a file.
 * @param args.path Which.
 * @param args.dryRun Only look. (default: false)
 */
declare function editFile(args: EditFileArguments): Promise<EditFileAnswer>;
export { editFile, editFile as edit_file, editFile as "edit-file" };

declare const all: typeof import("./things");
export default all;
"#
    );
}

#[test]
fn what_a_schema_leaves_open_is_open() {
    let line = |input: Value| {
        let text = python_of(vec![tool("t", input, None)]);
        let last = text.lines().last().unwrap_or_default().to_owned();
        last.trim_start_matches("def t(")
            .trim_end_matches(") -> Any: ...")
            .to_owned()
    };
    for (input, parameters) in [
        (json!(null), "**others: Any"),
        (json!(true), "**others: Any"),
        (json!({"type": "object", "properties": {}}), ""),
        (json!({"type": "object", "additionalProperties": false}), ""),
        (
            json!({"properties": {"others": {}}, "additionalProperties": {"type": "integer"}}),
            "others: Any = ..., **others_: int",
        ),
        (
            json!({"properties": {"a-b": {"type": "string"}, "c": {"const": 1}}, "required": ["a-b", "c"]}),
            "*, c: Literal[1], **others: str",
        ),
        (
            json!({"properties": {"class": {"type": "null"}, "__x": {"type": "string"}, "self": {}}}),
            "*, self: Any = ..., **others: str | None",
        ),
        (json!({"properties": {"never": false}}), ""),
        (
            json!({"properties": {"x": {"type": "object", "properties": {"a": {}}, "additionalProperties": true}}}),
            "x: _TX | Mapping[str, Any] = ...",
        ),
        (
            json!({"properties": {"x": {"enum": [1.5, 2]}}}),
            "x: float = ...",
        ),
        (
            json!({"properties": {"x": {"enum": [[], {}]}}}),
            "x: Any = ...",
        ),
        (json!({"properties": {"x": {"enum": []}}}), "x: Any = ..."),
        (
            json!({"properties": {"x": {"anyOf": [{"const": "a"}, {"type": "null"}, {"const": "b"}, false]}}}),
            "x: Literal[\"a\", \"b\"] | None = ...",
        ),
        (
            json!({"properties": {"x": {"allOf": [{"$ref": "#/$defs/A"}]}}, "$defs": {"A": {"type": "integer"}}}),
            "x: int = ...",
        ),
        (
            json!({"properties": {"x": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}}}),
            "x: list[str | int] = ...",
        ),
        (
            json!({"properties": {"x": {"type": "array", "items": {"type": ["integer", "null"]}}}}),
            "x: Sequence[int | None] = ...",
        ),
    ] {
        assert_eq!(line(input.clone()), parameters, "{input}");
    }
}

#[test]
fn references_that_lead_in_circles_end() {
    let input = json!({
        "$defs": {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "all": {"$ref": "#"}}},
            "Loop": {"anyOf": [{"$ref": "#/$defs/Loop"}, {"type": "string"}]},
            "Lists": {"type": "array", "items": {"$ref": "#/$defs/Lists"}},
        },
        "properties": {
            "a": {"$ref": "#/$defs/Node"}, "b": {"$ref": "#/$defs/Loop"}, "c": {"$ref": "#/$defs/Lists"},
            "d": {"$ref": "http://x/"}, "e": {"$ref": "#/absent"},
        },
    });
    assert_eq!(
        python_of(vec![tool("t", input, None)]),
        "
class _TArguments(TypedDict):
    a: NotRequired[_TNode]
    b: NotRequired[Any]
    c: NotRequired[list[Any]]
    d: NotRequired[Any]
    e: NotRequired[Any]

class _TNode(TypedDict):
    next: NotRequired[_TNode]
    all: NotRequired[_TArguments]

@_tool
def t(a: _TNode = ..., b: Any = ..., c: list[Any] = ..., d: Any = ..., e: Any = ...) -> Any: ...
"
    );
}

#[test]
fn parts_that_hold_together_are_one_object() {
    let input = json!({"properties": {"x": {"allOf": [
        {"properties": {"a": {"type": "string"}}},
        {"properties": {"a": {}, "b": {"type": "integer"}}, "required": ["a", "b"]},
    ]}}});
    assert!(
        python_of(vec![tool("t", input, None)])
            .starts_with("\nclass _TX(TypedDict):\n    a: str\n    b: int\n")
    );
}

/// A tool, a key or a type of some name must not change what other lines mean.
#[test]
fn names_do_not_hide_each_other() {
    let input = json!({"properties": {"x": {"type": "array", "items": {"type": "string"}}}});
    let text = python_of(vec![tool("list", input.clone(), None)]);
    assert!(
        text.contains("def list(x: _builtins.list[_builtins.str] = ...)"),
        "{text}"
    );
    let keys = json!({"properties": {"x": {"properties": {"str": {"type": "string"}, "b": {"type": "string"}}}}});
    let text = python_of(vec![tool("t", keys, None)]);
    assert!(text.contains("_TX = TypedDict(\"_TX\", {\"str\""), "{text}");
    // Two tools whose types would be called alike.
    let nested = json!({"properties": {"b": {"properties": {"c": {}}}}});
    let deeper = json!({"properties": {"c": {"properties": {"d": {}}}}});
    let text = python_of(vec![tool("a", nested, None), tool("ab", deeper, None)]);
    assert!(
        text.contains("class _AB(") && text.contains("class _AbC("),
        "{text}"
    );
    let twice =
        json!({"properties": {"a-b": {"properties": {"c": {}}}, "a_b": {"properties": {"d": {}}}}});
    let text = python_of(vec![tool("t", twice, None)]);
    assert!(
        text.contains("class _TAB(") && text.contains("class _TAB_2("),
        "{text}"
    );
    // TypeScript: reserved words, and a tool named as a type would be.
    let text = typescript_of(vec![
        tool(
            "delete",
            json!({"properties": {"this": {}, "a-b": {}, "value": {}}}),
            None,
        ),
        tool("DeleteArguments", json!({"properties": {}}), None),
        tool("all", json!({"properties": {}}), None),
    ]);
    for line in [
        "export interface DeleteArguments_2 {",
        "declare function delete_(this_?: any, value?: any, value_?: any): Promise<any>;",
        "export { delete_ as delete };",
        "export { deleteArguments, deleteArguments as delete_arguments, deleteArguments as DeleteArguments };",
        "export { all_ as all };",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn names_are_spelled_as_the_guest_spells_them() {
    for (name, camel) in [
        ("get_sum", "getSum"),
        ("_2fa", "_2fa"),
        ("a_1_b", "a_1B"),
        ("import_", "import_"),
        ("_x_y", "_xY"),
    ] {
        assert_eq!(camel_name(name), camel);
    }
}

/// A namespace with a member `then` would be called by every `await` of it.
#[test]
fn members_that_javascript_calls_have_other_names() {
    let open = json!({"type": "object"});
    let names = ["then", "toJSON", "to_string", "value_of"];
    let text = typescript_of(names.map(|name| tool(name, open.clone(), None)).into());
    for exported in [
        "export { then_ };",
        "export { toJson, toJson as to_json, toJson as toJSON_ };",
        "export { toString_, toString_ as to_string };",
        "export { valueOf_, valueOf_ as value_of };",
    ] {
        assert!(text.contains(exported), "{exported}: {text}");
    }
    assert_eq!(member_name("then_"), "then_");
}

#[test]
fn too_much_is_open_and_quick() {
    let mut many = serde_json::Map::new();
    for n in 0..500 {
        many.insert(
            format!("p{n}"),
            json!({"type": "string", "enum": ["x".repeat(100)]}),
        );
    }
    let text = python_of(vec![tool("t", json!({"properties": many}), None)]);
    assert!(text.contains("p255: ") && !text.contains("p256: "));
    assert!(text.contains("**others: Any) -> Any"), "{text}");
    let text = typescript_of(vec![tool("t", json!({"properties": many}), None)]);
    assert!(text.contains("[name: string]: any;"));
    // Each definition holds the next twice: read once each.
    let mut defs = serde_json::Map::new();
    for n in 0..200 {
        let next = json!({"$ref": format!("#/$defs/D{}", n + 1)});
        defs.insert(
            format!("D{n}"),
            json!({"properties": {"a": next, "b": {"anyOf": [next, next]}}}),
        );
    }
    let input = json!({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/D0"}}});
    let text = python_of(vec![tool("t", input, None)]);
    assert!(text.len() < 100_000, "{}", text.len());
    let mut deep = json!({"type": "string"});
    for _ in 0..30 {
        deep = json!({"type": "array", "items": deep});
    }
    let text = python_of(vec![tool("t", json!({"properties": {"x": deep}}), None)]);
    assert!(text.contains("[Any]]]"), "{text}");
    let long = json!({"properties": {"x": {"enum": ["x".repeat(300)]}, "y": {"enum": (0..300).collect::<Vec<_>>()}}});
    let text = python_of(vec![tool("t", long, None)]);
    assert!(text.contains("x: str = ..., y: float = ..."), "{text}");
}

/// Names are cut, so that many types may want the same one.
#[test]
fn many_types_of_one_name_are_told_apart() {
    let stem = "x".repeat(120);
    let input = json!({"properties": {"a": {"properties": {"b": {}}}}});
    let tools = (0..5_000).map(|n| tool(&format!("{stem}{n}"), input.clone(), None));
    let text = typescript_of(tools.collect());
    let cut = format!("X{}", "x".repeat(99));
    assert!(text.contains(&format!("export interface {cut}_10000 {{")));
    assert!(!text.contains(&format!("{cut}_10001 ")));
}

#[test]
fn the_same_tools_give_the_same_bytes() {
    let all = || {
        set(vec![
            edit(),
            tool("b", json!({}), Some(json!({"type": "array"}))),
        ])
    };
    assert_eq!(python(&all(), Calls::Either), python(&all(), Calls::Either));
    assert_eq!(typescript(&all()), typescript(&all()));
    assert_eq!(openai(&all()), openai(&all()));
}

#[test]
fn a_plain_call_answers_what_the_flavour_says() {
    let line = |calls| {
        let files = python(&[], calls);
        let types = files.iter().find(|file| file.path == "_wxmcp_stubs.pyi");
        let text = types.unwrap().text.clone();
        assert!(!text.contains("ANSWER"));
        let is_call = |line: &&str| line.contains("def __call__(self, /, *args");
        let found = text.lines().find(is_call).unwrap();
        found.rsplit("-> ").next().unwrap().to_owned()
    };
    assert_eq!(line(Calls::Blocking), "_T: ...");
    assert_eq!(line(Calls::Awaited), "ToolCall[_T]: ...");
    assert_eq!(line(Calls::Either), "Any: ...");
}

#[test]
fn files_stay_in_their_folder() {
    for hostile in [
        "../x",
        "/etc/x",
        "a/b",
        "",
        ".",
        "..",
        "a\0b",
        "é",
        &"x".repeat(300),
    ] {
        let sets = [ToolSet {
            namespace: hostile.to_owned(),
            tools: vec![edit()],
        }];
        let mut files = typescript(&sets);
        files.extend(python(&sets, Calls::Either));
        files.extend(json_schema(&sets));
        for file in files {
            let fits = |part: &str| {
                !part.is_empty()
                    && !part.starts_with('.')
                    && part.len() <= 220
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
            };
            assert!(file.path.split('/').all(fits), "{hostile:?}: {}", file.path);
        }
    }
}

#[test]
fn providers_get_names_that_they_take() {
    let long = "x".repeat(200);
    let mut sets = set(vec![
        edit(),
        tool(&long, json!(true), Some(json!({"type": "string"}))),
    ]);
    sets.push(ToolSet {
        namespace: "things__edit".to_owned(),
        tools: vec![tool("file", json!({}), None)],
    });
    let twice = ToolSet {
        namespace: "a".to_owned(),
        tools: vec![("b__c".to_owned(), edit().1)],
    };
    let other = ToolSet {
        namespace: "a__b".to_owned(),
        tools: vec![("c".to_owned(), edit().1)],
    };
    sets.extend([twice, other]);
    for files in [anthropic(&sets), openai(&sets)] {
        let tools: Vec<Value> = serde_json::from_str(&files[0].text).unwrap();
        let mut names: Vec<&str> = tools
            .iter()
            .filter_map(|tool| tool["name"].as_str())
            .collect();
        assert!(names.iter().all(|name| (1..=64).contains(&name.len())));
        assert_eq!((names.len(), names[0]), (5, "things__edit_file"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 5);
    }
    let tools: Vec<Value> = serde_json::from_str(&openai(&sets)[0].text).unwrap();
    assert_eq!(tools[1]["output_schema"], json!({"type": "string"}));
    assert_eq!(tools[1]["parameters"], json!({"type": "object"}));
    assert_eq!(tools[0]["allowed_callers"], json!(["programmatic"]));
}

/// A union of all types would refuse whatever a script does with it.
#[test]
fn a_list_of_all_types_says_nothing() {
    let all = json!(["null", "boolean", "number", "string", "array", "object"]);
    let rows = json!({"type": "array", "items": {
        "type": "object", "additionalProperties": {"type": all, "items": {}},
    }});
    let tools = || vec![tool("rows", json!({"type": "object"}), Some(rows.clone()))];
    assert!(python_of(tools()).contains("-> list[dict[str, Any]]:"));
    assert!(typescript_of(tools()).contains("Promise<Array<Record<string, any>>>"));
    let signature = crate::signature("things", "rows", &tools().remove(0).1);
    assert!(
        signature.ends_with("-> list[dict[str, Any]]"),
        "{signature}"
    );
}
