//! Texts that are cut to what a model reads, with words that say so.

/// Characters that the words about a cut take, at most.
pub(super) const WORDS: usize = 160;

/// Shares a budget: who needs less than an equal part leaves the rest to the others.
pub(super) fn shares(lengths: &[usize], budget: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|at| lengths.get(*at).copied().unwrap_or_default());
    let mut shares = vec![0; lengths.len()];
    let mut left = budget;
    for (position, at) in order.iter().enumerate() {
        let equal = left / lengths.len().saturating_sub(position).max(1);
        let share = lengths.get(*at).copied().unwrap_or_default().min(equal);
        if let Some(place) = shares.get_mut(*at) {
            *place = share;
        }
        left = left.saturating_sub(share);
    }
    shares
}

/// Which part of a text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The beginning.
    Head,
    /// The beginning and the end.
    Ends,
}

/// The text, in at most about `share` characters. Where it is cut, it says how many of how many characters are
/// shown, and that `whole` has them all.
pub(super) fn cut(text: &str, share: usize, keep: Keep, whole: &str) -> String {
    cut_by(|_| 1, text, share, keep, whole)
}

/// The same, where a character counts for as many as `weight` says.
pub(super) fn cut_by(
    weight: fn(char) -> usize,
    text: &str,
    share: usize,
    keep: Keep,
    whole: &str,
) -> String {
    if weighs_at_most(weight, text, share) {
        return text.to_owned();
    }
    let total = text.chars().count();
    let room = share.saturating_sub(WORDS);
    let (first, last) = match keep {
        Keep::Head => (head(weight, text, room), ""),
        Keep::Ends => {
            let end = room / 3;
            let first = head(weight, text, room.saturating_sub(end));
            let rest = text.get(first.len()..).unwrap_or_default();
            (first, tail(weight, rest, end))
        }
    };
    let shown = first.chars().count().saturating_add(last.chars().count());
    let words = format!("[cut: {shown} of {total} characters are shown; {whole} has all of it]");
    match keep {
        Keep::Head => format!("{first}\n{words}"),
        Keep::Ends => format!("{first}\n{words}\n{last}"),
    }
}

fn weighs_at_most(weight: fn(char) -> usize, text: &str, most: usize) -> bool {
    head(weight, text, most).len() == text.len()
}

/// As much of the beginning as weighs at most `room`.
fn head(weight: fn(char) -> usize, text: &str, room: usize) -> &str {
    let end = end_of(weight, text.char_indices(), room);
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// As much of the end as weighs at most `room`.
fn tail(weight: fn(char) -> usize, text: &str, room: usize) -> &str {
    let begin = end_of(weight, text.char_indices().rev(), room);
    let begin = begin.map_or(0, |at| {
        let length = text.get(at..).and_then(|rest| rest.chars().next());
        at.saturating_add(length.map_or(0, char::len_utf8))
    });
    text.get(begin..).unwrap_or_default()
}

/// Where the first character is that there is no room for.
fn end_of(
    weight: fn(char) -> usize,
    mut chars: impl Iterator<Item = (usize, char)>,
    room: usize,
) -> Option<usize> {
    let mut left = room;
    let beyond = chars.find(|(_, c)| match left.checked_sub(weight(*c)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    beyond.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_leaves_its_share_to_what_is_long() {
        assert_eq!(shares(&[10, 10], 100), [10, 10]);
        assert_eq!(shares(&[1000, 10, 1000], 110), [50, 10, 50]);
        assert_eq!(shares(&[], 5), [0_usize; 0]);
        assert_eq!(shares(&[7], 5), [5]);
    }

    #[test]
    fn a_cut_says_both_sizes_and_where_the_whole_is() {
        let text = "é".repeat(1_000);
        assert_eq!(cut(&text, 1_000, Keep::Head, "x"), text);
        let shown = cut(&text, 999, Keep::Head, "run://1/value");
        assert!(
            shown.contains("839 of 1000 characters are shown; run://1/value has all"),
            "{shown}"
        );
        assert!(shown.chars().count() <= 999);
        let lines: String = (0..1_000).map(|line| format!("{line}\n")).collect();
        let shown = cut(&lines, 400, Keep::Ends, "x");
        assert!(
            shown.starts_with("0\n1\n") && shown.ends_with("998\n999\n"),
            "{shown}"
        );
        assert!(shown.chars().count() <= 400);
    }
}
