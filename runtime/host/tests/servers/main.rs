//! The broker against servers: lying ones, real ones, and ones that will not die.

mod answers;
mod budgets;
mod contract;
mod lying_servers;
mod namespaces;
mod orphans;
mod real_servers;
mod schemas;
mod support;
