//! Words that people use for what tools do and hold, beside the tools' own.

use std::collections::BTreeMap;

use super::words::stem;

/// A line is words that may stand for one another; a word may be on several. They were
/// written from the vocabulary of the field, and pay for their place: `make bench-search`
/// says what is found with and without them.
const GROUPS: [&str; 120] = [
    // Acts.
    "create make new add open start manage",
    "add append insert put attach push",
    "write save put insert",
    "write draft compose",
    "update change modify edit set patch manage fix",
    "rename name title move update manage",
    "delete remove erase drop trash discard throw forget manage clear",
    "get show read view see display retrieve fetch load",
    "list show all enumerate which",
    "find search look lookup query grep locate filter",
    "send post publish deliver write",
    "run execute evaluate invoke exec call start",
    "start launch begin trigger",
    "stop cancel end kill terminate halt pause",
    "close cancel delete resolve manage",
    "move transfer relocate put",
    "copy duplicate clone fork",
    "reply answer respond",
    "comment remark note annotate",
    "assign give",
    "link connect associate relate attach relation",
    "share permission access",
    "download save export dump",
    "upload import attach",
    "convert turn transform import",
    "compare diff difference",
    "undo revert rollback reset rollout",
    "approve review",
    "follow watch watcher",
    "monitor watch track",
    "check verify status",
    "count many number",
    "remember store memory",
    "schedule plan manage",
    "hide show",
    "resize width height wide narrow small size",
    "speed performance slow fast",
    // Things.
    "file document doc",
    "doc document page",
    "folder directory",
    "picture image photo icon screenshot",
    "screenshot capture screen",
    "mail email gmail message",
    "message chat",
    "conversation thread",
    "event meeting appointment calendar",
    "free busy freebusy availability",
    "issue ticket bug problem task",
    "error crash exception failure",
    "task todo",
    "repository repo project",
    "pr pull",
    "commit change",
    "spreadsheet sheet excel",
    "sheet tab",
    "presentation slide deck powerpoint",
    "form survey questionnaire",
    "response answer",
    "contact person people",
    "user member account person people who",
    "row record entry",
    "column field property",
    "dropdown select option",
    "cell value range",
    "schema structure type column",
    "database db",
    "document row record",
    "url link website site page web",
    "website site page",
    "browser page tab window",
    "web internet online",
    "address location place coordinate",
    "restaurant business place",
    "route direction drive",
    "height elevation altitude",
    "travel distance",
    "latitude longitude coordinate geocode",
    "paper article publication",
    "doc documentation reference manual",
    "label tag",
    "history log version past",
    "log output",
    "config setting configuration preference",
    "process program command",
    "command shell terminal",
    "terminal repl session",
    "container pod",
    "replica scale",
    "cluster kubernetes kubectl k8s",
    "node machine",
    "manifest yaml",
    "helm chart",
    "release version",
    "mouse hover cursor",
    "popup dialog alert",
    "keyboard key type",
    "wiki confluence",
    "crm hubspot",
    "chapter section",
    "parent child subpage",
    "emoji reaction thumb",
    "room channel space",
    "design figma",
    "plan explain",
    "mongo mongodb",
    "date time when",
    "timezone zone",
    "hierarchy tree",
    "metadata info detail",
    "style css format color colour",
    "current now today",
    "big large size",
    "high height elevation",
    "fill type enter input",
    "turn convert import parse",
    "batch many multiple several bulk",
    "new latest recent",
    "disk local file",
    "remark observation fact",
    "remember add create",
];

/// Words whose presence in a tool's name says that the tool changes something. A search
/// that asks for none of them rather means a tool that reads.
const CHANGES: &str = "add append apply assign batch close commit create delete draft drop edit \
    export fork generate import insert install kill link manage merge modify move patch post push \
    remove rename reply reset send set start stop terminate toggle transfer transition trigger \
    uninstall update upload write";

/// Of each stem that has any, the stems that may stand for it.
pub(super) fn related() -> BTreeMap<String, Vec<String>> {
    let mut related: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in GROUPS {
        let stems: Vec<String> = group.split_whitespace().map(stem).collect();
        for word in &stems {
            let known = related.entry(word.clone()).or_default();
            for other in &stems {
                if other != word && !known.contains(other) {
                    known.push(other.clone());
                }
            }
        }
    }
    related
}

/// Stems of the words that say that something is changed.
pub(super) fn changes() -> impl Iterator<Item = String> {
    CHANGES.split_whitespace().map(stem)
}
