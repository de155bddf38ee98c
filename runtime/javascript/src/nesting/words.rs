//! What words mean for nesting.

/// Statements that hold a statement without a bracket around it.
pub(super) const HOLDERS: [&str; 6] = ["if", "else", "for", "while", "do", "with"];

/// Words whose parentheses a statement follows.
pub(super) const HEADS: [&str; 4] = ["if", "for", "while", "with"];

/// Words that nest what follows them.
pub(super) const PREFIXES: [&str; 20] = [
    "typeof",
    "void",
    "delete",
    "await",
    "new",
    "async",
    "yield",
    "in",
    "of",
    "instanceof",
    "as",
    "satisfies",
    "keyof",
    "infer",
    "unique",
    "readonly",
    "is",
    "asserts",
    "class",
    "function",
];

/// Other words that what they belong to goes on after, in whatever line.
pub(super) const OPENERS: [&str; 21] = [
    "const",
    "let",
    "var",
    "using",
    "case",
    "throw",
    "export",
    "default",
    "import",
    "type",
    "interface",
    "namespace",
    "module",
    "enum",
    "declare",
    "abstract",
    "out",
    "accessor",
    "static",
    "extends",
    "implements",
];

/// Words that go on with what stands before them, in whatever line.
pub(super) const CONTINUERS: [&str; 15] = [
    "in",
    "of",
    "instanceof",
    "as",
    "satisfies",
    "is",
    "extends",
    "implements",
    "else",
    "catch",
    "finally",
    "class",
    "abstract",
    "from",
    "while",
];

/// Words that a regular expression, and no division, may follow.
pub(super) const BEFORE_OPERAND: [&str; 17] = [
    "typeof",
    "void",
    "delete",
    "await",
    "new",
    "yield",
    "in",
    "instanceof",
    "return",
    "throw",
    "case",
    "do",
    "else",
    "default",
    "extends",
    "if",
    "while",
];
