//! Serialises transactions that count something before they add to it.

use sqlx::SqliteConnection;

use super::postgres::Session;

/// A transaction that can hold off others.
pub(crate) trait Turnstile {
    /// Waits for those who counted the same, and holds off who comes later until this transaction ends.
    fn pass(&mut self, what: &str) -> impl Future<Output = sqlx::Result<()>> + Send;
}

impl Turnstile for SqliteConnection {
    async fn pass(&mut self, _: &str) -> sqlx::Result<()> {
        // It has one writer at a time, and this one writes: `BEGIN IMMEDIATE`.
        Ok(())
    }
}

impl Turnstile for Session {
    async fn pass(&mut self, what: &str) -> sqlx::Result<()> {
        // Of the transaction, so that it goes with it also behind a pooler.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(what)
            .execute(self)
            .await
            .map(|_| ())
    }
}
