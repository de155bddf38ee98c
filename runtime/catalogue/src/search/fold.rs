//! Characters as far as a search tells them apart: not by case, accents or width.

use unicode_normalization::UnicodeNormalization as _;

/// The breve that makes another letter of a Cyrillic one: \u{439} of \u{438}.
const BREVE: char = '\u{306}';

/// How words are told apart in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// By spaces: most scripts.
    Spaced,
    /// Not at all: Chinese, and the nouns of Japanese.
    Han,
    /// Not at all: what stands between the nouns of Japanese.
    Hiragana,
    /// Not at all: foreign words in Japanese.
    Katakana,
    /// By spaces, but words of Korean carry what English says by words of their own.
    Hangul,
    /// Not at all: Thai, Lao, Khmer, Burmese.
    Unspaced,
}

impl Script {
    pub(super) fn of(character: char) -> Self {
        match u32::from(character) {
            0x3005 | 0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF => Self::Han,
            0x20000..=0x3FFFF => Self::Han,
            0x3041..=0x309F => Self::Hiragana,
            0x30A0..=0x30FF | 0x31F0..=0x31FF => Self::Katakana,
            0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7FF => Self::Hangul,
            0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF => Self::Unspaced,
            _ => Self::Spaced,
        }
    }

    pub(super) fn is_cyrillic(character: char) -> bool {
        matches!(character, '\u{400}'..='\u{52F}')
    }
}

/// The characters of a text without accents, of one width, composed.
///
/// Only the accents of European scripts go: elsewhere marks are vowels, or tell letters apart.
pub(super) fn composed(text: &str) -> Box<dyn Iterator<Item = char> + '_> {
    if text.is_ascii() {
        return Box::new(text.bytes().map(char::from));
    }
    let mut base = ' ';
    let plain = text.nfkd().filter(move |&character| {
        let is_accent = matches!(character, '\u{300}'..='\u{36F}');
        if !is_accent {
            base = character;
        }
        !is_accent || (character == BREVE && Script::is_cyrillic(base))
    });
    Box::new(plain.nfc())
}

/// Adds a character in lower case; letters that Unicode does not take apart are written out.
pub(super) fn fold_into(text: &mut String, character: char) {
    for lower in character.to_lowercase() {
        match lower {
            'ß' => text.push_str("ss"),
            'æ' => text.push_str("ae"),
            'œ' => text.push_str("oe"),
            'þ' => text.push_str("th"),
            'ø' => text.push('o'),
            'đ' | 'ð' => text.push('d'),
            'ł' => text.push('l'),
            'ı' => text.push('i'),
            'ς' => text.push('σ'),
            _ => text.push(lower),
        }
    }
}
