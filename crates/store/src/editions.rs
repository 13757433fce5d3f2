//! Editions of the agents' files: published by control planes, read by all processes of the pool, and named by the
//! calls that are held with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::turnstile::Turnstile as _;
use super::{At, Store, StoreError, in_transaction, on};
use sidetone_config::edition::Edition;

/// So many editions are kept, whoever uses them, and all that the last day's calls were held with.
const KEPT: i64 = 20;
/// A call's result may still be owed for so long, and is made by the agent that held the call.
const USED_WITHIN: TimeDelta = TimeDelta::days(1);

/// An edition, without its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditionRow {
    /// See [`Edition::version`].
    pub version: String,
    /// The machine whose control plane published it last.
    pub published_by: String,
    /// When it was published last.
    pub published_at: At,
    /// Since when it is the current one, whatever was published since. `None` if nobody asked for that.
    pub held_at: Option<At>,
    /// The number of its files.
    pub files: i64,
    /// Their size together.
    pub bytes: i64,
}

super::from_row!(EditionRow {
    version,
    published_by,
    published_at,
    held_at,
    files,
    bytes,
});

/// What became of files that were to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// They are the current edition, and were so before.
    Already,
    /// They are the current edition from now on.
    Current,
    /// Another edition is held: these are used when it no longer is.
    Waiting,
}

/// The current edition: the one that is held, else the one that was published last.
const CURRENT: &str = "SELECT version FROM agent_editions \
     ORDER BY CASE WHEN held_at IS NULL THEN 1 ELSE 0 END, held_at DESC, published_at DESC LIMIT 1";

impl Store {
    /// Makes an edition the current one, for calls that are asked for from now on; and deletes those that are old and
    /// that no call of the last day was held with. The same files again are the same edition, published again.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn publish_edition(
        &self,
        edition: &Edition,
        by: &str,
    ) -> Result<Published, StoreError> {
        const NEWEST: &str = "SELECT version, published_at FROM agent_editions \
             ORDER BY published_at DESC LIMIT 1";
        const PUBLISH: &str = "INSERT INTO agent_editions (version, published_by, published_at) \
             VALUES ($1, $2, $3) ON CONFLICT (version) DO UPDATE SET \
             published_by = excluded.published_by, published_at = excluded.published_at";
        const FILE: &str = "INSERT INTO agent_edition_files (version, path, content) \
             VALUES ($1, $2, $3) ON CONFLICT (version, path) DO NOTHING";
        const FORGET: &str = "DELETE FROM agent_editions WHERE held_at IS NULL \
             AND version NOT IN (SELECT version FROM agent_editions ORDER BY published_at DESC LIMIT $1) \
             AND version NOT IN (SELECT edition FROM voice_calls WHERE edition IS NOT NULL \
             AND (ended_at IS NULL OR ended_at > $2))";
        let now = self.database_now().await?;
        let version = edition.version();
        Ok(in_transaction!(self, |tx| {
            tx.pass("editions").await?;
            let newest: Option<(String, At)> =
                sqlx::query_as(NEWEST).fetch_optional(&mut *tx).await?;
            let is_newest = newest.as_ref().is_some_and(|(newest, _)| newest == version);
            if !is_newest {
                // A later publication is the later one, whatever the clock did.
                let after = newest.map(|(_, at)| at + TimeDelta::microseconds(1));
                sqlx::query(PUBLISH)
                    .bind(version)
                    .bind(by)
                    .bind(after.map_or(now, |after| after.max(now)))
                    .execute(&mut *tx)
                    .await?;
                for (path, content) in edition.files() {
                    sqlx::query(FILE)
                        .bind(version)
                        .bind(path)
                        .bind(&content[..])
                        .execute(&mut *tx)
                        .await?;
                }
                sqlx::query(FORGET)
                    .bind(KEPT)
                    .bind(now - USED_WITHIN)
                    .execute(&mut *tx)
                    .await?;
            }
            let current: String = sqlx::query_scalar(CURRENT).fetch_one(&mut *tx).await?;
            match (current == version, is_newest) {
                (true, true) => Published::Already,
                (true, false) => Published::Current,
                (false, _) => Published::Waiting,
            }
        }))
    }

    /// The version of the current edition. `None` if none was ever published.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn current_edition(&self) -> Result<Option<String>, StoreError> {
        Ok(on!(self, |pool| sqlx::query_scalar(CURRENT)
            .fetch_optional(pool)
            .await?))
    }

    /// The edition that a call is to be held with: the current one when this is asked first, and that one for ever.
    /// `None` if there is none.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn edition_for_call(
        &self,
        call_id: Option<Uuid>,
    ) -> Result<Option<String>, StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET edition = COALESCE(edition, $2) \
             WHERE id = $1 AND deleted_at IS NULL RETURNING edition";
        let current = self.current_edition().await?;
        let Some(call_id) = call_id.filter(|_| current.is_some()) else {
            return Ok(current);
        };
        let settled: Option<Option<String>> = on!(self, |pool| sqlx::query_scalar(UPDATE)
            .bind(call_id)
            .bind(&current)
            .fetch_optional(pool)
            .await?);
        Ok(settled.flatten().or(current))
    }

    /// An edition with its files. `None` if it is not there, or no longer.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn edition(&self, version: &str) -> Result<Option<Edition>, StoreError> {
        const SELECT: &str = "SELECT path, content FROM agent_edition_files WHERE version = $1";
        let files: Vec<(String, Vec<u8>)> = on!(self, |pool| sqlx::query_as(SELECT)
            .bind(version)
            .fetch_all(pool)
            .await?);
        let files: BTreeMap<String, Arc<[u8]>> = files
            .into_iter()
            .map(|(path, content)| (path, content.into()))
            .collect();
        // Files that somebody else wrote into the table are no edition of this version.
        let edition = Edition::new(files).ok();
        Ok(edition.filter(|edition| edition.version() == version))
    }

    /// All editions, the current one first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn editions(&self) -> Result<Vec<EditionRow>, StoreError> {
        const SELECT: &str = "SELECT e.version, e.published_by, e.published_at, e.held_at, \
             COUNT(f.path) AS files, CAST(COALESCE(SUM(LENGTH(f.content)), 0) AS BIGINT) AS bytes \
             FROM agent_editions e LEFT JOIN agent_edition_files f ON f.version = e.version \
             GROUP BY e.version, e.published_by, e.published_at, e.held_at \
             ORDER BY CASE WHEN e.held_at IS NULL THEN 1 ELSE 0 END, e.held_at DESC, \
             e.published_at DESC LIMIT 100";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Holds the pool at one edition, whatever is published; `None` to go on with the one that was published last.
    /// False if there is no such edition; then nothing changes.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn hold_edition(&self, version: Option<&str>) -> Result<bool, StoreError> {
        const KNOWN: &str = "SELECT COUNT(*) FROM agent_editions WHERE version = $1";
        const UPDATE: &str = "UPDATE agent_editions SET \
             held_at = CASE WHEN version = $1 THEN $2 ELSE NULL END \
             WHERE version = $1 OR held_at IS NOT NULL";
        let now = self.database_now().await?;
        Ok(in_transaction!(self, |tx| {
            tx.pass("editions").await?;
            let known: i64 = match version {
                Some(version) => {
                    sqlx::query_scalar(KNOWN)
                        .bind(version)
                        .fetch_one(&mut *tx)
                        .await?
                }
                None => 1,
            };
            if known > 0 {
                sqlx::query(UPDATE)
                    .bind(version.unwrap_or_default())
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
            }
            known > 0
        }))
    }
}
