//! The answer to a query, written as it arrives and bounded before it is kept.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Failure;

/// Most rows of one answer.
pub(super) const MAX_ROWS: usize = 100_000;

/// Most bytes of one answer, as JSON.
pub(super) const MAX_ANSWER: usize = 32 << 20;

/// `{"rows": [..], "columns": [..]}`.
#[derive(Debug)]
pub(super) struct Rows {
    out: Vec<u8>,
    count: usize,
    columns: Vec<Column>,
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
    /// No rows yet, of columns with these names and types.
    ///
    /// Rows become objects: of two columns of one name, the second is `name_2`.
    pub(super) fn new(columns: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut names = Names::default();
        Self {
            out: b"{\"rows\":[".to_vec(),
            count: 0,
            columns: columns
                .into_iter()
                .map(|(name, declared)| Column {
                    name: names.unique(name),
                    declared,
                    is_bytes: false,
                    has_whole_real: false,
                    has_integer: false,
                })
                .collect(),
        }
    }

    /// Adds a row; `cell` writes the value of the column with that index.
    ///
    /// # Errors
    ///
    /// When the answer has too many rows or bytes, or a value cannot be written.
    pub(super) fn add(
        &mut self,
        mut cell: impl FnMut(usize, &mut Cell<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.count >= MAX_ROWS {
            return Err(Failure::Limit(format!(
                "the answer has more than {MAX_ROWS} rows: use LIMIT, or aggregate"
            )));
        }
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count = self.count.saturating_add(1);
        self.out.push(b'[');
        for (index, column) in self.columns.iter_mut().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let out = &mut self.out;
            cell(index, &mut Cell { out, column })?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// The whole answer.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"],\"columns\":");
        let described: Vec<Value> = self.columns.iter().map(Column::described).collect();
        self.out
            .extend_from_slice(Value::from(described).to_string().as_bytes());
        self.out.push(b'}');
        self.out
    }
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
    out: &'a mut Vec<u8>,
    column: &'a mut Column,
}

impl Cell<'_> {
    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) -> Result<(), Failure> {
        self.fits(json.len())?;
        self.out.extend_from_slice(json.as_bytes());
        Ok(())
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
        self.fits(bytes.len())?;
        self.raw("{\"$bytes\":\"")?;
        self.raw(&STANDARD.encode(bytes))?;
        self.raw("\"}")
    }

    fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut *self.out, value)
            .map_err(|error| Failure::Database(error.to_string()))?;
        self.fits(0)
    }

    /// Whether so many more bytes may be written.
    fn fits(&self, more: usize) -> Result<(), Failure> {
        if self.out.len().saturating_add(more) > MAX_ANSWER {
            return Err(Failure::Limit(format!(
                "the answer has more than {MAX_ANSWER} bytes: ask for fewer columns or rows"
            )));
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
        let rows = Rows::new(columns);
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
        let rows = Rows::new((0..65_535).map(|_| ("a".to_owned(), None)));
        let last = rows.columns.last().map(|column| column.name.as_str());
        assert_eq!(last, Some("a_65535"));
    }
}
