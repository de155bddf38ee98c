//! A table of what a run asked for.

use std::collections::HashMap;

use serde::Deserialize;

use crate::event::{Answer, Event, Question};

/// What a run asked the host of tools for, and how that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number of the event with which it was asked. A replay that stops before this event has not asked for it.
    pub event: u64,
    /// The instance that asked: 0 is the script.
    pub instance: u32,
    /// The tool, as the script spelled it, or what else was asked.
    pub name: String,
    /// Its arguments: JSON, or words.
    pub arguments: String,
    /// How it ended.
    pub ended: Ended,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Answered {
        /// The number of the event.
        event: u64,
        /// Bytes of the answer, as JSON.
        bytes: usize,
    },
    /// With an error.
    Failed {
        /// The number of the event.
        event: u64,
        /// Bytes of the error, as JSON.
        bytes: usize,
        /// Its kind, `tool-failed` for one.
        kind: String,
    },
    /// The script gave up on it before.
    GivenUp {
        /// The number of the event.
        event: u64,
    },
    /// The recording has no answer.
    Unanswered,
}

/// All that was asked, in that order.
pub fn calls(events: &[Event]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: HashMap<(u32, u64), usize> = HashMap::new();
    for (number, event) in (0_u64..).zip(events) {
        let (of, ended) = match event {
            Event::Asked {
                instance,
                id,
                question,
            } => {
                let (name, arguments) = words(question);
                open.insert((*instance, *id), calls.len());
                calls.push(Call {
                    event: number,
                    instance: *instance,
                    name,
                    arguments,
                    ended: Ended::Unanswered,
                });
                continue;
            }
            Event::Answered {
                instance,
                id,
                answer,
            } => ((*instance, *id), answered(number, answer)),
            Event::GaveUp { instance, id } => ((*instance, *id), Ended::GivenUp { event: number }),
            // The next run of a session: its instances have the same numbers.
            Event::Head(_) => {
                open.clear();
                continue;
            }
            _ => continue,
        };
        let call = open.remove(&of).and_then(|it| calls.get_mut(it));
        if let Some(call) = call {
            call.ended = ended;
        }
    }
    calls
}

fn words(question: &Question) -> (String, String) {
    match question {
        Question::Call { name, arguments } => (name.clone(), arguments.clone()),
        Question::Namespace(name) => ("(namespace)".to_owned(), name.clone()),
        Question::Known(name) => ("(known)".to_owned(), name.clone()),
        Question::Search { query, .. } => ("(search)".to_owned(), query.clone()),
        Question::Describe(names) => ("(describe)".to_owned(), names.join(", ")),
        Question::Capability {
            capability,
            request,
        } => (format!("({capability})"), request.clone()),
    }
}

fn answered(event: u64, answer: &Answer) -> Ended {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    match answer {
        Answer::Ok(json) => Ended::Answered {
            event,
            bytes: json.len(),
        },
        Answer::Err(json) => Ended::Failed {
            event,
            bytes: json.len(),
            kind: serde_json::from_str(json)
                .map_or_else(|_| "error".to_owned(), |it: Kind| it.kind),
        },
    }
}

const HEADS: [&str; 6] = ["event", "call", "arguments", "ended", "at", "bytes"];

/// Columns of arguments that are there however narrow the table is to be.
const ARGUMENTS: usize = 20;

/// Columns of names, which are shown to their end up to here.
const NAME: usize = 40;

/// The calls as a table that is so many columns wide. Arguments are cut to what is left of a line.
pub fn table(calls: &[Call], columns: usize) -> String {
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(calls.iter().map(row));
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let others: usize = widths.iter().sum::<usize>() - widths[2] + 2 * (widths.len() - 1);
    widths[2] = widths[2].min(columns.saturating_sub(others).max(ARGUMENTS));
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = cut(cell, width);
            // Numbers stand at the right.
            match at {
                0 | 4 | 5 => line.push_str(&format!("{cell:>width$}  ")),
                _ => line.push_str(&format!("{cell:<width$}  ")),
            }
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn row(call: &Call) -> [String; 6] {
    let (ended, at, bytes) = match &call.ended {
        Ended::Answered { event, bytes } => ("ok".to_owned(), Some(*event), Some(*bytes)),
        Ended::Failed { event, bytes, kind } => (plain(kind), Some(*event), Some(*bytes)),
        Ended::GivenUp { event } => ("given up".to_owned(), Some(*event), None),
        Ended::Unanswered => ("no answer".to_owned(), None, None),
    };
    let mut name = plain(&call.name);
    if call.instance > 0 {
        name = format!("{name} [{}]", call.instance);
    }
    [
        call.event.to_string(),
        cut(&name, NAME),
        plain(&call.arguments),
        cut(&ended, NAME),
        at.map(|it| it.to_string()).unwrap_or_default(),
        bytes.map(|it| it.to_string()).unwrap_or_default(),
    ]
}

/// Text of one line that a terminal does nothing but show.
fn plain(text: &str) -> String {
    // No line of a terminal shows more.
    let shown = text.chars().take(1_000);
    let plain = shown.map(|it| if is_harmless(it) { it } else { '\u{fffd}' });
    plain.collect()
}

fn is_harmless(character: char) -> bool {
    // What turns the direction of text around would show arguments as others than they are.
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !turns
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept = text.chars().take(columns.saturating_sub(1));
    kept.chain(['\u{2026}']).collect()
}
