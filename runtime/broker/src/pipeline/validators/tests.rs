//! What is validated, what that may take, and what is kept.

use wxmcp_catalogue::Definition;

use super::*;

const LIMIT: Duration = Duration::from_secs(60);

fn tool(output: Value) -> Tool {
    Tool::new(Definition {
        name: "get".to_owned(),
        description: String::new(),
        input_schema: Value::Null,
        output_schema: Some(output),
    })
    .unwrap()
}

async fn answered(
    validators: &Validators,
    tool: &Tool,
    context: &CallContext,
    value: Value,
) -> Result<Value, ToolError> {
    let asker = Asker {
        name: "s.get",
        server: "s",
        context,
        limit: LIMIT,
        without_secrets: &str::to_owned,
    };
    let answer = Answer::of_file(value, 0);
    let answer = validators.answer(tool, answer, asker).await;
    answer.map(|answer| answer.value)
}

/// Each of 40 references leads to two.
fn exploding() -> Value {
    let mut schemas = Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        schemas.insert(format!("a{n}"), json!({"allOf": [next, next]}));
    }
    schemas.insert("a40".to_owned(), json!({"type": "integer"}));
    json!({"type": "object", "$defs": schemas, "properties": {"v": {"$ref": "#/$defs/a0"}, "w": {}}})
}

#[tokio::test]
async fn a_validation_without_end_is_refused_by_name_and_the_next_one_runs() {
    let ledger = Ledger::of_process(1 << 30);
    let context = CallContext::outside_of_runs(&ledger);
    let validators = Validators::new(&ledger, &Arc::default());
    let tool = tool(exploding());
    let refused = answered(&validators, &tool, &context, json!({"v": 1})).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, ToolErrorKind::LimitReached);
    let words =
        "the answer of `s.get` could not be held against its schema: it takes more than 20000";
    assert!(refused.message.starts_with(words), "{refused:?}");
    let value = json!({"w": 1});
    assert_eq!(
        answered(&validators, &tool, &context, value.clone()).await,
        Ok(value)
    );
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_named_and_costs_nothing() {
    let ledger = Ledger::of_process(1 << 30);
    let context = CallContext::outside_of_runs(&ledger);
    let validators = Validators::new(&ledger, &Arc::default());
    let property = |n: usize| {
        (
            format!("p{n}"),
            json!({"pattern": format!("(\\p{{L}}{{12}}){{9}}x{{{n}}}")}),
        )
    };
    let properties: Map<String, Value> = (0..300).map(property).collect();
    let hostile = tool(json!({"type": "object", "properties": properties}));
    let value = json!({"p1": "x"});
    assert_eq!(
        answered(&validators, &hostile, &context, value.clone()).await,
        Ok(value)
    );
    let why = validators.why_unusable(&hostile, Part::Answer).unwrap();
    assert!(
        why.contains("cannot be compiled within 1048576 bytes"),
        "{why}"
    );
    assert!(ledger.peak() < 8 << 20, "{ledger:?}");
    let plain = tool(json!({"type": "object", "properties": {"p1": {"pattern": "^y"}}}));
    let refused = answered(&validators, &plain, &context, json!({"p1": "x"})).await;
    assert_eq!(refused.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
    assert_eq!(validators.why_unusable(&plain, Part::Answer), None);
}

#[tokio::test]
async fn compiled_schemas_are_charged_and_the_oldest_make_room() {
    let probe = Ledger::unbounded();
    let schema = |n: usize| json!({"type": "object", "properties": {"a": {"const": n}, "b": {"enum": vec![n; 2_000]}}});
    let one = Validator::charged(&schema(0), &probe, &Stop::default())
        .unwrap()
        .bytes();
    let ledger = Ledger::of_process(3 * one);
    let context = CallContext::outside_of_runs(&ledger);
    let validators = Validators::new(&ledger, &Arc::default());
    for n in 0..10 {
        let tool = tool(schema(n));
        let fits = answered(&validators, &tool, &context, json!({"a": n})).await;
        assert!(fits.is_ok(), "{fits:?}");
        let unfit = answered(&validators, &tool, &context, json!({"a": "x"})).await;
        assert_eq!(unfit.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
        assert!(ledger.held() >= one, "{ledger:?}");
    }
}

/// 300 patterns in each of many tools: no server has more than its part, and none keeps another from its own.
#[tokio::test]
async fn the_schemas_of_one_server_have_a_budget_and_so_have_all() {
    let ledger = Ledger::of_process(1 << 30);
    let context = CallContext::outside_of_runs(&ledger);
    let validators = Validators::new(&ledger, &Arc::default());
    let costly = |tool_number: usize| {
        let property = |n: usize| {
            let pattern = format!("[a-z]{{{}}}x{{{tool_number}}}", 100 + n);
            (format!("p{n}"), json!({ "pattern": pattern }))
        };
        let properties: Map<String, Value> = (0..300).map(property).collect();
        tool(json!({"type": "object", "properties": properties}))
    };
    let small = tool(json!({"type": "object", "properties": {"a": {"pattern": "^y"}}}));
    let unfit = json!({"a": "x"});
    let refused = answered(&validators, &small, &context, unfit.clone()).await;
    assert_eq!(refused.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
    for number in 1..=6 {
        let asker = Asker {
            name: "hostile.get",
            server: "hostile",
            context: &context,
            limit: LIMIT,
            without_secrets: &str::to_owned,
        };
        let answer = Answer::of_file(json!({"p1": "x"}), 0);
        let checked = validators.answer(&costly(number), answer, asker).await;
        assert!(checked.is_err() || validators.of_server("hostile").held() == 0);
        assert!(validators.of_server("hostile").held() <= MAX_SERVER_BYTES);
        assert!(ledger.held() <= MAX_ALL_BYTES, "{ledger:?}");
    }
    // The twin: what the other server had is kept.
    assert!(
        validators
            .known
            .lock()
            .0
            .iter()
            .any(|(_, kept)| *kept.server == *"s")
    );
    let refused = answered(&validators, &small, &context, unfit).await;
    assert_eq!(refused.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
}

#[tokio::test]
async fn a_schema_that_takes_more_than_a_server_may_is_not_used_and_said() {
    let ledger = Ledger::of_process(1 << 30);
    let context = CallContext::outside_of_runs(&ledger);
    let validators = Validators::new(&ledger, &Arc::default());
    let member = |n: usize| (format!("{n:05}"), json!({"not": {}}));
    let of = |many: usize| {
        let properties: Map<String, Value> = (0..many).map(member).collect();
        tool(json!({"type": "object", "properties": properties}))
    };
    let value = json!({"a": 1});
    let large = of(10_000);
    assert_eq!(
        answered(&validators, &large, &context, value.clone()).await,
        Ok(value.clone())
    );
    let why = validators.why_unusable(&large, Part::Answer).unwrap();
    assert!(why.contains("16 MiB when it is compiled"), "{why}");
    let small = of(1_000);
    assert_eq!(
        answered(&validators, &small, &context, value.clone()).await,
        Ok(value)
    );
    assert_eq!(validators.why_unusable(&small, Part::Answer), None);
    assert_eq!(context.ledger.process().held(), validators.ledger.held());
}
