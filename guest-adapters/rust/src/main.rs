//! An agent as a component: its tools are functions with types, and nothing else is granted to it.
//!
//! ```sh
//! wxmcp tools export --format wit -o wit      # the tools that this machine's wxmcp has
//! cargo build --release --target wasm32-wasip2
//! wxmcp run target/wasm32-wasip2/release/agent.wasm '"HI"'
//! ```

wit_bindgen::generate!({ world: "tools", path: "wit", generate_all });

use tools::database::database::{QueryAnswerItemValue as Cell, query};
use tools::everything::everything::{GetStructuredContentLocation, get_structured_content};
use tools::memory::memory::{AddObservationsObservationsItem, add_observations};
use wxmcp::tool_types::types::ToolError;

/// Prints airports of the state that the first argument names, as JSON text, and what the other
/// tools say.
fn main() {
    let state = std::env::args()
        .nth(1)
        .unwrap_or_else(|| r#""HI""#.to_owned());
    let northernmost = "SELECT iata, name, latitude, last_checked FROM airports \
                        WHERE state = ? ORDER BY latitude DESC LIMIT 3";
    match query(northernmost, Some(&[state])) {
        Ok(rows) => rows.iter().for_each(|row| println!("{}", line(row))),
        Err(error) => report("the query", &error),
    }
    if let Err(error) = query("SELECT elevation FROM airports", None) {
        report("a query of no such column", &error);
    }
    match get_structured_content(GetStructuredContentLocation::NewYork) {
        Ok(weather) => println!(
            "New York: {:.1} degrees, {}, humidity {:.1}",
            weather.temperature, weather.conditions, weather.humidity
        ),
        Err(error) => report("the weather", &error),
    }
    let observations = [AddObservationsObservationsItem {
        entity_name: "nobody".to_owned(),
        contents: vec!["was seen".to_owned()],
    }];
    match add_observations(&observations) {
        Ok(answer) => println!("{} observations", answer.results.len()),
        Err(error) => report("an observation of nobody", &error),
    }
}

fn line(row: &[(String, Option<Cell>)]) -> String {
    let cells = row.iter().map(|(column, cell)| {
        format!("{column} {}", cell.as_ref().map_or("null".to_owned(), said))
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn said(cell: &Cell) -> String {
    match cell {
        Cell::Boolean(value) => format!("boolean {value}"),
        Cell::Number(value) => format!("number {value:.2}"),
        Cell::Text(value) => format!("text {value}"),
        Cell::Items(items) => format!("items {}", items.len()),
        Cell::Object(members) => format!("object {}", members.len()),
    }
}

fn report(what: &str, error: &ToolError) {
    println!("{what}: {}: {}", error.kind, error.message);
}
