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
    asked: Vec<bool>,
}

impl Answers {
    pub(super) fn of(recorded: &Recorded) -> Self {
        let instances = recorded.instances.iter();
        let all = instances.flat_map(|instance| {
            let asked = instance.asked.iter();
            asked.map(|(id, question)| (question.clone(), instance.answered.get(id).cloned()))
        });
        let mut questions: Vec<_> = all.collect();
        questions.sort_by_key(|(question, _)| question.event);
        let mut alike: HashMap<_, VecDeque<_>> = HashMap::new();
        for (at, (question, _)) in questions.iter().enumerate() {
            alike.entry(key(&question.it)).or_default().push_back(at);
        }
        Self(Mutex::new(Inner {
            asked: vec![false; questions.len()],
            questions,
            alike,
        }))
    }

    /// The answer to a question; else the first question that was not asked yet.
    pub(super) fn take(
        &self,
        question: &Question,
    ) -> Result<Option<Answer>, Option<Numbered<Question>>> {
        let mut inner = self.0.lock();
        let found = inner
            .alike
            .get_mut(&key(question))
            .and_then(VecDeque::pop_front);
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

impl Inner {
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
