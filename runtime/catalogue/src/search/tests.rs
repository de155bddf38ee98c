use super::*;

fn index() -> SearchIndex {
    SearchIndex::new(&[
        document("files.read_text_file", "path", "Reads a file as text."),
        document(
            "files.list_directory",
            "path",
            "Lists what is in a directory.",
        ),
        document(
            "github.createIssue",
            "title",
            "Opens an issue in a repository.",
        ),
        document(
            "github.list_issues",
            "state",
            "Issues of a repository, newest first.",
        ),
        document(
            "clock.convert_time",
            "timezone",
            "Converts times between zones.",
        ),
    ])
}

fn document(name: &str, parameter: &str, description: &str) -> Document {
    Document {
        name: name.to_owned(),
        own: None,
        parameters: vec![parameter.to_owned()],
        parameter_prose: String::new(),
        description: description.to_owned(),
    }
}

#[test]
fn the_best_fit_comes_first() {
    for (query, first) in [
        ("read file", 0),
        ("listing directories", 1),
        ("create an issue", 2),
        ("newest issues", 3),
        ("what timezone", 4),
        ("convertTime", 4),
    ] {
        assert_eq!(index().search(query, 3).first(), Some(&first), "{query}");
    }
}

#[test]
fn synonyms_lead_to_tools_that_say_it_otherwise() {
    for (query, first) in [
        ("open a ticket", 2),
        ("show folder", 1),
        ("view document", 0),
    ] {
        assert_eq!(index().search(query, 3).first(), Some(&first), "{query}");
    }
}

#[test]
fn who_asks_for_no_change_is_shown_what_reads() {
    let tools = ["x.update_label", "x.label_overview", "x.delete_label"];
    let index = SearchIndex::new(&tools.map(|name| document(name, "", "")));
    assert_eq!(index.search("label", 1), [1]);
    assert_eq!(index.search("remove the label", 1), [2]);
}

#[test]
fn what_is_said_of_parameters_is_found() {
    let slow = document("x.run_slow", "mode", "Runs.");
    let mut fast = document("x.run_fast", "mode", "Runs.");
    fast.parameter_prose = "Whether to use the hyperdrive".to_owned();
    let index = SearchIndex::new(&[slow, fast]);
    assert_eq!(index.search("run", 1), [0]);
    assert_eq!(index.search("run with hyperdrive", 1), [1]);
}

#[test]
fn nothing_fits_what_is_not_there() {
    for query in ["", "the of and", "kubernetes", "!!!", "\u{202E}"] {
        assert!(index().search(query, 10).is_empty(), "{query}");
    }
    assert!(SearchIndex::new(&[]).search("file", 10).is_empty());
}

#[test]
fn a_query_whose_words_only_graze_tools_fits_nothing() {
    for query in [
        "send an sms to my file of phone numbers",
        "book a flight in the repository of travel agencies",
        "print the newest invoices of quickbooks",
    ] {
        assert!(index().search(query, 10).is_empty(), "{query}");
    }
}

#[test]
fn hits_are_bounded_by_the_limit() {
    assert_eq!(index().search("repository list path", 2).len(), 2);
    assert!(index().search(&"file ".repeat(1_000_000), 10).len() <= 5);
}

#[test]
fn hostile_documents_are_read_in_part_and_hide_no_others() {
    let endless: String = (0..100_000).map(|n| format!("w{n} ")).collect();
    let hostile = document(&format!("x.{endless}"), &endless, &endless);
    let documents: Vec<Document> = std::iter::repeat_n(hostile, 5)
        .chain([document("files.read_text_file", "path", "Reads a file.")])
        .collect();
    let index = SearchIndex::new(&documents);
    assert!(
        index.vocabulary.len() < 20_000,
        "{}",
        index.vocabulary.len()
    );
    assert_eq!(index.search("read a file", 10), [5]);
    assert!(index.search(&endless, 100).len() <= 5);
}

#[test]
fn a_sentence_ends_at_a_mark_before_white_space() {
    assert_eq!(
        first_sentence("Uses v1.2 of it. More."),
        ("Uses v1.2 of it.", " More.")
    );
    assert_eq!(first_sentence("No end\n\nMore."), ("No end", "\n\nMore."));
    assert_eq!(first_sentence(""), ("", ""));
}

/// Whatever words a name is made of, and whatever else there is.
#[test]
fn a_query_that_is_a_name_finds_its_tool_first() {
    let names = [
        "who",
        "get",
        "all",
        "do",
        "what",
        "is_up",
        "to_text",
        "the_weather",
        "now",
        "how_to",
        "x",
        "a1",
        "gr_e",
        "unnamed",
        "find",
        "get_all",
        "text_to",
    ];
    let own = |name: &'static str| match name {
        "gr_e" => "größe",
        "unnamed" => "日本",
        name => name,
    };
    let prose = "Gets all, whatever text, now: find who is up, and how to do it.";
    let documents: Vec<Document> = names
        .iter()
        .map(|name| document(&format!("s.{name}"), "text", prose).with_own_name(own(name)))
        .chain([document("t.who", "text", "")])
        .collect();
    let index = SearchIndex::new(&documents);
    for (position, name) in names.iter().enumerate() {
        for spelled in [
            name,
            own(name),
            &name.to_uppercase(),
            &name.replace('_', " "),
        ] {
            let first = index.search(spelled, 3).first().copied();
            assert_eq!(first, Some(position), "{spelled}");
        }
        let full = index.search(&format!("s.{name}"), 3);
        assert_eq!(full.first(), Some(&position), "s.{name}");
    }
    assert_eq!(index.search("t.who", 1), [names.len()]);
    assert_eq!(index.search("GRÖSSE", 1), [12]);
    // An identifier tells words apart that its owner's spelling does not.
    let status = document("s.get_http_status", "code", "").with_own_name("getHTTPStatus");
    let index = SearchIndex::new(&[status]);
    for query in ["http status", "getHTTPStatus", "get_http_status"] {
        assert_eq!(index.search(query, 1), [0], "{query}");
    }
}

#[test]
fn words_are_found_in_any_script() {
    let documents: Vec<Document> = [
        ("w.get_tenki", "天気を取得します"),
        ("w.wetter", "Ermittelt die Größe und das Wetter für München"),
        ("w.pogoda", "Получить погоду"),
        ("w.clima", "Obtener el pronóstico del tiempo"),
        ("w.nalssi", "날씨 정보"),
        ("w.tianqi", "获取城市天气信息"),
        ("w.mausam", "मौसम की जानकारी"),
        ("w.akat", "พยากรณ์อากาศ"),
        ("w.kairos", "Πρόγνωση καιρού"),
        ("w.other", "Something else"),
        ("w.files", "列出文件夹中的文件"),
    ]
    .map(|(name, description)| document(name, "x", description))
    .into();
    let index = SearchIndex::new(&documents);
    for (query, first) in [
        ("天気", 0),
        ("天気を教えて", 0),
        ("Größe", 1),
        ("größe", 1),
        ("GROSSE", 1),
        ("munchen", 1),
        ("погоду", 2),
        ("Погода", 2),
        ("pronostico", 3),
        ("날씨", 4),
        ("날씨를 알려줘", 4),
        ("查询天气信息", 5),
        ("मौसम", 6),
        ("อากาศ", 7),
        ("καιρου", 8),
        ("something else", 9),
        ("文件", 10),
    ] {
        assert_eq!(index.search(query, 3).first(), Some(&first), "{query}");
    }
    for query in [
        "株価を調べる",
        "预订机票",
        "비행기 예약",
        "купить билет",
        "ซื้อตั๋ว",
    ] {
        assert!(index.search(query, 3).is_empty(), "{query}");
    }
}
