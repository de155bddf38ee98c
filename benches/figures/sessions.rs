//! What sessions cost: the memory of one that is idle, and a run in one.

use std::time::Instant;

use anyhow::ensure;
use wxmcp_run::{Language, Outcome, Report};
use wxmcp_sandbox::Session;
use wxmcp_sandbox::engine::Allocation;

use crate::guests::Guests;
use crate::scripts::request;
use crate::timing::{median, ms, private_kib, row};

/// Sessions that are open at once where their memory is measured.
const OPEN: u32 = 20;

/// What an agent does in a session: it defines, keeps and prints a little.
const PYTHON: &str = "\
rows = [{'id': i, 'name': f'row {i}'} for i in range(100)]
def total(rows): return sum(row['id'] for row in rows)
print('rows:', len(rows))
total(rows)
";

const JAVASCRIPT: &str = "\
const rows = Array.from({ length: 100 }, (_, i) => ({ id: i, name: `row ${i}` }));
function total(rows) { return rows.reduce((sum, row) => sum + row.id, 0); }
console.log('rows:', rows.length);
total(rows)
";

pub(crate) fn figures(
    guests: &Guests,
    runtime: &tokio::runtime::Runtime,
    language: Language,
) -> anyhow::Result<()> {
    let (source, bar) = match language {
        Language::Python => (PYTHON, "<= 2 MiB"),
        _ => (JAVASCRIPT, "<= 1 MiB"),
    };
    let sandbox = guests.open(language, Allocation::OnDemand)?;
    let run = |session: &mut Session, source: &str| -> anyhow::Result<Report> {
        let mut run = request(language, source);
        run.script.in_session = true;
        Ok(runtime.block_on(session.run(run))?)
    };
    let is = |report: &Report, expected: &str| matches!(&report.outcome, Outcome::Returned(value) if value.get() == expected);
    // What the first instance leaves in the process counts for none.
    ensure!(is(&run(&mut sandbox.session(), source)?, "4950"));
    let before = private_kib()?;
    let mut open = Vec::new();
    for _ in 0..OPEN {
        let mut session = sandbox.session();
        ensure!(is(&run(&mut session, source)?, "4950"));
        ensure!(is(&run(&mut session, "total(rows) + 1")?, "4951"));
        open.push(session);
    }
    let kib = private_kib()?.saturating_sub(before);
    row(
        "  private memory per idle session",
        &format!(
            "{:.2} MiB",
            f64::from(u32::try_from(kib)?) / f64::from(OPEN) / 1024.0
        ),
        bar,
    );
    drop(open);
    let mut session = sandbox.session();
    let mut times = Vec::new();
    for _ in 0..500 {
        let started = Instant::now();
        let report = run(&mut session, "1+1")?;
        times.push(started.elapsed());
        ensure!(is(&report, "2"));
    }
    row(
        "  `1+1` in a session, p50",
        &ms(median(times)),
        "<= 0.30 ms",
    );
    Ok(())
}
