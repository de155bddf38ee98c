//! Texts that are cut to what a model reads, with words that say so.

/// Characters that the words about a cut take, at most.
const WORDS: usize = 160;

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
    // A character has at least a byte.
    if text.len() <= share {
        return text.to_owned();
    }
    let total = text.chars().count();
    if total <= share {
        return text.to_owned();
    }
    let shown = share.saturating_sub(WORDS);
    let words = format!("[cut: {shown} of {total} characters are shown; {whole} has all of it]");
    match keep {
        Keep::Head => format!("{}\n{words}", head(text, shown)),
        Keep::Ends => {
            let end = shown / 3;
            let (first, last) = (head(text, shown - end), tail(text, end));
            format!("{first}\n{words}\n{last}")
        }
    }
}

fn head(text: &str, chars: usize) -> &str {
    let end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

fn tail(text: &str, chars: usize) -> &str {
    let Some(before_last) = chars.checked_sub(1) else {
        return "";
    };
    let begin = text
        .char_indices()
        .rev()
        .nth(before_last)
        .map_or(0, |(at, _)| at);
    text.get(begin..).unwrap_or_default()
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
