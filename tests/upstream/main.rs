//! MCP servers as users have them: odd tools, lists that change, files of other clients, and
//! what starting costs. Their servers are `fixtures/mcp/scripted.py`.

mod concealed;
mod files;
mod names;
mod place;
mod starts;
#[path = "../support/mod.rs"]
mod support;
