//! The way through all of a recording that rules look at.

use serde_json::{Map, Number, Value};

use crate::event::{Answer, Body, Entry, Event, Head, Question};

/// JSON in texts of JSON is looked into so deep.
const DEPTH: usize = 4;

/// What looks at values, and may change them. `way` leads to a value of JSON, where its place may count; it is none for
/// texts that have no place.
pub(super) trait Visitor {
    /// A text. True if its place decided, so that nothing in it counts.
    fn text(&mut self, text: &mut String, way: Option<&[String]>) -> bool;

    /// Bytes.
    fn bytes(&mut self, bytes: &mut Vec<u8>);

    /// Bytes of one text, in pieces.
    fn pieces(&mut self, pieces: &mut [&mut Vec<u8>]);

    /// A number of JSON: what it becomes, if that is another.
    fn number(&mut self, number: &Number, way: Option<&[String]>) -> Option<Value>;
}

/// Visits all of a recording, in its order; what was printed, which may be divided anywhere, at the end of each run.
pub(super) fn walk(events: &mut [Event], visitor: &mut dyn Visitor) {
    for run in events.chunk_by_mut(|_, next| !matches!(next, Event::Head(_))) {
        for event in &mut *run {
            visit(event, visitor);
        }
        for printed in [1, 2] {
            let pieces = run.iter_mut().filter_map(|event| match event {
                Event::Printed { stream, bytes } if *stream == printed => Some(&mut bytes.0),
                _ => None,
            });
            visitor.pieces(&mut pieces.collect::<Vec<_>>());
        }
    }
}

fn visit(event: &mut Event, visitor: &mut dyn Visitor) {
    match event {
        Event::Head(it) => head(it, visitor),
        Event::Captured { entry: it, .. } | Event::Written { entry: it, .. } => entry(it, visitor),
        Event::Removed { path, .. } => plain(path, visitor),
        Event::Asked { question: it, .. } => question(it, visitor),
        Event::Answered { answer: it, .. } => answer(it, visitor),
        Event::HandedOver { changed, .. } => texts(changed, visitor),
        Event::End(end) => {
            report(&mut end.report, visitor);
            for (name, _digest) in &mut end.tools {
                plain(name, visitor);
            }
        }
        Event::Child { .. }
        | Event::Began { .. }
        | Event::GaveUp { .. }
        | Event::Left { .. }
        | Event::Wall { .. }
        | Event::Monotonic { .. }
        | Event::Printed { .. } => {}
    }
}

/// A text without a place.
fn plain(text: &mut String, visitor: &mut dyn Visitor) {
    visitor.text(text, None);
}

fn texts(texts: &mut [String], visitor: &mut dyn Visitor) {
    texts.iter_mut().for_each(|it| plain(it, visitor));
}

/// A text that may be JSON, whose members then have their places.
fn document(text: &mut String, visitor: &mut dyn Visitor) {
    Way(Some(Vec::new())).inner(text, visitor, 0);
}

/// The same of bytes.
fn file(bytes: &mut Vec<u8>, visitor: &mut dyn Visitor) {
    match String::from_utf8(std::mem::take(bytes)) {
        Ok(mut text) => {
            document(&mut text, visitor);
            *bytes = text.into_bytes();
        }
        Err(error) => {
            *bytes = error.into_bytes();
            visitor.bytes(bytes);
        }
    }
}

/// A word of a command line: of a variable and its value (`-e NAME=VALUE`), the name is the value's place.
fn word(word: &mut String, visitor: &mut dyn Visitor) {
    let flag = if word.starts_with("--env=") {
        "--env="
    } else {
        ""
    };
    let variable = word.get(flag.len()..).and_then(|it| it.split_once('='));
    if let Some((name, value)) = variable {
        let mut value = value.to_owned();
        if visitor.text(&mut value, Some(&[name.to_owned()])) {
            *word = format!("{flag}{name}={value}");
        }
    }
    plain(word, visitor);
}

fn head(head: &mut Head, visitor: &mut dyn Visitor) {
    head.command.iter_mut().for_each(|it| word(it, visitor));
    plain(&mut head.name, visitor);
    plain(&mut head.source, visitor);
    head.args.iter_mut().for_each(|it| document(it, visitor));
    for (name, value) in &mut head.env {
        Way(Some(vec![name.clone()])).inner(value, visitor, 0);
        plain(name, visitor);
    }
    let paths = [&mut head.path, &mut head.workdir];
    for path in paths.into_iter().flatten() {
        plain(path, visitor);
    }
    for path in &mut head.packages {
        plain(path, visitor);
    }
    file(&mut head.stdin.0, visitor);
    for mount in &mut head.mounts {
        plain(&mut mount.guest, visitor);
    }
    texts(&mut head.namespaces, visitor);
}

fn entry(entry: &mut Entry, visitor: &mut dyn Visitor) {
    plain(&mut entry.path, visitor);
    match &mut entry.body {
        Body::File(bytes) => file(&mut bytes.0, visitor),
        Body::Link(path) | Body::Same(path) => plain(path, visitor),
        Body::Mount { names, paths, .. } => {
            texts(names, visitor);
            texts(paths, visitor);
        }
        Body::Folder => {}
    }
}

fn question(question: &mut Question, visitor: &mut dyn Visitor) {
    match question {
        Question::Call { name, arguments } => {
            plain(name, visitor);
            within(arguments, visitor, place);
        }
        Question::Capability { request, .. } => within(request, visitor, place),
        Question::Namespace(name) | Question::Known(name) => plain(name, visitor),
        Question::Search { query, .. } => plain(query, visitor),
        Question::Describe(names) => texts(names, visitor),
    }
}

/// An answer, by its form: those of calls and capabilities have values whose place counts, and descriptions of tools, whose
/// members are names of arguments, do not.
fn answer(answer: &mut Answer, visitor: &mut dyn Visitor) {
    match answer {
        Answer::Ok(json) => within(json, visitor, |value, visitor| match value {
            Value::Object(members) if members.contains_key("bytes") => {
                members_of(members, &["value", "content", "notes"], visitor);
            }
            Value::String(_) => place(value, visitor),
            other => Way(None).value(other, visitor, 0),
        }),
        Answer::Err(json) => within(json, visitor, |value, visitor| {
            if let Value::Object(error) = value {
                members_of(error, &["message", "data"], visitor);
            }
        }),
    }
}

/// Members of an object, each the top of a way.
fn members_of(members: &mut Map<String, Value>, keys: &[&str], visitor: &mut dyn Visitor) {
    for key in keys {
        members
            .get_mut(*key)
            .into_iter()
            .for_each(|it| place(it, visitor));
    }
}

/// Members of an object that are texts without a place.
fn texts_of(members: &mut Map<String, Value>, keys: &[&str], visitor: &mut dyn Visitor) {
    for key in keys {
        if let Some(Value::String(text)) = members.get_mut(*key) {
            plain(text, visitor);
        }
    }
}

/// A report: what the script put into it, and nothing that counts.
fn report(json: &mut String, visitor: &mut dyn Visitor) {
    within(json, visitor, |value, visitor| {
        let Value::Object(members) = value else {
            return;
        };
        members_of(members, &["value"], visitor);
        texts_of(members, &["stdout", "stderr"], visitor);
        if let Some(Value::Object(error)) = members.get_mut("error") {
            let texts = ["type", "message", "traceback", "file"];
            texts_of(error, &texts, visitor);
        }
        for (list, texts) in [
            ("calls", ["name"].as_slice()),
            ("artifacts", &["data", "name"]),
        ] {
            let items = members.get_mut(list).and_then(Value::as_array_mut);
            let items = items.into_iter().flatten();
            for item in items.filter_map(Value::as_object_mut) {
                texts_of(item, texts, visitor);
            }
        }
    });
}

/// Visits JSON that is kept as text. It stays as it is written unless something in it changes.
fn within(
    json: &mut String,
    visitor: &mut dyn Visitor,
    visit: impl FnOnce(&mut Value, &mut dyn Visitor),
) {
    let Ok(before) = serde_json::from_str::<Value>(json) else {
        return plain(json, visitor);
    };
    let mut value = before.clone();
    visit(&mut value, visitor);
    if value != before {
        // In front of an integer that is longer than JavaScript's stands a space.
        let space = json.len().saturating_sub(json.trim_start().len());
        *json = format!("{}{value}", " ".repeat(space));
    }
}

/// Visits a value whose place counts, from its top.
fn place(value: &mut Value, visitor: &mut dyn Visitor) {
    Way(Some(Vec::new())).value(value, visitor, 0);
}

fn may_be_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The JSON document that a text is; or those of its lines, if each is one, an object or an array, or empty.
fn documents(text: &str) -> Option<Vec<Option<Value>>> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(vec![Some(value)]);
    }
    let documents = text.split_inclusive('\n').map(|line| {
        if line.trim().is_empty() {
            return Some(None);
        }
        let document = may_be_json(line).then(|| serde_json::from_str(line).ok());
        document.flatten().map(Some)
    });
    documents.collect()
}

/// The names that lead to a value; none where they do not count.
struct Way(Option<Vec<String>>);

impl Way {
    fn value(&mut self, value: &mut Value, visitor: &mut dyn Visitor, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let other = visitor.number(number, self.0.as_deref());
                if let Some(other) = other {
                    *value = other;
                }
            }
            Value::String(text) => self.text(text, visitor, depth),
            Value::Array(items) => {
                let are_headers = self
                    .last()
                    .is_some_and(|it| it.eq_ignore_ascii_case("headers"));
                for (at, item) in items.iter_mut().enumerate() {
                    match item.as_array_mut().map(Vec::as_mut_slice) {
                        // A header of a request or an answer: its name and its value.
                        Some([Value::String(name), header @ Value::String(_)]) if are_headers => {
                            let name = name.clone();
                            self.inside(name, |way| way.value(header, visitor, depth));
                        }
                        _ => self.inside(at.to_string(), |way| way.value(item, visitor, depth)),
                    }
                }
            }
            Value::Object(members) => {
                let mut visited = Map::new();
                for (mut key, mut member) in std::mem::take(members) {
                    self.inside(key.clone(), |way| way.value(&mut member, visitor, depth));
                    plain(&mut key, visitor);
                    visited.insert(key, member);
                }
                *members = visited;
            }
        }
    }

    fn text(&mut self, text: &mut String, visitor: &mut dyn Visitor, depth: usize) {
        let encoded = self
            .last()
            .is_some_and(|it| it == "bytes")
            .then(|| text.clone());
        if let Some(bytes) = encoded.and_then(|it| data_encoding::BASE64.decode(it.as_bytes()).ok())
            && let Ok(mut inner) = String::from_utf8(bytes)
        {
            let before = inner.clone();
            self.inner(&mut inner, visitor, depth);
            if inner != before {
                *text = data_encoding::BASE64.encode(inner.as_bytes());
            }
            return;
        }
        self.inner(text, visitor, depth);
    }

    /// A text that may be JSON itself, or several documents, one a line.
    fn inner(&mut self, text: &mut String, visitor: &mut dyn Visitor, depth: usize) {
        let may_be = may_be_json(text) && depth < DEPTH;
        let documents = may_be.then(|| documents(text)).flatten();
        let whole = text.clone();
        let is_decided = visitor.text(text, self.0.as_deref());
        let Some(before) = documents.filter(|_| !is_decided) else {
            return;
        };
        let mut values = before.clone();
        for value in values.iter_mut().flatten() {
            let mut way = Self(self.0.as_ref().map(|_| Vec::new()));
            way.value(value, visitor, depth.saturating_add(1));
        }
        if values == before {
            return;
        }
        // A text stays as it is written where that is enough.
        let is_enough = |text: &str, value: &Value| {
            serde_json::from_str::<Value>(text).is_ok_and(|it| it == *value)
        };
        let parts = |text: &str| -> Vec<String> {
            match before.len() {
                1 => vec![text.to_owned()],
                _ => text.split_inclusive('\n').map(str::to_owned).collect(),
            }
        };
        let originals = parts(&whole);
        let mut now = parts(text);
        let is_over_lines = now.len() != originals.len();
        if is_over_lines {
            now.clone_from(&originals);
        }
        let lines = now
            .iter_mut()
            .zip(&originals)
            .zip(values.iter().zip(&before));
        for ((now, original), (value, before)) in lines {
            if let (Some(value), true) = (value, value != before)
                && (now == original || !is_enough(now, value))
            {
                let space = |text: &str| original.len().saturating_sub(text.len());
                let head = space(original.trim_start());
                let tail = original
                    .get(original.trim_end().len()..)
                    .unwrap_or_default();
                *now = format!(
                    "{}{value}{}",
                    " ".repeat(head),
                    if originals.len() == 1 { "" } else { tail }
                );
            }
        }
        *text = now.concat();
        if is_over_lines {
            // What a pattern hits in more than one line.
            visitor.text(text, None);
        }
    }

    fn last(&self) -> Option<&String> {
        self.0.as_ref()?.last()
    }

    fn inside(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        if let Some(names) = &mut self.0 {
            names.push(name);
        }
        visit(self);
        if let Some(names) = &mut self.0 {
            names.pop();
        }
    }
}
