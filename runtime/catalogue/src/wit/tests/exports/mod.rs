//! What components export, as tools: the inverse of everything else here.

mod adversarial;
mod forward;
mod generator;
mod mapping;
mod round_trip;

use super::super::exports::{Field, Labels, Record, Type};

/// A record without a name.
fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Type)>) -> Type {
    Type::Record(Record {
        fields: fields
            .into_iter()
            .map(|(label, of)| field(label, of))
            .collect(),
        ..Record::default()
    })
}

fn field(label: &str, of: Type) -> Field {
    Field {
        label: label.to_owned(),
        of,
        docs: None,
    }
}

/// The labels of an enum, or of flags.
fn labels<'a>(labels: impl IntoIterator<Item = &'a str>) -> Labels {
    Labels {
        labels: labels.into_iter().map(str::to_owned).collect(),
        ..Labels::default()
    }
}

fn option(of: Type) -> Type {
    Type::Option(Box::new(of))
}

fn list(of: Type) -> Type {
    Type::List(Box::new(of))
}
