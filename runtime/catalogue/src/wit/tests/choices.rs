//! Choices that `proptest` makes, for generators whose parts depend on each other.
//!
//! An instance depends on its schema and a value on its type, so no strategy generates both and shrinks well: a schema
//! that became smaller would begin its instance anew. Generators are functions here, which read choices one by one. A
//! failure is shrunk in the choices that it read: some are left out, others made smaller. Zero chooses what is simplest,
//! and so does a list that has ended.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::RngExt as _;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Most tries to make a failure smaller.
const TRIES: u32 = 5_000;

/// Holds a property of many cases, the same in each run.
pub(super) fn holds(cases: u32, mut property: impl FnMut(&mut Choices)) {
    let failure = failure(cases, &mut property);
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

/// What is wrong with the property, and the choices that are left of its first failure.
fn failure(cases: u32, property: &mut dyn FnMut(&mut Choices)) -> Option<String> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: TRIES,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let property = RefCell::new(property);
    let held = TestRunner::new_with_rng(config, rng).run(&AnyChoices, |mut choices| {
        (property.borrow_mut())(&mut choices);
        Ok(())
    });
    held.err().map(|error| error.to_string())
}

/// Choices that are to be made, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Choices(Rc<RefCell<Tape>>);

#[derive(Clone, Debug)]
struct Tape {
    made: Vec<u64>,
    read: usize,
    /// Makes further ones; not of a case that is being shrunk.
    more: Option<TestRng>,
}

impl Choices {
    fn of(made: Vec<u64>, more: Option<TestRng>) -> Self {
        Self(Rc::new(RefCell::new(Tape {
            made,
            read: 0,
            more,
        })))
    }

    pub(super) fn next(&mut self) -> u64 {
        let mut tape = self.0.borrow_mut();
        let read = tape.read;
        tape.read += 1;
        if let (true, Some(more)) = (read == tape.made.len(), &mut tape.more) {
            let choice = more.random();
            tape.made.push(choice);
        }
        tape.made.get(read).copied().unwrap_or_default()
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// True in so many of a hundred cases; false is simpler.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(super) fn integer(&mut self) -> i64 {
        let bits = 63 - self.below(64);
        i64::from_le_bytes(self.next().to_le_bytes()) >> bits
    }

    pub(super) fn float(&mut self) -> f64 {
        let float = match self.below(3) {
            0 => f64::from(i32::try_from(self.below(1_000)).unwrap()),
            1 => f64::from(i32::try_from(self.below(2_000)).unwrap() - 1_000) / 8.0,
            _ => f64::from_bits(self.next()),
        };
        if float.is_finite() { float } else { 0.5 }
    }
}

#[derive(Debug)]
struct AnyChoices;

impl Strategy for AnyChoices {
    type Tree = Shrinking;
    type Value = Choices;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Shrinking {
            tried: Choices::of(Vec::new(), Some(runner.new_rng())),
            failed: Vec::new(),
            next: Step::Remove { at: 0, count: 64 },
        })
    }
}

/// How a failure is made smaller.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// These choices are left out.
    Remove { at: usize, count: usize },
    /// This choice becomes zero.
    Zero { at: usize },
    /// It becomes small, without changing what is chosen of a hundred.
    Wrap { at: usize },
    /// It becomes smaller by so much, as long as the failure stays.
    Lower { at: usize, by: u64 },
}

#[derive(Debug)]
struct Shrinking {
    tried: Choices,
    /// The smallest that failed.
    failed: Vec<u64>,
    next: Step,
}

impl Shrinking {
    /// Tries the next step that changes anything.
    fn advance(&mut self) -> bool {
        while let Some(smaller) = self.smaller() {
            if smaller != self.failed {
                self.tried = Choices::of(smaller, None);
                return true;
            }
            self.skip();
        }
        false
    }

    /// The choices after the next step; nothing after the last.
    fn smaller(&self) -> Option<Vec<u64>> {
        let mut choices = self.failed.clone();
        match self.next {
            Step::Remove { at, count } => {
                let end = choices.len().min(at + count);
                choices.drain(at.min(end)..end);
            }
            Step::Zero { at } => *choices.get_mut(at)? = 0,
            Step::Wrap { at } => *choices.get_mut(at)? %= 1_000,
            Step::Lower { at, by } => {
                let choice = choices.get_mut(at)?;
                *choice = choice.saturating_sub(by);
            }
        }
        Some(choices)
    }

    /// The next step after one that was in vain.
    fn skip(&mut self) {
        self.next = match self.next {
            Step::Remove { at, count } if at + count < self.failed.len() => Step::Remove {
                at: at + count,
                count,
            },
            Step::Remove { count: 1, .. } => Step::Zero { at: 0 },
            Step::Remove { count, .. } => Step::Remove {
                at: 0,
                count: count / 4,
            },
            Step::Zero { at } => Step::Wrap { at },
            Step::Wrap { at } => Step::Lower { at, by: 500 },
            Step::Lower { at, by: 0 } => Step::Zero { at: at + 1 },
            Step::Lower { at, by } => Step::Lower { at, by: by / 2 },
        };
    }
}

impl ValueTree for Shrinking {
    type Value = Choices;

    fn current(&self) -> Choices {
        self.tried.0.borrow_mut().read = 0;
        self.tried.clone()
    }

    fn simplify(&mut self) -> bool {
        let tape = self.tried.0.borrow();
        self.failed = tape.made.iter().take(tape.read).copied().collect();
        drop(tape);
        self.advance()
    }

    fn complicate(&mut self) -> bool {
        self.skip();
        self.advance()
    }
}

/// What a failure of a generated case looks like: the smallest that fails, whatever the first one was.
#[test]
fn a_failure_is_shrunk_to_the_choices_that_it_needs() {
    let told = failure(100, &mut |choices| {
        let count = choices.below(50);
        let items: Vec<usize> = (0..count).map(|_| choices.below(1_000)).collect();
        assert!(
            items.iter().all(|it| *it < 70),
            "an item is large: {items:?}"
        );
    });
    let told = told.unwrap_or_default();
    assert!(told.contains("an item is large: [70]"), "{told}");
    let held = failure(100, &mut |choices| assert!(choices.below(50) < 50));
    assert_eq!(held, None);
}
