//! The labelled questions.

use anyhow::{Context, ensure};
use sha2::{Digest as _, Sha256};

/// One question, as a person would ask it.
pub(crate) struct Question {
    pub(crate) query: String,
    /// Full names of the tools that are good answers; none where nothing fits.
    pub(crate) fits: Vec<String>,
    pub(crate) half: Half,
}

/// What a question is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Tuning,
    HeldOut,
}

impl Half {
    /// By the first byte of the SHA-256: who adds a question cannot choose.
    fn of(query: &str) -> Self {
        match Sha256::digest(query.as_bytes())[0] % 2 {
            0 => Self::Tuning,
            _ => Self::HeldOut,
        }
    }
}

/// All questions of `queries.txt`.
pub(crate) fn read() -> anyhow::Result<Vec<Question>> {
    let mut questions = Vec::new();
    for line in include_str!("queries.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (query, fits) = line.split_once(" -> ").context("a line without ` -> `")?;
        let fits = match fits {
            "nothing" => Vec::new(),
            names => names.split(", ").map(str::to_owned).collect(),
        };
        questions.push(Question {
            half: Half::of(query),
            query: query.to_owned(),
            fits,
        });
    }
    let nothing = questions.iter().filter(|q| q.fits.is_empty()).count();
    ensure!(
        questions.len() - nothing >= 200 && nothing >= 30,
        "too few questions"
    );
    Ok(questions)
}
