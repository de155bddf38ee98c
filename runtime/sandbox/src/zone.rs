//! Local time of JavaScript: the engine knows no time zones, so it is told when the offset of
//! the one that `TZ` names changes.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Names of zones, and rules of POSIX, are short.
const LONGEST_NAME: usize = 100;

/// The years that are told: beyond them the offset stays as it is at their ends. Seconds
/// since 1970.
const YEARS: (i64, i64) = (-2_208_988_800, 4_133_980_800);

/// From when on which offset from UTC holds, and how it is called: milliseconds each, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Zone(Vec<(i64, i64, String)>);

impl Zone {
    /// The zone that a `TZ` names: one of the database, or rules of POSIX. None for UTC, and
    /// for what names none.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.strip_prefix(':').unwrap_or(name);
        if name.is_empty() || name.len() > LONGEST_NAME {
            return None;
        }
        let zone = TimeZone::get(name)
            .or_else(|_| TimeZone::posix(name))
            .ok()?;
        let (first, last) = YEARS;
        let start = Timestamp::from_second(first).ok()?;
        let info = zone.to_offset_info(start);
        let mut changes = vec![change(first, info.offset().seconds(), info.abbreviation())];
        for next in zone.following(start) {
            if next.timestamp().as_second() >= last {
                break;
            }
            let seconds = next.timestamp().as_second();
            let offset = next.offset().seconds();
            changes.push(change(seconds, offset, next.abbreviation()));
        }
        let is_utc = changes.iter().all(|(_, offset, _)| *offset == 0);
        (!is_utc).then_some(Self(changes))
    }
}

fn change(from: i64, offset: i32, name: &str) -> (i64, i64, String) {
    let milliseconds = |seconds: i64| seconds.saturating_mul(1000);
    (
        milliseconds(from),
        milliseconds(i64::from(offset)),
        name.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_when_the_database_says() {
        let Zone(berlin) = Zone::of("Europe/Berlin").unwrap();
        let summer = (1_711_846_800_000, 7_200_000, "CEST".to_owned());
        assert!(berlin.contains(&summer), "{berlin:?}");
        assert!(berlin.len() < 400);
        let Zone(rules) = Zone::of(":CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert!(rules.contains(&summer), "{rules:?}");
        let Zone(fixed) = Zone::of("<+0330>-3:30").unwrap();
        assert_eq!(fixed.last().map(|(_, offset, _)| *offset), Some(12_600_000));
        for name in [
            "",
            "UTC",
            "Etc/UTC",
            "UTC0",
            "Nowhere/At_All",
            "../../etc/passwd",
        ] {
            assert_eq!(Zone::of(name), None, "{name}");
        }
    }
}
