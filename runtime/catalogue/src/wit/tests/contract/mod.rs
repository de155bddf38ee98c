//! WIT is the contract: the generated text, read back by a parser of WIT, is what stubs and
//! the validation of arguments say, too.

mod stub_text;
mod stubs;
mod validation;
