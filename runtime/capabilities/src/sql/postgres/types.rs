//! Types of PostgreSQL, as far as JSON cares.

use std::num::NonZeroUsize;

use lru::LruCache;

/// A type by the server's number for it.
pub(super) type Oid = u32;

/// What values of a type become in JSON, and from what JSON they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    /// Unsigned, of 32 bits.
    Oid,
    /// Of 32 or 64 bits.
    Float,
    Numeric,
    Text,
    Bytes,
    Json,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    TimeTz,
    Interval,
    Uuid,
    /// As the server writes it and reads it.
    Other,
}

/// A type with its name.
#[derive(Clone, Debug)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) scalar: Scalar,
    /// What stands between the elements of an array; none if it is no array.
    pub(super) delimiter: Option<u8>,
}

/// Number, name, kind, number of the array: from `pg_type.dat`, where they are fixed.
const BUILT_IN: [(Oid, &str, Scalar, Oid); 23] = [
    (16, "bool", Scalar::Bool, 1000),
    (17, "bytea", Scalar::Bytes, 1001),
    (18, "char", Scalar::Text, 1002),
    (19, "name", Scalar::Text, 1003),
    (20, "int8", Scalar::Int8, 1016),
    (21, "int2", Scalar::Int2, 1005),
    (23, "int4", Scalar::Int4, 1007),
    (25, "text", Scalar::Text, 1009),
    (26, "oid", Scalar::Oid, 1028),
    (114, "json", Scalar::Json, 199),
    (700, "float4", Scalar::Float, 1021),
    (701, "float8", Scalar::Float, 1022),
    (1042, "bpchar", Scalar::Text, 1014),
    (1043, "varchar", Scalar::Text, 1015),
    (1082, "date", Scalar::Date, 1182),
    (1083, "time", Scalar::Time, 1183),
    (1114, "timestamp", Scalar::Timestamp, 1115),
    (1184, "timestamptz", Scalar::TimestampTz, 1185),
    (1186, "interval", Scalar::Interval, 1187),
    (1266, "timetz", Scalar::TimeTz, 1270),
    (1700, "numeric", Scalar::Numeric, 1231),
    (2950, "uuid", Scalar::Uuid, 2951),
    (3802, "jsonb", Scalar::Json, 3807),
];

/// Most types that a database defines itself and that are remembered.
const MAX_LEARNED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The types that are known: those of every server, and those that one was asked for.
#[derive(Debug)]
pub(super) struct Types {
    learned: LruCache<Oid, Type>,
}

impl Default for Types {
    fn default() -> Self {
        Self {
            learned: LruCache::new(MAX_LEARNED),
        }
    }
}

impl Types {
    /// A type, if it is known.
    pub(super) fn get(&mut self, oid: Oid) -> Option<Type> {
        built_in(oid).or_else(|| self.learned.get(&oid).cloned())
    }

    /// Remembers a type.
    pub(super) fn learn(&mut self, oid: Oid, found: Type) {
        self.learned.put(oid, found);
    }
}

fn built_in(oid: Oid) -> Option<Type> {
    let of = |name: &str, scalar, delimiter: Option<u8>| Type {
        name: match delimiter {
            Some(_) => format!("{name}[]"),
            None => name.to_owned(),
        },
        scalar,
        delimiter,
    };
    BUILT_IN
        .iter()
        .find_map(|&(scalar_oid, name, scalar, array_oid)| {
            if oid == scalar_oid {
                Some(of(name, scalar, None))
            } else if oid == array_oid {
                Some(of(name, scalar, Some(b',')))
            } else {
                None
            }
        })
}

/// What a type of a database's own is like: it is the kind of a built-in one, or text.
pub(super) fn scalar(base: Oid) -> Scalar {
    match built_in(base) {
        Some(Type {
            scalar,
            delimiter: None,
            ..
        }) => scalar,
        _ => Scalar::Other,
    }
}

/// Asks for types by number: number, name, number of the type that it is made of (a domain's
/// base), the same of its elements (0 for what is no array), and their delimiter.
///
/// Two kinds of vectors look like arrays and are written otherwise; `typarray` tells them apart.
pub(super) fn question(oids: &[Oid]) -> String {
    let numbers: Vec<String> = oids.iter().map(Oid::to_string).collect();
    format!(
        "SELECT t.oid, pg_catalog.format_type(t.oid, NULL), \
         CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, \
         CASE e.typtype WHEN 'd' THEN e.typbasetype ELSE COALESCE(e.oid, 0) END, \
         COALESCE(e.typdelim, ',') \
         FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid \
         WHERE t.oid IN ({})",
        numbers.join(", ")
    )
}

/// The type that a row of the answer tells of.
pub(super) fn described(row: &[Option<String>]) -> Option<(Oid, Type)> {
    let [oid, name, base, element, delimiter] = row else {
        return None;
    };
    let number = |text: &Option<String>| text.as_ref()?.parse::<Oid>().ok();
    let (oid, base, element) = (number(oid)?, number(base)?, number(element)?);
    let found = match element {
        0 => Type {
            name: name.clone()?,
            scalar: scalar(base),
            delimiter: None,
        },
        element => Type {
            name: name.clone()?,
            scalar: scalar(element),
            delimiter: delimiter.as_ref()?.bytes().next(),
        },
    };
    Some((oid, found))
}

impl Type {
    /// A type that the server does not know any more.
    pub(super) fn unknown(oid: Oid) -> Self {
        Self {
            name: oid.to_string(),
            scalar: Scalar::Other,
            delimiter: None,
        }
    }
}
