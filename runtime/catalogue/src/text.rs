//! Prose from strangers, made safe to show.

/// Longest description that is kept, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 8 * 1024;

/// Ends a text that was cut.
const CUT: &str = "…";

/// Removes what a reader cannot see or what changes how the rest is shown
/// (controls, bidirectional overrides, zero-width and tag characters, variation
/// selectors), and cuts the text to `limit` bytes at a character boundary.
///
/// Newlines and tabs stay. Such characters carry hidden instructions to models
/// and hidden terminal commands to people.
pub fn clean(raw: &str, limit: usize) -> String {
    let mut cleaned = String::with_capacity(raw.len().min(limit));
    for character in raw.chars() {
        if cleaned.len() > limit {
            break;
        }
        match character {
            '\n' | '\t' => cleaned.push(character),
            '\u{2028}' | '\u{2029}' => cleaned.push('\n'),
            _ if is_unseen(character) => {}
            _ => cleaned.push(character),
        }
    }
    shorten(&cleaned, limit)
}

/// Cuts a text to `limit` bytes at a character boundary; a cut shows as `…`.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(CUT.len()));
    let (kept, _) = text.split_at(end);
    format!("{kept}{CUT}")
}

/// Whether a character is invisible, or steers how its neighbours are shown.
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' // soft hyphen
            | '\u{034F}' // combining grapheme joiner
            | '\u{061C}' // Arabic letter mark
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
            | '\u{17B4}' | '\u{17B5}' // Khmer inherent vowels
            | '\u{180B}'..='\u{180F}' // Mongolian selectors
            | '\u{200B}'..='\u{200F}' // zero width, direction marks
            | '\u{2028}' | '\u{2029}' // line and paragraph separators
            | '\u{202A}'..='\u{202E}' // bidirectional overrides
            | '\u{2060}'..='\u{206F}' // invisible operators, isolates
            | '\u{FE00}'..='\u{FE0F}' // variation selectors
            | '\u{FEFF}' // byte order mark
            | '\u{FFF0}'..='\u{FFFB}' // unassigned, interlinear annotation
            | '\u{1BCA0}'..='\u{1BCA3}' // shorthand controls
            | '\u{1D173}'..='\u{1D17A}' // musical controls
            | '\u{E0000}'..='\u{E0FFF}' // tags, further selectors
        )
}

/// The text up to its first blank line, on one line.
pub fn first_paragraph(text: &str) -> String {
    let mut paragraph = String::new();
    for line in text.trim().lines() {
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(line);
    }
    paragraph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_cannot_see_is_removed() {
        let raw = "Reads\u{1b}[31m a\u{202E} file\u{200B}.\u{E0041}\u{E0042}\r\nThen\tstops\u{FE0F}.\u{0}";
        assert_eq!(clean(raw, 100), "Reads[31m a file.\nThen\tstops.");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let cut = clean(&"é".repeat(1_000_000), 11);
        assert_eq!(cut, "éééé…");
        assert!(cut.len() <= 11);
        assert_eq!(clean("short", 5), "short");
    }

    #[test]
    fn only_the_first_paragraph_is_taken() {
        assert_eq!(first_paragraph("\n One\ntwo. \n\nThree."), "One two.");
        assert_eq!(first_paragraph(""), "");
    }
}
