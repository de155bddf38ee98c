//! Reads what stubs say, from their text alone, as far as our own stubs go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

/// One alternative of a type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum One {
    Any,
    Null,
    Bool,
    /// Python tells integers from other numbers.
    Int,
    Number,
    Text,
    Literal(Json),
    List(Vec<One>),
    Map(Vec<One>),
    Named(String),
}

/// A key of an object type, or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) of: Vec<One>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    pub(super) each: Vec<Member>,
    /// Whether others may be there.
    pub(super) is_open: bool,
}

/// What a stub says of a namespace.
#[derive(Debug, Default)]
pub(super) struct Stub {
    pub(super) shapes: BTreeMap<String, Members>,
    /// By the name of the function, what it takes and answers.
    pub(super) functions: BTreeMap<String, (Members, Vec<One>)>,
    /// By each name under which scripts find it, a function.
    pub(super) names: BTreeMap<String, String>,
}

/// A `.pyi` file.
pub(super) fn python(text: &str) -> Stub {
    let mut stub = Stub::default();
    let mut class: Option<String> = None;
    let mut is_prose = false;
    for line in text.lines() {
        let quotes = line.matches("\"\"\"").count();
        if is_prose || line.trim_start().starts_with("\"\"\"") {
            is_prose = if is_prose { quotes == 0 } else { quotes == 1 };
            continue;
        }
        let mut parser = Parser::new(line);
        if let Some(name) = line.strip_prefix("class ") {
            let name = name.strip_suffix("(TypedDict):").unwrap();
            stub.shapes.insert(name.to_owned(), Members::default());
            class = Some(name.to_owned());
        } else if let Some(name) = class.as_ref().filter(|_| line.starts_with("    ")) {
            if line.trim() != "pass" {
                let shape = stub.shapes.get_mut(name).unwrap();
                shape.each.push(parser.member());
            }
        } else if line.starts_with("def ") {
            class = None;
            parser.expect("def");
            let name = parser.word();
            let members = parser.parameters();
            parser.expect_all(&["-", ">"]);
            let answer = parser.union();
            stub.names.insert(name.clone(), name.clone());
            stub.functions.insert(name, (members, answer));
        } else if line.contains(" = TypedDict(") {
            class = None;
            let name = parser.word();
            parser.expect_all(&["=", "TypedDict", "("]);
            parser.next();
            parser.expect_all(&[",", "{"]);
            let mut shape = Members::default();
            while !parser.takes("}") {
                shape.each.push(parser.member());
                parser.takes(",");
            }
            stub.shapes.insert(name, shape);
        } else if let Some((own, name)) = line.split_once(" = ") {
            stub.names.insert(own.to_owned(), name.to_owned());
        }
    }
    stub
}

/// A `.d.ts` file of a namespace.
pub(super) fn typescript(text: &str) -> Stub {
    let mut stub = Stub::default();
    let mut shape: Option<String> = None;
    let mut takes: BTreeMap<String, (Vec<One>, Vec<One>)> = BTreeMap::new();
    let code = text.lines().filter(|line| {
        let line = line.trim_start();
        !["/**", "*", "//"].iter().any(|mark| line.starts_with(mark))
    });
    for line in code {
        let mut parser = Parser::new(line);
        if let Some(name) = line.strip_prefix("export interface ") {
            let name = name.strip_suffix(" {").unwrap();
            stub.shapes.insert(name.to_owned(), Members::default());
            shape = Some(name.to_owned());
        } else if line == "}" {
            shape = None;
        } else if let Some(name) = &shape {
            let shape = stub.shapes.get_mut(name).unwrap();
            if line == "  [name: string]: any;" {
                shape.is_open = true;
            } else {
                shape.each.push(parser.member());
            }
        } else if line.starts_with("declare function ") {
            parser.expect_all(&["declare", "function"]);
            let name = parser.word();
            let parameters = parser.parameters();
            parser.expect_all(&[":", "Promise", "<"]);
            let answer = parser.union();
            // The last way to call it is by one object.
            let arguments = parameters.each.into_iter().next().unwrap();
            assert!(arguments.name == "args" || !takes.contains_key(&name));
            takes.insert(name, (arguments.of, answer));
        } else if line.starts_with("export { ") {
            parser.expect_all(&["export", "{"]);
            while !parser.takes("}") {
                let local = parser.word();
                let name = if parser.takes("as") {
                    parser.name()
                } else {
                    local.clone()
                };
                stub.names.insert(name, local);
                parser.takes(",");
            }
        }
    }
    for (name, (arguments, answer)) in takes {
        let members = match arguments.as_slice() {
            [One::Named(name)] => stub.shapes.get(name).cloned().unwrap(),
            [One::Map(_)] => Members::default(),
            other => panic!("{other:?}"),
        };
        stub.functions.insert(name, (members, answer));
    }
    stub
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    line: String,
}

impl Parser {
    fn new(line: &str) -> Self {
        Self {
            tokens: tokens(line).into_iter().peekable(),
            line: line.to_owned(),
        }
    }

    fn next(&mut self) -> Token {
        let next = self.tokens.next();
        next.unwrap_or_else(|| panic!("the line ends: {}", self.line))
    }

    fn takes(&mut self, what: &str) -> bool {
        let is_it = match self.tokens.peek() {
            Some(Token::Word(word)) => word == what,
            Some(Token::Mark(mark)) => mark.to_string() == what,
            _ => false,
        };
        is_it && self.tokens.next().is_some()
    }

    fn expect(&mut self, what: &str) {
        assert!(self.takes(what), "no {what}: {}", self.line);
    }

    fn expect_all(&mut self, all: &[&str]) {
        all.iter().for_each(|what| self.expect(what));
    }

    fn word(&mut self) -> String {
        match self.next() {
            Token::Word(word) => word,
            other => panic!("{other:?}: {}", self.line),
        }
    }

    /// A word, or a text.
    fn name(&mut self) -> String {
        match self.next() {
            Token::Word(name) | Token::Text(name) => name,
            other => panic!("{other:?}: {}", self.line),
        }
    }

    /// `name: T`, `name?: T`, `name: T = ...` or `name: NotRequired[T]`.
    fn member(&mut self) -> Member {
        let name = self.name();
        let has_mark = self.takes("?");
        self.expect(":");
        let is_wrapped = self.takes("NotRequired");
        if is_wrapped {
            self.expect("[");
        }
        let of = self.union();
        if is_wrapped {
            self.expect("]");
        }
        let has_default = self.takes("=");
        if has_default {
            self.expect("...");
        }
        Member {
            name,
            is_required: !has_mark && !is_wrapped && !has_default,
            of,
        }
    }

    fn parameters(&mut self) -> Members {
        let mut members = Members::default();
        self.expect("(");
        while !self.takes(")") {
            if self.takes("*") {
                if self.takes("*") {
                    self.member();
                    members.is_open = true;
                }
            } else {
                members.each.push(self.member());
            }
            self.takes(",");
        }
        members
    }

    fn union(&mut self) -> Vec<One> {
        let mut all = self.one();
        while self.takes("|") {
            all.extend(self.one());
        }
        all
    }

    fn one(&mut self) -> Vec<One> {
        let word = match self.next() {
            Token::Text(text) => return vec![One::Literal(Json::from(text))],
            Token::Word(word) => word,
            Token::Mark('-') => format!("-{}", self.word()),
            other => panic!("{other:?}: {}", self.line),
        };
        let word = word.strip_prefix("_builtins.").unwrap_or(&word);
        vec![match word {
            "Any" | "any" => One::Any,
            "None" | "null" => One::Null,
            "bool" | "boolean" => One::Bool,
            "int" => One::Int,
            "float" | "number" => One::Number,
            "str" | "string" => One::Text,
            "True" | "true" => One::Literal(Json::from(true)),
            "False" | "false" => One::Literal(Json::from(false)),
            "Literal" => {
                let mut all = Vec::new();
                self.expect("[");
                while !self.takes("]") {
                    all.extend(self.one());
                    self.takes(",");
                }
                return all;
            }
            "list" | "Sequence" | "Array" => One::List(self.inside().pop().unwrap()),
            "dict" | "Mapping" | "Record" => One::Map(self.inside().pop().unwrap()),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                // A BigInt of TypeScript ends with `n`.
                let digits = number.strip_suffix('n').unwrap_or(number);
                One::Literal(serde_json::from_str(digits).unwrap())
            }
            name => One::Named(name.to_owned()),
        }]
    }

    /// The types in brackets.
    fn inside(&mut self) -> Vec<Vec<One>> {
        self.next();
        let mut all = vec![self.union()];
        while self.takes(",") {
            all.push(self.union());
        }
        self.next();
        all
    }
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let is_word = |it: &char| it.is_ascii_alphanumeric() || "_.$".contains(*it);
        if character == '"' {
            tokens.push(Token::Text(literal(&mut characters)));
        } else if is_word(&character) {
            let mut word = String::from(character);
            while let Some(next) = characters.next_if(is_word) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if !character.is_whitespace() {
            tokens.push(Token::Mark(character));
        }
    }
    tokens
}

/// The rest of a literal in double quotes, of either language.
fn literal(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    loop {
        match characters.next().unwrap() {
            '"' => return text,
            '\\' => {
                let digits = match characters.next().unwrap() {
                    'n' => {
                        text.push('\n');
                        continue;
                    }
                    't' => {
                        text.push('\t');
                        continue;
                    }
                    'u' if characters.next_if_eq(&'{').is_some() => {
                        characters.by_ref().take_while(|it| *it != '}').collect()
                    }
                    'u' => characters.by_ref().take(4).collect::<String>(),
                    'U' => characters.by_ref().take(8).collect::<String>(),
                    other => {
                        text.push(other);
                        continue;
                    }
                };
                let number = u32::from_str_radix(&digits, 16).unwrap();
                text.push(char::from_u32(number).unwrap());
            }
            other => text.push(other),
        }
    }
}

/// The names of some members.
pub(super) fn names(members: &[Member]) -> BTreeSet<&str> {
    members.iter().map(|member| member.name.as_str()).collect()
}
