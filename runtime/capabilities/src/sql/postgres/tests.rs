//! Against a real server, which each test starts for itself.

mod limits;
mod logins;
mod reading;
mod transactions;
mod values;

#[path = "../../../../../tests/support/postgres.rs"]
mod server;

use std::error::Error;
use std::time::Duration;

use serde_json::json;
use wxmcp_run::{ToolError, ToolErrorKind};

use super::super::Held;
use super::super::testing::{TestResult, Tool};
use super::address::Address;
use super::exchange::Exchange;
use super::login::log_in;
use server::Server;

/// The password of the role that tools log in as.
const CANARY: &str = "canary-7d1e55aa";

/// A server with a database `app` that the role `wx` owns.
struct App {
    server: Server,
    /// A superuser's session, in `app`.
    admin: Exchange,
}

impl App {
    async fn start() -> Result<Self, Box<dyn Error>> {
        Self::with(Server::start(&[])?).await
    }

    async fn with(server: Server) -> Result<Self, Box<dyn Error>> {
        let mut first = admin(&server, "postgres").await?;
        let role = format!("CREATE ROLE wx LOGIN PASSWORD '{CANARY}'");
        said(first.simple(&[&role, "CREATE DATABASE app OWNER wx"]).await)?;
        let admin = admin(&server, "app").await?;
        Ok(Self { server, admin })
    }

    fn url(&self) -> String {
        format!("postgres://wx:{CANARY}@127.0.0.1:{}/app", self.server.port)
    }

    /// A tool that reads.
    fn reader(&self) -> Result<Tool, Box<dyn Error>> {
        Tool::new(&self.url(), "main", Duration::from_secs(30))
    }

    /// A tool that writes.
    fn writer(&self) -> Result<Tool, Box<dyn Error>> {
        Tool::new(&self.url(), "main:rw", Duration::from_secs(30))
    }

    /// Has a superuser do something; the first row of what it answers.
    async fn admin(&mut self, statement: &str) -> Result<Vec<Option<String>>, Box<dyn Error>> {
        let rows = said(self.admin.simple(&[statement]).await)?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Waits until a superuser's question has this answer; a bounded number of tries.
    async fn becomes(&mut self, question: &str, expected: &str) -> TestResult {
        let mut last = Vec::new();
        for _ in 0..6_000 {
            last = self.admin(question).await?;
            if last == [Some(expected.to_owned())] {
                return Ok(());
            }
            // The server needs time that no event tells of.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("{question}: {last:?}, not {expected}").into())
    }
}

async fn admin(server: &Server, database: &str) -> Result<Exchange, Box<dyn Error>> {
    let Server { port, password, .. } = server;
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}");
    let greeted = log_in(&Address::parse(&url)?).await?;
    Ok(Exchange::new(greeted.wire))
}

fn said<T>(answer: Result<T, super::Trouble>) -> Result<T, Box<dyn Error>> {
    answer.map_err(|trouble| format!("{trouble:?}").into())
}

/// The code of an error of the database.
fn sqlstate(error: &ToolError) -> &str {
    let data = error.data.as_ref();
    data.and_then(|data| data["sqlstate"].as_str())
        .unwrap_or("")
}
