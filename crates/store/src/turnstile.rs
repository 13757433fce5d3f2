//! Serialises transactions that count something before they add to it.

use sqlx::SqliteConnection;

use super::postgres::Session;

/// A transaction that can hold off others.
pub(crate) trait Turnstile {
    /// Waits for transactions that count the same thing, and holds off later ones until this transaction ends.
    fn pass(&mut self, what: &str) -> impl Future<Output = sqlx::Result<()>> + Send;
}

impl Turnstile for SqliteConnection {
    async fn pass(&mut self, _: &str) -> sqlx::Result<()> {
        // SQLite has one writer at a time, and this transaction is it: `BEGIN IMMEDIATE`.
        Ok(())
    }
}

impl Turnstile for Session {
    async fn pass(&mut self, what: &str) -> sqlx::Result<()> {
        // A transaction lock, so that it ends with the transaction, also behind a pooler.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(what)
            .execute(self)
            .await
            .map(|_| ())
    }
}
