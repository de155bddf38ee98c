//! Recorded answers, for a script that is not the recorded one.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use super::recorded::{Numbered, Recorded};
use crate::event::{Answer, Question};

/// The questions of a recording in their order, each with its answer.
pub(super) struct Answers(Mutex<Inner>);

struct Inner {
    questions: Vec<(Numbered<Question>, Option<Answer>)>,
    /// Places of questions that are alike, and were not asked yet.
    alike: HashMap<String, VecDeque<usize>>,
    /// Places of questions by instance and operation.
    by_operation: HashMap<(u32, u64), usize>,
    asked: Vec<bool>,
}

impl Answers {
    /// Those of a recording, but for calls of the tools that something else answers.
    pub(super) fn of(recorded: &Recorded, stubbed: &[String]) -> Self {
        let instances = recorded.instances.iter().zip(0_u32..);
        let all = instances.flat_map(|(instance, number)| {
            let asked = instance.asked.iter();
            asked.map(move |(id, question)| {
                let answer = instance.answered.get(id).cloned();
                ((number, *id), (question.clone(), answer))
            })
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, (question, _))| question.event);
        let (operations, questions): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let mut alike: HashMap<_, VecDeque<_>> = HashMap::new();
        for (at, (question, _)) in questions.iter().enumerate() {
            alike.entry(key(&question.it)).or_default().push_back(at);
        }
        Self(Mutex::new(Inner {
            asked: questions
                .iter()
                .map(|(it, _)| is_of(&it.it, stubbed))
                .collect(),
            by_operation: operations.into_iter().zip(0..).collect(),
            questions,
            alike,
        }))
    }

    /// The answer to a question of an operation: that of the same operation, if it asked the same, else that of the first
    /// such question that was not asked yet. None where there is none.
    pub(super) fn take_of(
        &self,
        operation: Option<(u32, u64)>,
        question: &Question,
    ) -> Option<Answer> {
        let same = {
            let mut inner = self.0.lock();
            let at = operation.and_then(|it| inner.by_operation.get(&it).copied());
            at.and_then(|at| inner.take_at(at, question))
        };
        same.or_else(|| self.take(question).ok().flatten())
    }

    /// The answer to a question; else the first question that was not asked yet.
    pub(super) fn take(
        &self,
        question: &Question,
    ) -> Result<Option<Answer>, Option<Numbered<Question>>> {
        let mut inner = self.0.lock();
        let Inner { alike, asked, .. } = &mut *inner;
        let alike = alike.get_mut(&key(question));
        let found = alike.and_then(|alike| {
            let is_left = |at: &usize| asked.get(*at) == Some(&false);
            let found = alike.iter().position(is_left)?;
            alike.drain(..=found).next_back()
        });
        match found {
            Some(at) => {
                if let Some(asked) = inner.asked.get_mut(at) {
                    *asked = true;
                }
                Ok(inner
                    .questions
                    .get(at)
                    .and_then(|(_, answer)| answer.clone()))
            }
            None => Err(inner.left()),
        }
    }

    /// The first call that was not made.
    pub(super) fn left(&self) -> Option<Numbered<Question>> {
        self.0.lock().left()
    }
}

fn is_of(question: &Question, names: &[String]) -> bool {
    matches!(question, Question::Call { name, .. } if names.contains(name))
}

impl Inner {
    /// The answer at a place, if that question was not asked yet, and is this one.
    fn take_at(&mut self, at: usize, question: &Question) -> Option<Answer> {
        let (recorded, answer) = self.questions.get(at)?;
        let asked = self.asked.get_mut(at).filter(|asked| !**asked)?;
        if key(&recorded.it) != key(question) {
            return None;
        }
        *asked = true;
        answer.clone()
    }

    fn left(&self) -> Option<Numbered<Question>> {
        let asked = self.asked.iter().zip(&self.questions);
        let calls = asked.filter(|(asked, (question, _))| {
            let is_call = matches!(
                question.it,
                Question::Call { .. } | Question::Capability { .. }
            );
            !**asked && is_call
        });
        calls.map(|(_, (question, _))| question.clone()).next()
    }
}

/// The same for questions that are alike: members of objects have no order.
fn key(question: &Question) -> String {
    let sorted = |json: &str| {
        let value = serde_json::from_str::<serde_json::Value>(json);
        value.map_or_else(
            |_| json.to_owned(),
            |mut value| {
                value.sort_all_objects();
                value.to_string()
            },
        )
    };
    match question {
        Question::Call { name, arguments } => format!("call {name} {}", sorted(arguments)),
        Question::Capability {
            capability,
            request,
        } => format!("{capability} {}", sorted(request)),
        other => format!("{other:?}"),
    }
}
