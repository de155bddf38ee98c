//! Events as lines of JSON, for people and programs: `schemas/recording.schema.json` describes a line.

use data_encoding::{BASE64, HEXLOWER};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::event::{Answer, Body, End, Entry, Event, Head, Question, Rights};

/// How events are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Show {
    /// Longer texts are cut to so many bytes; what is left says how long they are. All are whole if there is none.
    pub longest: Option<usize>,
}

/// Operations of `wit/guest.wit`, from 1.
const OPERATIONS: [&str; 10] = [
    "call",
    "search",
    "describe",
    "namespaces",
    "namespace",
    "timer",
    "sql",
    "http",
    "files",
    "run",
];

/// The event of this number as a line of JSON, without the line's end.
pub fn line(number: u64, event: &Event, show: Show) -> String {
    let mut line = Line {
        text: "{".to_owned(),
        show,
    };
    line.value("event", &number);
    line.event(event);
    line.text.push('}');
    line.text
}

/// A line that is being written.
struct Line {
    text: String,
    show: Show,
}

impl Line {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Head(head) => self.head(head),
            Event::Captured { mount, entry } => self.entry("captured", *mount, entry),
            Event::Written { mount, entry } => self.entry("written", *mount, entry),
            Event::Removed { mount, path } => {
                self.kind("removed").value("mount", mount);
                self.text("path", path);
            }
            Event::Wall {
                instance,
                nanoseconds,
            } => self.clock("wall", *instance, *nanoseconds),
            Event::Monotonic {
                instance,
                nanoseconds,
            } => self.clock("monotonic", *instance, *nanoseconds),
            Event::Printed { stream, bytes } => {
                self.kind("printed").value("stream", stream);
                self.bytes("bytes", &bytes.0);
            }
            Event::End(end) => self.end(end),
            Event::Child { .. }
            | Event::Began { .. }
            | Event::GaveUp { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::HandedOver { .. }
            | Event::Left { .. } => self.operation(event),
        }
    }

    /// An event of an operation; nothing of others.
    #[expect(clippy::too_many_lines, reason = "a few lines for each kind of event")]
    fn operation(&mut self, event: &Event) {
        match event {
            Event::Child {
                parent,
                id,
                instance,
            } => {
                self.kind("child").value("parent", parent);
                self.value("id", id).value("instance", instance);
            }
            Event::Began {
                instance,
                id,
                operation,
                timer,
            } => {
                self.kind("began").of(*instance, *id);
                let index = usize::from(*operation).checked_sub(1);
                match index.and_then(|it| OPERATIONS.get(it)) {
                    Some(name) => self.value("operation", name),
                    None => self.value("operation", operation),
                };
                self.value("timer", timer);
            }
            Event::GaveUp { instance, id } => {
                self.kind("gave_up").of(*instance, *id);
            }
            Event::Asked {
                instance,
                id,
                question,
            } => {
                self.kind("asked").of(*instance, *id);
                self.question(question);
            }
            Event::Answered {
                instance,
                id,
                answer,
            } => {
                self.kind("answered").of(*instance, *id);
                match answer {
                    Answer::Ok(json) => self.json("ok", json),
                    Answer::Err(json) => self.json("error", json),
                };
            }
            Event::HandedOver {
                instance,
                ids,
                changed,
                at,
            } => {
                self.kind("handed_over").value("instance", instance);
                self.value("ids", ids).value("changed", changed);
                self.value("at", at);
            }
            Event::Left { instance, ids } => {
                self.kind("left").value("instance", instance);
                self.value("ids", ids);
            }
            _ => {}
        }
    }

    fn head(&mut self, head: &Head) {
        self.kind("head").value("wxmcp", &head.wxmcp);
        self.key("command").texts(&head.command);
        self.value("guest", &head.guest).value("name", &head.name);
        self.value("path", &head.path);
        self.value("language", &head.language);
        self.text("source", &head.source);
        self.key("args").texts(&head.args);
        self.value("in_session", &head.in_session);
        self.key("env").pairs(&head.env);
        self.value("workdir", &head.workdir);
        self.key("packages").texts(&head.packages);
        self.bytes("stdin", &head.stdin.0);
        self.value("mounts", &head.mounts);
        self.value("limits", &head.limits);
        self.value("seed", &HEXLOWER.encode(&head.seed));
        self.value("began", &head.began);
        self.value("namespaces", &head.namespaces);
    }

    fn entry(&mut self, kind: &str, mount: u32, entry: &Entry) {
        self.kind(kind).value("mount", &mount);
        self.text("path", &entry.path).value("mode", &entry.mode);
        self.value(
            "rights",
            match entry.rights {
                Rights::Owner => "owner",
                Rights::Group => "group",
                Rights::Others => "others",
                Rights::Root => "root",
            },
        );
        match &entry.body {
            Body::Folder => self.value("folder", &true),
            Body::File(bytes) => self.bytes("file", &bytes.0),
            Body::Link(target) => self.text("link", target),
            Body::Same(path) => self.text("same", path),
            Body::Mount {
                umask,
                names,
                paths,
            } => {
                self.value("umask", umask);
                self.key("protected_names").texts(names);
                self.key("protected_paths").texts(paths);
                self
            }
        };
    }

    fn question(&mut self, question: &Question) {
        match question {
            Question::Call { name, arguments } => {
                self.value("question", "call").text("name", name);
                self.json("arguments", arguments);
            }
            Question::Namespace(name) => {
                self.value("question", "namespace").text("name", name);
            }
            Question::Known(name) => {
                self.value("question", "known").text("name", name);
            }
            Question::Search {
                query,
                limit,
                detail,
            } => {
                self.value("question", "search").text("query", query);
                self.value("limit", limit).text("detail", detail);
            }
            Question::Describe(names) => {
                self.value("question", "describe").key("names");
                self.texts(names);
            }
            Question::Capability {
                capability,
                request,
            } => {
                self.value("question", "capability");
                self.text("capability", capability);
                self.json("request", request);
            }
        }
    }

    fn clock(&mut self, kind: &str, instance: u32, nanoseconds: u64) {
        self.kind(kind).value("instance", &instance);
        self.value("nanoseconds", &nanoseconds);
    }

    fn end(&mut self, end: &End) {
        self.kind("end").json("report", &end.report);
        self.key("tools").pairs(&end.tools);
    }

    fn kind(&mut self, kind: &str) -> &mut Self {
        self.value("kind", kind)
    }

    fn of(&mut self, instance: u32, id: u64) -> &mut Self {
        self.value("instance", &instance).value("id", &id)
    }

    fn key(&mut self, key: &str) -> &mut Self {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.put(key);
        self.text.push(':');
        self
    }

    /// Writes a value that has no large texts in it.
    fn value<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> &mut Self {
        self.key(key).put(value);
        self
    }

    fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Texts, numbers and lists of them have a form in JSON.
        let json = serde_json::to_string(value).unwrap_or_default();
        self.text.push_str(&json);
    }

    fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.key(key).whole_or_cut(text);
        self
    }

    /// A list of texts.
    fn texts(&mut self, texts: &[String]) {
        self.text.push('[');
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.whole_or_cut(text);
        }
        self.text.push(']');
    }

    /// A list of pairs.
    fn pairs(&mut self, pairs: &[(String, String)]) {
        self.text.push('[');
        for (at, (name, value)) in pairs.iter().enumerate() {
            self.text.push_str(if at > 0 { ",[" } else { "[" });
            self.whole_or_cut(name);
            self.text.push(',');
            self.whole_or_cut(value);
            self.text.push(']');
        }
        self.text.push(']');
    }

    /// Bytes: their text, or what base64 makes of them where they are none.
    fn bytes(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        self.key(key);
        match std::str::from_utf8(bytes) {
            Ok(text) => self.whole_or_cut(text),
            Err(_) => {
                let longest = self.show.longest.unwrap_or(bytes.len());
                let shown = bytes.get(..longest).unwrap_or(bytes);
                self.text.push_str("{\"base64\":");
                self.put(&BASE64.encode(shown));
                if shown.len() < bytes.len() {
                    self.about(bytes);
                }
                self.text.push('}');
            }
        }
        self
    }

    /// JSON as it is. What is none is a text, with another key.
    fn json(&mut self, key: &str, json: &str) -> &mut Self {
        if self.is_too_long(json) {
            return self.text(key, json);
        }
        let Ok(_valid) = serde_json::from_str::<&RawValue>(json) else {
            return self.text(&format!("{key}_text"), json);
        };
        // The ends of lines in JSON are between its parts.
        let one_line = json.trim().replace(['\n', '\r'], " ");
        self.key(key).text.push_str(&one_line);
        self
    }

    fn is_too_long(&self, text: &str) -> bool {
        self.show.longest.is_some_and(|most| text.len() > most)
    }

    fn whole_or_cut(&mut self, text: &str) {
        if !self.is_too_long(text) {
            return self.put(text);
        }
        let end = text.floor_char_boundary(self.show.longest.unwrap_or_default());
        self.text.push_str("{\"cut\":");
        self.put(text.get(..end).unwrap_or_default());
        self.about(text.as_bytes());
        self.text.push('}');
    }

    /// What all of a value is, of which a part is shown.
    fn about(&mut self, all: &[u8]) {
        self.value("bytes", &all.len());
        self.value("sha256", &HEXLOWER.encode(&Sha256::digest(all)));
    }
}
