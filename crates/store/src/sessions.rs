//! Who is signed in to the admin pages. A session is its row: when that is gone, it is over, in all
//! processes that share the store.

use uuid::Uuid;

use super::{At, Store, StoreError, in_transaction, on};

/// A session that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the cookie's token.
    pub token: [u8; 32],
    /// An admin's id, or the name of an API key.
    pub holder: String,
    /// The name shown to others.
    pub name: Option<String>,
    /// Of an API key: which one had that name.
    pub key: Option<String>,
    /// When it is over by itself.
    pub until: At,
}

/// A session that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// To end it by.
    pub id: Uuid,
    /// See [`NewSession::holder`].
    pub holder: String,
    /// See [`NewSession::name`].
    pub name: Option<String>,
    /// See [`NewSession::key`].
    pub key: Option<String>,
    /// When it began.
    pub created_at: At,
    /// When it is over by itself.
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
    /// Opens a session, and clears away those that are over.
    ///
    /// # Errors
    /// The database did not answer; nothing is changed then.
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

    /// The session of a token; none when it was ended or is over.
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

    /// The sessions that are not over, newest first, at most 500.
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

    /// Ends the session of a token. False when there was none.
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

    /// Ends a session by its id. False when there was none.
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

    /// Ends all sessions of a holder: of an admin, or of an API key.
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
