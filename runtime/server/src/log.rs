//! What the server writes of what happens: one line each, never code, values or secrets.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;

/// Where the lines go. Copies lead to the same place.
#[derive(Clone)]
pub struct Log(Option<Arc<Mutex<Box<dyn Write + Send>>>>);

impl Log {
    /// Nothing is written.
    pub fn none() -> Self {
        Self(None)
    }

    /// Lines go to `writer`; one that cannot be written is lost.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(Box::new(writer)))))
    }

    /// Writes one line with the time in front.
    pub fn line(&self, words: fmt::Arguments<'_>) {
        let Some(writer) = &self.0 else {
            return;
        };
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let line = format!("{now} {words}\n");
        let mut writer = writer.lock();
        let _lost = writer
            .write_all(line.as_bytes())
            .and_then(|()| writer.flush());
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
