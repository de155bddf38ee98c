//! Looks at tool files that are not known yet.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use wxmcp_run::Language;

use crate::cache::{Entries, Entry};
use crate::config::Shared;
use crate::definition::{Described, Undescribed};
use crate::describe::describe;
use crate::place::{Place, language};
use crate::runner::Content;
use crate::shared::SharedFiles;
use crate::stamp::Stamp;
use crate::worker::ENOUGH;

/// A file that is new, or that may have changed.
pub(crate) struct Unknown {
    pub(crate) file: String,
    pub(crate) stamp: Stamp,
    /// What was known of it.
    pub(crate) known: Option<Entry>,
}

/// Where the files are, and what they share.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) namespace: String,
    pub(crate) folder: PathBuf,
    pub(crate) files: Arc<SharedFiles>,
    /// What tells versions of the shared code apart.
    pub(crate) fingerprint: Option<String>,
    pub(crate) shared: Arc<Shared>,
}

impl Around {
    /// Adds what each file is to `entries`. Each is read in an instance of its own; several are read at once.
    pub(crate) async fn look(&self, unknown: Vec<Unknown>, entries: &mut Entries) {
        let is_alone = unknown.len() == 1;
        let mut looked = stream::iter(unknown)
            .map(|unknown| self.one(unknown, is_alone))
            .buffer_unordered(ENOUGH);
        while let Some((file, entry)) = looked.next().await {
            entries.insert(file, entry);
        }
    }

    async fn one(&self, unknown: Unknown, is_alone: bool) -> (String, Entry) {
        let file = unknown.file.clone();
        let around = self.clone();
        let entry = async move { around.entry(unknown).await };
        // A component is compiled by a process.
        let is_script = language(&file).is_some_and(|(it, _)| it != Language::Component);
        if is_alone || !is_script {
            return (file, entry.await);
        }
        let entry = self.shared.worker().run(entry).await;
        (
            file,
            entry.unwrap_or_else(|| Entry::now("reading it failed".to_owned())),
        )
    }

    async fn entry(self, unknown: Unknown) -> Entry {
        let Unknown { file, stamp, known } = unknown;
        let path = self.folder.join(&file);
        let stamp = Some(stamp).filter(Stamp::is_settled);
        let lasting = |digest, defined| Entry {
            stamp,
            shared: self.fingerprint.clone(),
            digest,
            defined,
        };
        let Some((language, tool)) = language(&file) else {
            return Entry::now("it is no tool file".to_owned());
        };
        let content = match Content::read(&path, language, &self.files) {
            Ok(content) => content,
            // It may be readable the next time.
            Err(why) => return Entry::now(why),
        };
        let digest = content.digest();
        if let Some(known) = known.filter(|known| known.digest == digest) {
            return lasting(digest, known.defined);
        }
        let place = Place {
            namespace: &self.namespace,
            tool,
            file: &file,
            path,
            language,
            shared: &self.files,
        };
        match describe(&place, content, &self.shared).await {
            Err(Undescribed::Now(why)) => Entry::now(why),
            Err(Undescribed::Lasting(why)) => lasting(digest, Err(why)),
            Ok(described) => lasting(digest, Ok(described)),
        }
    }
}

impl Entry {
    /// Nothing that is known of the file: it is looked at again.
    fn now(why: String) -> Self {
        Self {
            stamp: None,
            shared: None,
            digest: String::new(),
            defined: Err::<Described, _>(why),
        }
    }
}
