//! For the fuzzer alone.

use url::Url;

use crate::hosts::Wanted;

/// The pattern that a refusal says would allow a URL's host.
pub fn wanted(url: &Url) -> String {
    Wanted(url).to_string()
}
