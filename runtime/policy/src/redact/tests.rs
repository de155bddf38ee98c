//! What is redacted, and what only resembles a secret.

use serde_json::json;

use super::*;

#[test]
fn secrets_become_their_names() {
    let redactor = Redactor::new([
        ("TOKEN", "canary-123"),
        ("URL", "db://canary-123@host"),
        ("QUOTED", "say \"hush\""),
        ("SHORT", "true"),
    ]);
    assert_eq!(
        redactor.redact("canary-123 db://canary-123@host say \\\"hush\\\" true"),
        "[TOKEN] [URL] [QUOTED] true"
    );
    assert_eq!(
        redactor.redact_bytes(b"\xffcanary-123\xfe canary-123canary-12".to_vec()),
        b"\xff[TOKEN]\xfe [TOKEN]canary-12"
    );
    assert_eq!(redactor.redact_bytes(b"nothing".to_vec()), b"nothing");
    assert_eq!(
        redactor.redact_value(json!({"canary-123": ["x canary-123", 1]})),
        json!({"[TOKEN]": ["x [TOKEN]", 1]})
    );
    assert!(!format!("{redactor:?}").contains("canary"));
}

#[test]
fn secrets_that_overlap_leave_nothing_of_each_other() {
    let redactor = Redactor::new([
        ("A", "abcdefgh"),
        ("B", "efghijklmn"),
        ("INNER", "hijklm"),
        ("REPEATED", "xyxyxy"),
    ]);
    for (text, redacted) in [
        ("<abcdefgh>", "<[A]>"),
        ("<efghijklmn>", "<[B]>"),
        ("<hijklm>", "<[INNER]>"),
        ("<abcdefghijklmn>", "<[B]>"),
        ("<abcdefghijklm>", "<[A]>"),
        ("<abcdefghhijklm>", "<[A][INNER]>"),
        ("<xyxyxyx>", "<[REPEATED]x>"),
        ("<xyxyxyxyxy>", "<[REPEATED]>"),
        ("<xyxyxy xyxyxyxyxyxy>", "<[REPEATED] [REPEATED]>"),
        ("<ab", "<ab"),
    ] {
        assert_eq!(redactor.redact(text), redacted);
        let bytes = redactor.redact_bytes(text.as_bytes().to_vec());
        assert_eq!(bytes, redacted.as_bytes());
    }
    assert_eq!(redactor.longest(), 10);
    assert_eq!(Redactor::default().longest(), 0);
}

#[test]
fn of_two_names_for_one_secret_one_shows() {
    let redactor = Redactor::new([("ONE", "same-secret"), ("TWO", "same-secret")]);
    assert_eq!(redactor.redact("same-secret"), "[TWO]");
}

#[test]
fn secrets_are_found_in_any_case_and_across_line_ends() {
    let redactor = Redactor::new([
        ("SHORT", "s-1234"),
        ("TOKEN", "Canary-12Straße"),
        ("KEY", "-----BEGIN\nabcdef\n-----END"),
    ]);
    for (text, redacted) in [
        ("<CANARY-12STRASSE>", "<[TOKEN]>"),
        ("<canary-12straße>", "<[TOKEN]>"),
        ("<Canary\n-12Straße>", "<[TOKEN]>"),
        // The second half of a letter.
        ("<xß-1234>", "<x[SHORT]>"),
        ("<Canary \r\n\t -12Straße>", "<[TOKEN]>"),
        ("<Canary\\n-12Straße>", "<[TOKEN]>"),
        ("<Can\u{200b}ary\u{2028}-12\x1bStraße>", "<[TOKEN]>"),
        (
            "<c\na\nn\na\nr\ny\n-\n1\n2\ns\nt\nr\na\nß\ne\n>",
            "<[TOKEN]\n>",
        ),
        ("<-----BEGIN abcdef>", "<-----BEGIN abcdef>"),
        ("<-----begin\r\n  ABCDEF\\n-----end>", "<[KEY]>"),
    ] {
        assert_eq!(redactor.redact(text), redacted, "{text:?}");
        let bytes = redactor.redact_bytes(text.as_bytes().to_vec());
        assert_eq!(bytes, redacted.as_bytes(), "{text:?}");
    }
}

#[test]
fn what_only_resembles_a_secret_is_left_as_it_is() {
    let redactor = Redactor::new([("TOKEN", "canary-12345"), ("PHRASE", "no more of it")]);
    for text in [
        "canary-1234",
        "canary-1234 5",
        "canary 12345",
        "canary-\n\n1234",
        "anary-12345",
        "nomoreofit",
        "no more  of it",
        "the canary sings…",
        "Grüße, ⟦x⟧ \u{200b}\r\n\\n\x1b[0m",
    ] {
        assert_eq!(redactor.redact(text), text, "{text:?}");
        assert_eq!(
            redactor.redact_bytes(text.as_bytes().to_vec()),
            text.as_bytes()
        );
        let closed = format!("{text}.");
        assert_eq!(redactor.redact_part(&closed, Cut::default()), closed);
    }
    let numbers = Redactor::new([("PIN", "123456")]);
    let value = json!([12345, 1_234_567, true]);
    assert_eq!(numbers.redact_value(value), json!([12345, "[PIN]7", true]));
}

#[test]
fn the_beginning_of_a_secret_before_a_mark_of_cutting_is_replaced() {
    let redactor = Redactor::new([("TOKEN", "canary-12345"), ("OTHER", "ary-12xyzzy")]);
    for (text, redacted) in [
        ("<canary-1234…", "<[TOKEN]…"),
        ("<CAN\nARY…>", "<[TOKEN]…>"),
        ("<canary-12x…>", "<can[OTHER]…>"),
        ("<canar…", "<canar…"),
        ("<canary-12345…", "<[TOKEN]…"),
        ("canary… and canary", "[TOKEN]… and canary"),
    ] {
        assert_eq!(redactor.redact(text), redacted, "{text:?}");
    }
}

/// Wherever a text is cut, in front, behind, or both, no part of a secret is left.
#[test]
fn a_part_of_a_text_shows_no_part_of_a_secret() {
    let secret = "0123456789";
    let redactor = Redactor::new([("A", secret), ("INNER", "234567"), ("LONGER", "89abcdefg")]);
    let whole = "x0123\n456789abcdefg y";
    for from in 0..whole.len() {
        for to in from..=whole.len() {
            let cut = Cut {
                front: from > 0,
                back: to < whole.len(),
            };
            let part = redactor.redact_part(&whole[from..to], cut);
            let mut left = part
                .replace("[A]", "")
                .replace("[LONGER]", "")
                .replace("[INNER]", "");
            left.retain(|one| !"xy \n".contains(one));
            assert_eq!(left, "", "{:?} of {whole:?}: {part:?}", &whole[from..to]);
        }
    }
    let part = |text: &str, front, back| redactor.redact_part(text, Cut { front, back });
    assert_eq!(part("89 bottles of 01", false, false), "89 bottles of 01");
    assert_eq!(part("89 bottles of 01", true, false), " bottles of 01");
    assert_eq!(part("89 bottles of 01", true, true), " bottles of ");
    assert_eq!(part("bottles of 0123456", false, false), "bottles of [A]");
    assert_eq!(part("2345", true, true), "");
}
