//! Files that name MCP servers.

use std::collections::BTreeSet;
use std::path::Path;

use wxmcp_upstream::{Environment, parse_config};

use super::settings::SECRET;
use crate::cost::{Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(20_000, 400),
    allocations: Line(400, 20),
    peak: Line(64 << 10, 600),
};

/// A file as text. It may refer to `TOKEN`, whose value no message may show.
pub(crate) fn file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let environment = Environment::new([("PATH", "/bin"), ("TOKEN", SECRET)]);
    let said = within(BOUND, "servers", text.len(), || {
        let read = parse_config("x.json", &text, Path::new("/w"));
        let read = read.map_err(|error| error.to_string())?;
        let mut said = Vec::new();
        for server in &read.upstreams {
            if let Err(error) = server.resolve(&environment) {
                said.push(error.to_string());
            }
        }
        Ok((read, said))
    });
    let said = match said {
        Ok((read, said)) => {
            let mut names = BTreeSet::new();
            for server in &read.upstreams {
                assert!(names.insert(server.name()), "twice: {}", server.name());
            }
            said.into_iter().chain(read.notes).collect()
        }
        Err(error) => vec![error],
    };
    for said in said {
        assert!(text.contains(SECRET) || !said.contains(SECRET), "{said}");
    }
}
