//! The one pipeline that everything passes that leaves a sandbox, and the catalogue of tools that a caller
//! sees.
//!
//! A [`Broker`] knows no server, tool file or database. Tools come from a [`Provider`], and [`Capabilities`]
//! carries out requests to databases, hosts and directories; crates above implement both.
//! [`CallerHost`] is the broker as one caller sees it. The stages of the pipeline are listed in `pipeline`.
//!
//! What comes from a provider is hostile: it is bounded before it is kept, and what goes wrong is named,
//! never guessed.

mod answer;
mod broker;
mod capability;
mod catalogue;
mod door;
mod host;
mod pipeline;
mod provider;

pub use answer::{Answer, bounded_error, text_of};
pub use broker::{Broker, BrokerConfig};
pub use capability::{Capabilities, CapabilityRequest, Granted, NoCapabilities};
pub use catalogue::{KnownTools, Problems};
pub use host::CallerHost;
pub use pipeline::STAGES;
pub use pipeline::watcher::Watcher;
pub use provider::{Broken, ProvidedTools, Provider, Providers};
