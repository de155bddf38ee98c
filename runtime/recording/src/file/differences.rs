//! Clock readings as differences from the one before: small numbers, which compress.

use crate::event::Event;

/// The last reading of each clock, as the writer and the reader know it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Differences {
    wall: u64,
    monotonic: u64,
    at: u64,
}

impl Differences {
    /// The event as the file has it, where that is another. The wall clock begins with what the head says, the others with 0.
    pub(super) fn taken(&mut self, event: &Event) -> Option<Event> {
        match event {
            Event::Head(head) => {
                self.wall = head.began;
                None
            }
            Event::Wall {
                instance,
                nanoseconds,
            } => Some(Event::Wall {
                instance: *instance,
                nanoseconds: taken(&mut self.wall, *nanoseconds),
            }),
            Event::Monotonic {
                instance,
                nanoseconds,
            } => Some(Event::Monotonic {
                instance: *instance,
                nanoseconds: taken(&mut self.monotonic, *nanoseconds),
            }),
            Event::HandedOver {
                instance,
                ids,
                changed,
                at,
            } => Some(Event::HandedOver {
                instance: *instance,
                ids: ids.clone(),
                changed: changed.clone(),
                at: taken(&mut self.at, *at),
            }),
            _ => None,
        }
    }

    /// Makes the event that [`Self::taken`] was given of what it made.
    pub(super) fn added(&mut self, event: &mut Event) {
        match event {
            Event::Head(head) => self.wall = head.began,
            Event::Wall { nanoseconds, .. } => added(&mut self.wall, nanoseconds),
            Event::Monotonic { nanoseconds, .. } => added(&mut self.monotonic, nanoseconds),
            Event::HandedOver { at, .. } => added(&mut self.at, at),
            _ => {}
        }
    }
}

/// The difference modulo 2^64, those below zero between the others: 0, -1, 1, -2, 2.
fn taken(last: &mut u64, now: u64) -> u64 {
    let difference = now.wrapping_sub(*last);
    *last = now;
    let is_negative = difference >> 63 == 1;
    (difference << 1) ^ if is_negative { u64::MAX } else { 0 }
}

fn added(last: &mut u64, stored: &mut u64) {
    let difference = (*stored >> 1) ^ if *stored & 1 == 1 { u64::MAX } else { 0 };
    *last = last.wrapping_add(difference);
    *stored = *last;
}
