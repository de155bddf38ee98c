//! A program that runs what an agent wrote, with a tool of its own: `cargo run --example embed`.
//!
//! The script sees one namespace, `weather`, and nothing else of this machine. Its events are printed as they come; the
//! second script is stopped after a moment.

use std::error::Error;
use std::time::Duration;

use serde_json::json;
use wxmcp_catalogue::Definition;
use wxmcp_host::{EventLoop, Job, Runtime, RuntimeEvent, rust_tool};
use wxmcp_run::{Language, Outcome, ToolError, ToolErrorKind};

/// What an agent might write: a loop over calls, and a summary of their answers.
const SCRIPT: &str = r"
from tools import weather
readings = [weather.measured(city=city) for city in ('Oslo', 'Lima')]
print('warmest:', max(readings, key=lambda it: it['celsius'])['city'])
{'mean': sum(it['celsius'] for it in readings) / len(readings)}
";

fn main() -> Result<(), Box<dyn Error>> {
    let measured = Definition {
        name: "measured".to_owned(),
        description: "What a city's weather station measured last.".to_owned(),
        input_schema: json!({"type": "object", "required": ["city"],
            "properties": {"city": {"type": "string"}}}),
        output_schema: None,
    };
    let measured = rust_tool(measured, |arguments| async move {
        match arguments.get("city").and_then(|city| city.as_str()) {
            Some("Oslo") => Ok(json!({"city": "Oslo", "celsius": 4.5})),
            Some("Lima") => Ok(json!({"city": "Lima", "celsius": 19.5})),
            _ => Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "there is no station in that city",
            )),
        }
    });
    let runtime = Runtime::builder(wxmcp_guests::NATIVES)
        .tool("weather", measured)
        .build()?;
    EventLoop::on_this_thread()?.run(async {
        let mut execution = runtime
            .start(Job::new(Language::Python, "agent.py", SCRIPT))
            .await?;
        while let Some(event) = execution.next().await {
            show(&event);
        }
        let report = execution.report().await?;
        if let Outcome::Returned(value) = &report.outcome {
            show_line(&format!("value: {}", value.get()));
        }
        show_line(&format!("calls: {}", report.usage.tool_calls));

        let endless = Job::new(Language::JavaScript, "endless.js", "for (;;);");
        let mut execution = runtime.start(endless).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        execution.cancel();
        let report = execution.report().await?;
        if matches!(report.outcome, Outcome::Cancelled) {
            show_line("endless.js: cancelled");
        }
        runtime.shutdown().await;
        Ok(())
    })
}

fn show(event: &RuntimeEvent) {
    match event {
        RuntimeEvent::Output { bytes, .. } => {
            show_line(String::from_utf8_lossy(bytes).trim_end());
        }
        RuntimeEvent::CallStarted { sequence, name } => show_line(&format!("{sequence}: {name}")),
        RuntimeEvent::CallEnded { .. }
        | RuntimeEvent::Progress { .. }
        | RuntimeEvent::CallProgress { .. } => {}
    }
}

#[expect(clippy::print_stdout, reason = "the example's own output")]
fn show_line(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() -> Result<(), Box<dyn std::error::Error>> {
        super::main()
    }
}
