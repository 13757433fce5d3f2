//! JSON as a schema allows it, written byte by byte. PURE.
//!
//! [`Schema`] is read once; [`Writing`] is how far a text has come, and says for any bytes whether
//! the text could go on with them. A text that was let through up to where it [`is
//! complete`](Writing::is_complete) is JSON of that schema, save for what [`schema`] passes over.
//! Nothing in it is without a limit, and there is always a byte to go on with.

mod number;
mod schema;
mod writing;

pub use schema::{BadSchema, Schema};
pub(super) use writing::Writing;

#[cfg(test)]
mod tests;
