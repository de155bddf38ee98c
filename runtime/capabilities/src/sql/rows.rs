//! The answer to a query, written as it arrives and bounded before it is kept.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wxmcp_run::{Charge, Ledger, Written};

use super::Failure;
use crate::charged::{Charged, size};

/// Most rows of one answer.
pub(super) const MAX_ROWS: usize = 100_000;

/// Most bytes of one answer, as JSON.
pub(super) const MAX_ANSWER: usize = 32 << 20;

/// Bytes of a column beside its name and type.
const COLUMN: u64 = 256;

/// Bytes that are encoded at a time; a multiple of three, so that the parts make one whole.
const ENCODED: usize = 48 << 10;

/// `{"rows": [..], "columns": [..]}`.
#[derive(Debug)]
pub(super) struct Rows {
    out: Charged,
    count: usize,
    columns: Vec<Column>,
    /// For the names of columns.
    _names: Charge,
}

/// A column of an answer, and what its values need.
#[derive(Debug)]
struct Column {
    name: String,
    declared: Option<String>,
    is_bytes: bool,
    /// Whether a floating-point number in it is whole, as 1.0 is.
    has_whole_real: bool,
    has_integer: bool,
}

impl Rows {
    /// No rows yet, of columns with these names and types. What is written is charged.
    ///
    /// Rows become objects: of two columns of one name, the second is `name_2`.
    ///
    /// # Errors
    ///
    /// When names take more than an answer may, or than the host may hold.
    pub(super) fn new(
        columns: impl IntoIterator<Item = (String, Option<String>)>,
        ledger: &Ledger,
    ) -> Result<Self, Failure> {
        let mut out = Charged::new(ledger);
        out.push(b"{\"rows\":[")?;
        let mut charge = ledger.nothing();
        let mut names = Names::default();
        let mut all = Vec::new();
        for (name, declared) in columns {
            let bytes = name
                .len()
                .saturating_add(declared.as_ref().map_or(0, String::len));
            // The name, twice while others are compared with it, and twice when it is written.
            charge.grow(size(bytes).saturating_mul(4).saturating_add(COLUMN))?;
            if charge.bytes() / 4 > size(MAX_ANSWER) {
                return Err(too_long());
            }
            all.push(Column {
                name: names.unique(name),
                declared,
                is_bytes: false,
                has_whole_real: false,
                has_integer: false,
            });
        }
        Ok(Self {
            out,
            count: 0,
            columns: all,
            _names: charge,
        })
    }

    /// Adds a row; `cell` writes the value of the column with that index. Where it fails, there is no part of it.
    ///
    /// # Errors
    ///
    /// When the answer has too many rows or bytes, the host may not hold it, or a value cannot be written.
    pub(super) fn add(
        &mut self,
        mut cell: impl FnMut(usize, &mut Cell<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.count >= MAX_ROWS {
            return Err(Failure::Limit(format!(
                "the answer has more than {MAX_ROWS} rows: use LIMIT, or aggregate"
            )));
        }
        let before = self.out.len();
        let mut write = || {
            self.out.push(if self.count > 0 { b",[" } else { b"[" })?;
            for (index, column) in self.columns.iter_mut().enumerate() {
                if index > 0 {
                    self.out.push(b",")?;
                }
                let out = &mut self.out;
                cell(index, &mut Cell { out, column })?;
            }
            Ok(self.out.push(b"]")?)
        };
        let written = write();
        match written {
            Ok(()) => self.count = self.count.saturating_add(1),
            Err(_) => self.out.truncate(before),
        }
        written
    }

    /// Whether a row was not added because others hold what the process may.
    pub(super) fn must_wait(&self) -> bool {
        self.out.must_wait()
    }

    /// Waits until there is room for it, and it can be added again.
    ///
    /// # Errors
    ///
    /// When there will be none.
    pub(super) async fn wait(&mut self) -> Result<(), Failure> {
        Ok(self.out.wait().await?)
    }

    /// The whole answer.
    ///
    /// # Errors
    ///
    /// When the host may not hold it.
    pub(super) fn finish(mut self) -> Result<Written, Failure> {
        self.out.push(b"],\"columns\":")?;
        let described: Vec<Value> = self.columns.iter().map(Column::described).collect();
        self.out.json(&described)?;
        self.out.push(b"}")?;
        Ok(self.out.written())
    }
}

fn too_long() -> Failure {
    Failure::Limit(format!(
        "the answer has more than {MAX_ANSWER} bytes: ask for fewer columns or rows"
    ))
}

/// The names of columns, each with the number that was given last to another column of that name.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// A name that no column before has. Numbers are not tried again: thousands of columns may have one name.
    fn unique(&mut self, name: String) -> String {
        let Some(count) = self.0.get(&name) else {
            self.0.insert(name.clone(), 1);
            return name;
        };
        let mut count = *count;
        let free = loop {
            count = count.saturating_add(1);
            let free = format!("{name}_{count}");
            if !self.0.contains_key(&free) {
                break free;
            }
        };
        self.0.insert(name, count);
        self.0.insert(free.clone(), 1);
        free
    }
}

impl Column {
    fn described(&self) -> Value {
        let mut column = json!({"name": self.name, "type": self.declared});
        if let Some(object) = column.as_object_mut() {
            if self.is_bytes {
                object.insert("bytes".to_owned(), Value::Bool(true));
            }
            // JavaScript cannot tell 1.0 from 1: its adapter writes these as what they are.
            if self.has_whole_real && !self.has_integer {
                object.insert("real".to_owned(), Value::Bool(true));
            }
        }
        column
    }
}

/// Where one value is written.
pub(super) struct Cell<'a> {
    out: &'a mut Charged,
    column: &'a mut Column,
}

impl Cell<'_> {
    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) -> Result<(), Failure> {
        self.fits(json.len())?;
        Ok(self.out.push(json.as_bytes())?)
    }

    pub(super) fn null(&mut self) -> Result<(), Failure> {
        self.raw("null")
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.fits(text.len())?;
        self.json(&text)
    }

    pub(super) fn integer(&mut self, number: i64) -> Result<(), Failure> {
        self.column.has_integer = true;
        self.raw(&number.to_string())
    }

    /// A number; one that JSON does not have as text.
    pub(super) fn real(&mut self, number: f64) -> Result<(), Failure> {
        if number.is_finite() {
            self.column.has_whole_real |= number.fract() == 0.0;
            self.json(&number)
        } else if number.is_nan() {
            self.text("NaN")
        } else if number > 0.0 {
            self.text("Infinity")
        } else {
            self.text("-Infinity")
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.column.is_bytes = true;
        // As base64 has it.
        self.fits(bytes.len().div_ceil(3).saturating_mul(4))?;
        self.raw("{\"$bytes\":\"")?;
        for part in bytes.chunks(ENCODED) {
            self.raw(&STANDARD.encode(part))?;
        }
        self.raw("\"}")
    }

    fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        self.out.json(value)?;
        self.fits(0)
    }

    /// Whether so many more bytes may be written.
    fn fits(&self, more: usize) -> Result<(), Failure> {
        if self.out.len().saturating_add(more) > MAX_ANSWER {
            return Err(too_long());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_name_are_told_apart() {
        let columns = ["a", "b", "a", "a_2", "a"].map(|name| (name.to_owned(), None));
        let rows = Rows::new(columns, &Ledger::unbounded()).unwrap();
        let names: Vec<&str> = rows
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b", "a_2", "a_2_2", "a_3"]);
    }

    /// Trying all numbers for each would be two billion tries.
    #[test]
    fn many_columns_of_one_name_take_linear_time() {
        let columns = (0..65_535).map(|_| ("a".to_owned(), None));
        let rows = Rows::new(columns, &Ledger::unbounded()).unwrap();
        let last = rows.columns.last().map(|column| column.name.as_str());
        assert_eq!(last, Some("a_65535"));
    }
}
