//! Who is signed in to the admin pages. A session is its row: when the row is deleted, the session is over, in all
//! processes that share the store.

use uuid::Uuid;

use super::{At, Store, StoreError, in_transaction, on};

/// A session to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the cookie's token.
    pub token: [u8; 32],
    /// An admin's id, or the name of an API key.
    pub holder: String,
    /// The display name.
    pub name: Option<String>,
    /// For an API key: which key had that name.
    pub key: Option<String>,
    /// When it expires.
    pub until: At,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The id by which it can be ended.
    pub id: Uuid,
    /// See [`NewSession::holder`].
    pub holder: String,
    /// See [`NewSession::name`].
    pub name: Option<String>,
    /// See [`NewSession::key`].
    pub key: Option<String>,
    /// When it began.
    pub created_at: At,
    /// When it expires.
    pub until: At,
}

super::from_row!(SessionRow {
    id,
    holder,
    name,
    key,
    created_at,
    until
});

impl Store {
    /// Opens a session, and deletes expired ones.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
    pub async fn open_session(&self, session: &NewSession, now: At) -> Result<(), StoreError> {
        const OVER: &str = "DELETE FROM admin_sessions WHERE until <= $1";
        const INSERT: &str = "INSERT INTO admin_sessions \
             (id, token, holder, name, key, created_at, until) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        in_transaction!(self, |tx| {
            sqlx::query(OVER).bind(now).execute(&mut *tx).await?;
            sqlx::query(INSERT)
                .bind(Uuid::now_v7())
                .bind(&session.token[..])
                .bind(&session.holder)
                .bind(&session.name)
                .bind(&session.key)
                .bind(now)
                .bind(session.until)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// The session of a token. `None` if it was ended or has expired.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn session(
        &self,
        token: &[u8; 32],
        now: At,
    ) -> Result<Option<SessionRow>, StoreError> {
        const SELECT: &str = "SELECT id, holder, name, key, created_at, until \
             FROM admin_sessions WHERE token = $1 AND until > $2";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(&token[..])
            .bind(now)
            .fetch_optional(pool)
            .await?))
    }

    /// The open sessions, newest first, at most 500.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn sessions(&self, now: At) -> Result<Vec<SessionRow>, StoreError> {
        const SELECT: &str = "SELECT id, holder, name, key, created_at, until \
             FROM admin_sessions WHERE until > $1 ORDER BY created_at DESC, id DESC LIMIT 500";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(now)
            .fetch_all(pool)
            .await?))
    }

    /// Ends the session of a token. Returns false if there was none.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn end_session(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM admin_sessions WHERE token = $1";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(&token[..])
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Ends a session by its id. Returns false if there was none.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn revoke_session(&self, id: Uuid) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM admin_sessions WHERE id = $1";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Ends all sessions of a holder: an admin, or an API key.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn end_sessions_of(&self, holder: &str, key: Option<&str>) -> Result<(), StoreError> {
        const DELETE: &str =
            "DELETE FROM admin_sessions WHERE holder = $1 AND COALESCE(key, '') = $2";
        on!(self, |pool| sqlx::query(DELETE)
            .bind(holder)
            .bind(key.unwrap_or_default())
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }
}
