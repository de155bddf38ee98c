//! A folder with servers.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Printed, wxmcp};

/// A folder whose `.mcp.json` has these servers, and a cache of its own.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new(servers: &Value) -> Result<Self, Box<dyn Error>> {
        Self::with(&json!({"mcpServers": servers}).to_string())
    }

    pub(crate) fn with(config: &str) -> Result<Self, Box<dyn Error>> {
        let place = Self(tempfile::tempdir()?);
        fs::write(place.path().join(".mcp.json"), config)?;
        Ok(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn wx(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        Ok(wxmcp(self.path()).args(args).output()?.into())
    }

    /// The same with a cache that nothing else uses.
    pub(crate) fn wx_alone(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(self.path());
        command.env("WXMCP_CACHE_DIR", self.path().join("cache"));
        Ok(command.args(args).output()?.into())
    }

    /// What a script prints that must succeed.
    pub(crate) fn run(&self, language: &str, source: &str) -> Result<String, Box<dyn Error>> {
        let printed = self.wx(&["run", "--lang", language, "-c", source])?;
        assert_eq!(
            printed.code,
            Some(0),
            "{}{}",
            printed.stdout,
            printed.stderr
        );
        Ok(printed.stdout)
    }
}
