//! JSON as a schema allows it, written byte by byte. PURE.
//!
//! [`Schema`] is read once; [`Writing`] is the progress of a text, and tells whether the text could continue with
//! given bytes. A text that was accepted up to where it [`is complete`](Writing::is_complete) is JSON that matches the
//! schema, except for what [`schema`] ignores. Everything in it has a limit, and there is always a byte to continue
//! with.

mod number;
mod schema;
mod writing;

pub use schema::{BadSchema, Schema};
pub(super) use writing::Writing;

#[cfg(test)]
mod tests;
