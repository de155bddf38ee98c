//! A tool that uses a database, for tests of the drivers.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_policy::{Approvals, CapabilityList, Grants};
use wxmcp_run::{CallContext, Ledger, ToolError, ToolErrorKind};

use super::{Databases, Held, Request};
use crate::ConnectionConfig;

pub(super) type TestResult = Result<(), Box<dyn Error>>;

/// A run of a tool that uses the connection `main`.
pub(super) struct Tool {
    pub(super) databases: Databases,
    pub(super) grants: Grants,
    pub(super) held: Held,
    pub(super) context: CallContext,
}

impl Tool {
    pub(super) fn new(url: &str, grant: &str, timeout: Duration) -> Result<Self, Box<dyn Error>> {
        let main = ConnectionConfig {
            url: url.to_owned(),
            ..ConnectionConfig::default()
        };
        let connections = BTreeMap::from([("main".to_owned(), main)]);
        Ok(Self {
            databases: Databases::new(&connections, timeout)?,
            grants: granted(grant)?,
            held: Held::default(),
            context: CallContext::outside_of_runs(&Ledger::unbounded()),
        })
    }

    /// The next run of the same tool, over the same links.
    pub(super) fn next_run(self) -> Self {
        Self {
            held: Held::default(),
            ..self
        }
    }

    pub(super) async fn ask(&self, mut request: Value) -> Result<Value, ToolError> {
        request["connection"] = json!("main");
        let request: Map<String, Value> =
            serde_json::from_str(&request.to_string()).map_err(internal)?;
        let request = Request::read(request)?;
        let Self {
            grants,
            held,
            context,
            ..
        } = self;
        let perform = self.databases.perform(request, grants, held, context);
        serde_json::from_slice(&perform.await?.json).map_err(internal)
    }

    pub(super) async fn query(
        &self,
        statement: &str,
        parameters: Value,
    ) -> Result<Value, ToolError> {
        self.ask(json!({"action": "query", "statement": statement, "parameters": parameters}))
            .await
    }

    /// The only value that a statement answers.
    pub(super) async fn value(&self, statement: &str) -> Result<Value, ToolError> {
        let mut answer = self.query(statement, json!([])).await?;
        Ok(answer["rows"][0][0].take())
    }

    pub(super) async fn execute(&self, statement: &str) -> Result<Value, ToolError> {
        self.ask(json!({"action": "execute", "statement": statement}))
            .await
    }

    pub(super) async fn begin(&self) -> Result<Value, ToolError> {
        Ok(self.ask(json!({"action": "begin"})).await?["transaction"].take())
    }

    pub(super) async fn inside(&self, id: &Value, statement: &str) -> Result<Value, ToolError> {
        self.ask(json!({"action": "query", "statement": statement, "transaction": id}))
            .await
    }

    pub(super) async fn end(&self, id: &Value, action: &str) -> Result<Value, ToolError> {
        self.ask(json!({"action": action, "transaction": id})).await
    }

    /// The error of a statement that must fail.
    pub(super) async fn refused(&self, statement: &str) -> Result<ToolError, String> {
        match self.query(statement, json!([])).await {
            Err(error) => Ok(error),
            Ok(answer) => Err(format!("{statement} answered {answer}")),
        }
    }
}

fn internal(error: impl std::fmt::Display) -> ToolError {
    ToolError::new(ToolErrorKind::InvalidAnswer, error.to_string())
}

/// The grants of a tool file that requests a connection, which is approved.
fn granted(sql: &str) -> Result<Grants, Box<dyn Error>> {
    let requests = CapabilityList {
        sql: vec![sql.to_owned()],
        ..CapabilityList::default()
    };
    let approvals = Approvals::new([("t.x".to_owned(), requests.clone())])?;
    Ok(Grants::new("t.x", &requests, &approvals))
}
