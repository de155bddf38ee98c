//! What a statement is by its first words, as far as it must be known before a database
//! sees it.
//!
//! Read-only and the rest are the databases' own doing. But a statement that ends the
//! transaction it stands in leaves what that transaction ensures; and the grammars of both
//! databases let such a statement begin with its keyword alone.

/// A kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Begins or ends a transaction. Savepoints do not.
    Transaction,
    /// Moves data past the parameters and rows of statements.
    Copy,
    /// Anything else, also text that is not a statement.
    Other,
}

impl Command {
    /// The kind of a statement.
    pub(super) fn of(text: &str) -> Self {
        let mut words = Words { rest: text };
        match words.next().as_str() {
            "BEGIN" | "START" | "COMMIT" | "END" | "ABORT" => Self::Transaction,
            "ROLLBACK" => match words.next().as_str() {
                "TO" => Self::Other,
                "WORK" | "TRANSACTION" if words.next() == "TO" => Self::Other,
                _ => Self::Transaction,
            },
            "PREPARE" if words.next() == "TRANSACTION" => Self::Transaction,
            "COPY" => Self::Copy,
            _ => Self::Other,
        }
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// The next word in capitals; nothing where something else stands.
    fn next(&mut self) -> String {
        self.skip();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_ascii_uppercase()
    }

    /// Skips what stands before a word: space, empty statements, comments.
    fn skip(&mut self) {
        loop {
            let before = self.rest.len();
            self.rest = self.rest.trim_start_matches(|c: char| {
                // A mark of byte order is skipped by SQLite.
                c.is_whitespace() || c.is_control() || c == ';' || c == '\u{feff}'
            });
            if let Some(comment) = self.rest.strip_prefix("--") {
                let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
                self.rest = comment.split_at(end).1;
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = after_comment(comment);
            }
            if self.rest.len() == before {
                return;
            }
        }
    }
}

/// What follows a comment that has begun.
fn after_comment(text: &str) -> &str {
    let mut rest = text;
    let mut depth = 1_u32;
    while depth > 0 {
        let Some(at) = rest.find(['*', '/']) else {
            return "";
        };
        rest = rest.split_at(at).1;
        if let Some(inside) = rest.strip_prefix("/*") {
            depth = depth.saturating_add(1);
            rest = inside;
        } else if let Some(outside) = rest.strip_prefix("*/") {
            depth = depth.saturating_sub(1);
            rest = outside;
        } else {
            let mut characters = rest.chars();
            characters.next();
            rest = characters.as_str();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_transaction_is_seen_behind_comments_and_empty_statements() {
        for text in [
            "COMMIT",
            "commit;",
            " \n\t; ;-- x\n/* a /* b */ c */ Rollback work",
            "\u{feff}end",
            "abort and chain",
            "BEGIN READ WRITE",
            "start transaction",
            "prepare/**/transaction 'x'",
            "ROLLBACK PREPARED 'to'",
            "rollback transaction",
            "/*/**/*/commit",
            "--\rcommit",
        ] {
            assert_eq!(Command::of(text), Command::Transaction, "{text}");
        }
        for text in [
            "",
            "select 'commit'",
            "-- commit",
            "/* commit */ select 1",
            "SAVEPOINT a",
            "rollback to a",
            "ROLLBACK TRANSACTION TO SAVEPOINT a",
            "RELEASE a",
            "prepare x as select 1",
            "begins",
            "commit_log",
            "(select 1)",
            "\"commit\"",
            "/* commit",
        ] {
            assert_eq!(Command::of(text), Command::Other, "{text}");
        }
        assert_eq!(Command::of("/**/copy t to stdout"), Command::Copy);
        assert_eq!(Command::of("copyright"), Command::Other);
    }
}
