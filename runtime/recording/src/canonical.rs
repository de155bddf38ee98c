//! Reports as they are compared: what does not depend on the machine.

use serde_json::Value;
use wxmcp_run::Report;

/// What a report says of a machine, and not of the run.
const OF_THE_MACHINE: [&str; 3] = ["wall_ms", "start_ms", "host_peak"];

/// The report without the run's id and times of this machine.
pub fn report(report: &Report) -> Value {
    let mut report = serde_json::to_value(report).unwrap_or_default();
    if let Some(report) = report.as_object_mut() {
        report.remove("run");
        if let Some(usage) = report.get_mut("usage").and_then(Value::as_object_mut) {
            OF_THE_MACHINE
                .iter()
                .for_each(|key| drop(usage.remove(*key)));
        }
        let calls = report.get_mut("calls").and_then(Value::as_array_mut);
        let ended = calls
            .into_iter()
            .flatten()
            .filter_map(|call| call.get_mut("ended"));
        for ended in ended.filter_map(Value::as_object_mut) {
            ended.remove("milliseconds");
        }
    }
    report
}

/// Takes out of a canonical report what another interpreter uses otherwise.
pub(crate) fn without_use(report: &mut Value) {
    if let Some(usage) = report.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("fuel");
        usage.remove("peak_memory");
    }
}

/// Takes out all that is another number where values have other lengths.
pub(crate) fn without_sizes(report: &mut Value) {
    without_use(report);
    if let Some(usage) = report.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("bytes_kept_out");
    }
    let calls = report.get_mut("calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
        call.remove("argument_bytes");
        let ended = call.get_mut("ended").and_then(Value::as_object_mut);
        ended.and_then(|ended| ended.remove("answer_bytes"));
    }
}
