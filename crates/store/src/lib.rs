//! Everything that is stored: calls, participants, what was said, LiveKit's events, dispatched agents, and the
//! metadata that travels with a dispatch ([`DispatchMetadata`]).
//!
//! SQLite is the embedded default; Postgres is used when DATABASE_URL is set. Each query is written once: both
//! databases take `$1`, RETURNING and ON CONFLICT, and [`on!`] runs the same expression on either pool (sqlx's own
//! `AnyPool` has no UUID support, sqlx #3571).
//!
//! Imported by the recording crate, the control plane and the process; imports `base` and `config`. No other crate
//! sees sqlx.
//!
//! Invariants: released migrations never change by a byte; facts from several sources are merged so that their order
//! cannot matter ([`status`]); times have microsecond resolution, as both databases do; a call whose data was deleted
//! accepts no more writes ([`erasure`]).

pub mod allowance;
pub mod awaited;
pub mod calls;
pub mod census;
pub mod dispatches;
pub mod editions;
pub mod egress;
pub mod epochs;
pub mod erasure;
pub mod errors;
pub mod figures;
pub mod history;
pub mod inbox;
pub mod live;
pub mod media;
mod metadata;
mod migrate;
pub mod news;
mod observe;
pub mod outbound;
pub mod owed;
pub mod participants;
pub mod personal;
pub mod places;
mod postgres;
pub mod recorders;
pub mod recordings;
pub mod repeatable;
pub mod results;
mod rooms;
pub mod saying;
pub mod series;
pub mod sessions;
pub mod status;
pub mod storable;
pub mod tools;
pub mod turns;
mod turnstile;
pub mod workers;

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, SqlSafeStr as _};

use postgres::Postgres;
use sidetone_base::metrics::metrics;
use sidetone_base::private;
use sidetone_config::env::Database;

pub use awaited::Awaited;
pub use calls::{Call, NewCall};
pub use live::LiveCall;
pub use metadata::{ALIVE_METHOD, DispatchMetadata, EPOCH_ATTRIBUTE};
pub use outbound::{Outbound, Outcome};
pub use recorders::RoomToRecord;
pub use recordings::{EgressStatus, Recorder, Recording, RecordingState};
pub use sqlx::types::Json;
pub use status::{At, CallStatus, CallType, Fact, ParticipantKind, Stay};
pub use turns::{Speaker, StoredTurn};

/// Replaces `sqlx::migrate!`: with sqlx's macros, all of sqlx is compiled a second time for the build machine.
macro_rules! migrations {
    ($folder:literal) => {
        migrations!($folder:
            "010_voice_calls", "012_history_figures", "030_recordings", "050_prompt_loop",
            "070_call_results", "071_variants", "080_egress", "090_workers", "091_call_errors",
            "092_admin_sessions", "093_figures", "094_deletion", "095_guard", "096_spool",
            "097_epoch", "098_resume", "099_return", "100_leave", "103_limits", "106_call_metadata",
            "107_between_people", "109_media", "110_call_events", "111_outbound", "112_pool",
            "113_tokens",
            "114_who_spoke", "115_editions", "116_saying", "117_handover", "118_over",
        )
    };
    ($folder:literal: $($name:literal),* $(,)?) => {
        LazyLock::new(|| {
            Migrator::with_migrations(vec![$(
                migration($name, include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $folder, "/", $name, ".sql"
                )))
            ),*])
        })
    };
}

static POSTGRES_MIGRATIONS: LazyLock<Migrator> = migrations!("postgres");
static SQLITE_MIGRATIONS: LazyLock<Migrator> = migrations!("sqlite");

/// Builds a migration as `sqlx::migrate!` would from its file: `010_voice_calls` is version 10, "voice calls".
fn migration(name: &str, sql: &'static str) -> Migration {
    let (version, about) = name
        .split_once('_')
        .expect("a migration's name has a number");
    Migration::new(
        version
            .parse()
            .expect("a migration's name begins with its number"),
        about.replace('_', " ").into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    )
}

/// How long to wait for a connection; an HTTP 503 is better than a queue.
const ACQUIRE_DEADLINE: Duration = Duration::from_secs(3);
const CONNECTIONS: u32 = 10;
/// How long one SQLite writer waits for another.
const BUSY_DEADLINE: Duration = Duration::from_secs(5);

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A query failed, or no connection was available.
    #[error("the database did not answer: {0}")]
    Query(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the database's tables could not be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
    /// Postgres presents a certificate that is not trusted.
    #[error(
        "the database's certificate is not trusted: {0}; for a private CA, add sslrootcert=FILE (PEM) to \
         DATABASE_URL or set SSL_CERT_FILE, and name the host as the certificate does"
    )]
    Certificate(sqlx::Error),
    /// A table has the name of one of ours, but is not ours.
    #[error(
        "the database has a table {table} that is not Sidetone's (it has no column {column}); rename that \
         table, or give Sidetone a database of its own"
    )]
    OthersTable {
        /// Its name.
        table: String,
        /// The column that ours has and it lacks.
        column: String,
    },
    /// The data folder cannot be used.
    #[error("the data folder {0} cannot be written: {1}")]
    Folder(String, std::io::Error),
}

impl StoreError {
    /// Classifies an error from connecting to Postgres.
    fn of_connecting(error: sqlx::Error) -> Self {
        // sqlx reports the TLS library's error as an I/O error.
        if !matches!(error, sqlx::Error::Database(_)) && error.to_string().contains("certificate") {
            return Self::Certificate(error);
        }
        Self::Query(error)
    }

    /// How to fix a text that PostgreSQL refused: it contained U+0000 (22P05, 22021), or was too long for its column
    /// (22001) or for an index (54000). `None` for any other error.
    pub fn refused_text(&self) -> Option<&'static str> {
        match self.code().as_deref() {
            Some("22P05" | "22021") => Some("A text holds a zero character; leave it out."),
            Some("22001" | "54000") => Some("A text is too long to be stored; shorten it."),
            _ => None,
        }
    }

    /// The database's own error code; unlike the message, it quotes no value.
    pub fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Query(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    /// Whether the database refused the data and would refuse it every time: a constraint, or a value that it cannot
    /// hold. Otherwise it was unreachable, busy or full, and the same write may succeed later.
    pub fn is_refusal(&self) -> bool {
        let Self::Query(sqlx::Error::Database(error)) = self else {
            return false;
        };
        // Postgres's class 22 is "data exception", 54 a limit such as an index's. SQLite's codes have at most four
        // digits.
        let code = error.code().unwrap_or_default();
        let bad_data = code.len() == 5 && (code.starts_with("22") || code.starts_with("54"));
        bad_data || !matches!(error.kind(), sqlx::error::ErrorKind::Other)
    }
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(Postgres),
}

/// The database, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
}

/// Runs one expression on whichever pool is in use: `on!(self, |pool| query(…).execute(pool).await?)`.
macro_rules! on {
    ($store:expr, |$pool:ident| $body:expr) => {
        match &$store.pool {
            $crate::Pool::Sqlite($pool) => $body,
            $crate::Pool::Postgres($pool) => $body,
        }
    };
    ($store:expr, |$pool:ident, $db:ident| $body:expr) => {
        match &$store.pool {
            $crate::Pool::Sqlite($pool) => {
                type $db = sqlx::Sqlite;
                $body
            }
            $crate::Pool::Postgres($pool) => {
                type $db = sqlx::Postgres;
                $body
            }
        }
    };
}

/// Like [`on!`], in one transaction; `?` rolls it back. SQLite takes its write lock immediately, so that two writers
/// wait for each other instead of failing.
macro_rules! in_transaction {
    ($store:expr, |$tx:ident| $body:expr) => {
        match &$store.pool {
            $crate::Pool::Sqlite(pool) => {
                let mut $tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
            $crate::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
        }
    };
}

/// Reads a row of either database into a struct, each column into the field of the same name; `field: text` is parsed
/// with `TryFrom<String>`. Replaces sqlx's derive, for the same reason as `migrations!`.
macro_rules! from_row {
    ($name:ident { $($field:ident $(: $text:ident)?),* $(,)? }) => {
        super::from_row!(@impl sqlx::sqlite::SqliteRow, $name { $($field $(: $text)?),* });
        super::from_row!(@impl sqlx::postgres::PgRow, $name { $($field $(: $text)?),* });
    };
    (@impl $row:ty, $name:ident { $($field:ident $(: $text:ident)?),* }) => {
        impl sqlx::FromRow<'_, $row> for $name {
            fn from_row(row: &$row) -> sqlx::Result<Self> {
                Ok(Self {
                    $($field: super::from_row!(@get row, stringify!($field) $(, $text)?)),*
                })
            }
        }
    };
    (@get $row:ident, $column:expr) => {
        sqlx::Row::try_get($row, $column)?
    };
    (@get $row:ident, $column:expr, text) => {
        sqlx::Row::try_get::<String, _>($row, $column)?
            .try_into()
            .map_err(|error| sqlx::Error::ColumnDecode {
                index: $column.to_owned(),
                source: Box::<dyn std::error::Error + Send + Sync>::from(error),
            })?
    };
}
pub(crate) use {from_row, in_transaction, on};

/// The wall clock, truncated to the microseconds that both databases store.
pub fn now() -> At {
    micros(DateTime::<Utc>::from(sidetone_base::clock::wall()))
}

/// Truncates a time to what the databases store: microseconds.
pub fn micros(at: At) -> At {
    at.trunc_subsecs(6)
}

impl Store {
    /// The database's own time. Claims and the workers' reports carry it, because the clocks of several machines differ.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn database_now(&self) -> Result<At, StoreError> {
        match &self.pool {
            // One file, one machine, one clock.
            Pool::Sqlite(_) => Ok(now()),
            Pool::Postgres(pool) => {
                let now = sqlx::query_scalar("SELECT now()").fetch_one(pool).await?;
                Ok(micros(now))
            }
        }
    }

    /// Opens the database and brings its tables up to date, under a lock, so that any number of processes may start at
    /// once.
    ///
    /// # Errors
    /// The database is unreachable, the folder cannot be written, or a migration failed.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        // Postgres has a lock of its own (`migrate`). In SQLite nothing protects the first connection's switch to WAL,
        // which fails immediately when another process makes it too; a file serves as the lock.
        let lock = match database {
            Database::Sqlite(path) => Some(lock_file(path).await?),
            Database::Postgres(_) => None,
        };
        for status in CallStatus::ALL {
            metrics().calls.status(status.as_str());
        }
        let store = Self::connect(database).await?;
        store.migrate().await?;
        drop(lock);
        Ok(store)
    }

    /// Opens the database without migrating it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn connect(database: &Database) -> Result<Self, StoreError> {
        let pool = match database {
            Database::Sqlite(path) => {
                make_private(path)?;
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // With WAL a killed process loses nothing; only a power cut may lose the last transactions.
                    .synchronous(SqliteSynchronous::Normal)
                    .foreign_keys(true)
                    .busy_timeout(BUSY_DEADLINE)
                    // Its own LOWER and LIKE know ASCII only.
                    .with_regexp()
                    .pragma("cache_size", "-65536")
                    // Overwrites deleted data: a retention period would be worthless if the words stayed in the file.
                    .pragma("secure_delete", "ON");
                // On a full disk SQLite ends a transaction by itself. sqlx would then consider the connection inside
                // that transaction for ever, so it is closed and a new one is opened.
                let pool = SqlitePoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(ACQUIRE_DEADLINE)
                    .after_release(|connection, _| {
                        let usable = !connection.is_in_transaction();
                        Box::pin(async move { Ok(usable) })
                    });
                Pool::Sqlite(pool.connect_with(options).await?)
            }
            Database::Postgres(url) => {
                let connected = Postgres::connect(url).await;
                Pool::Postgres(connected.map_err(StoreError::of_connecting)?)
            }
        };
        Ok(Self { pool })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on!(self, |pool| sqlx::query("SELECT 1")
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Whether the tables exist.
    pub async fn has_tables(&self) -> bool {
        const SELECT: &str = "SELECT 1 FROM webhook_events LIMIT 1";
        on!(self, |pool| sqlx::query(SELECT)
            .fetch_optional(pool)
            .await
            .is_ok())
    }

    /// "sqlite" or "postgres".
    pub fn kind(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite(_) => "sqlite",
            Pool::Postgres(_) => "postgres",
        }
    }

    /// How many transactions of this process can write side by side: on SQLite one, for which others only wait.
    pub fn writes_at_once(&self) -> usize {
        match self.pool {
            Pool::Sqlite(_) => 1,
            Pool::Postgres(_) => CONNECTIONS as usize,
        }
    }

    /// Waits for running queries and closes the pool.
    pub async fn close(&self) {
        on!(self, |pool| pool.close().await);
    }
}

/// Waits for the lock file beside the database. Dropping the file releases the lock.
async fn lock_file(database: &Path) -> Result<fs::File, StoreError> {
    make_folder(database)?;
    let path = database.with_extension("migrate-lock");
    let failed = |error| StoreError::Folder(path.display().to_string(), error);
    let mut options = private::options();
    let file = (options.write(true).create(true).truncate(false).open(&path)).map_err(failed)?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(|error| failed(std::io::Error::other(error)))?
        .map_err(failed)
}

/// Creates the database's file before SQLite does, which would let others read it. SQLite's log and index get the
/// permissions of the file.
fn make_private(database: &Path) -> Result<(), StoreError> {
    make_folder(database)?;
    let mut options = private::options();
    let made = options.append(true).create(true).open(database).map(drop);
    match made {
        // Whether a read-only database is usable is for SQLite to decide.
        Err(error) if !database.exists() => {
            Err(StoreError::Folder(database.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

fn make_folder(database: &Path) -> Result<(), StoreError> {
    let Some(folder) = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    private::folder(folder).map_err(|error| StoreError::Folder(folder.display().to_string(), error))
}

#[cfg(test)]
mod tests;
