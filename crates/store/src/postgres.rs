//! Postgres: its address, and what is different behind a pooler.
//!
//! A pooler such as pgbouncer in transaction mode lends out a server session for one transaction. Whatever a session
//! keeps is then missing in the next one, or somebody else's: sqlx prepares a statement in one message and executes it
//! in the next, perhaps in another session. So behind such a pooler, which [`pooler`] detects, each query is a
//! transaction of its own, and statements have no names. That costs two more round trips to the server.
//!
//! The address may be in a file that changes while the process runs (a rotated password, a standby that takes over):
//! it is read when it is used, and older connections are closed instead of being reused.

mod pooler;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use sqlx::error::BoxDynError;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow, PgSslMode,
    PgStatement, PgTypeInfo,
};
use sqlx::{Either, Execute, Executor, SqlStr};

use super::{ACQUIRE_DEADLINE, CONNECTIONS};
use sidetone_base::clock;
use sidetone_config::secret::Secret;

type Step = Either<PgQueryResult, PgRow>;
type Steps<'a> = BoxStream<'a, sqlx::Result<Step>>;

/// A pool of connections; a reference to it executes queries as a reference to sqlx's pool does.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    address: Arc<Address>,
    /// Whether a pooler gives each transaction whatever server session is free.
    is_shared: bool,
}

/// The address of the server.
#[derive(Debug)]
struct Address {
    url: Secret,
    used: Mutex<Used>,
}

/// The address that new connections go to.
struct Used {
    url: Arc<str>,
    /// When it changed, if it has.
    since: Option<Instant>,
}

impl std::fmt::Debug for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Used").field("since", &self.since).finish()
    }
}

impl Address {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Postgres {
    /// Connects, and detects whether a pooler is in between.
    pub(crate) async fn connect(url: &Secret) -> sqlx::Result<Self> {
        let used = url.expose();
        let (options, is_named) = options(&used)?;
        let address = Arc::new(Address {
            url: url.clone(),
            used: Mutex::new(Used {
                url: used,
                since: None,
            }),
        });
        let of_now = Arc::clone(&address);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_DEADLINE)
            .before_acquire(move |_, connection| {
                let since = of_now.used().since;
                let age = connection.age;
                let is_of_now =
                    since.is_none_or(|since| age <= clock::now().saturating_duration_since(since));
                Box::pin(async move { Ok(is_of_now) })
            })
            .connect_with(options.clone())
            .await?;
        let is_shared = is_named || pooler::is_between(&options).await;
        if is_shared {
            tracing::info!(
                "DATABASE_URL leads to a pooler in transaction mode; each query is a transaction of its own"
            );
        }
        Ok(Self {
            pool,
            address,
            is_shared,
        })
    }

    /// The pool, whose new connections go to the current address.
    fn now(&self) -> &PgPool {
        let url = self.address.url.expose();
        let mut used = self.address.used();
        if used.url != url {
            match options(&url) {
                Ok((options, _)) => {
                    tracing::info!("DATABASE_URL has changed; the database is connected to anew");
                    self.pool.set_connect_options(options);
                    used.since = Some(clock::now());
                }
                // Never log the address itself: it may hold a password.
                Err(error) => tracing::error!("DATABASE_URL has changed and is not used: {error}"),
            }
            used.url = url;
        }
        &self.pool
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction> {
        let own = self.now().begin().await?;
        Ok(Transaction(Session {
            own,
            is_shared: self.is_shared,
        }))
    }

    /// Runs a query in a transaction of its own, and returns all its results.
    async fn alone<'q, E>(&self, query: E) -> sqlx::Result<Vec<Step>>
    where
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        let mut tx = self.begin().await?;
        let steps = tx.fetch_many(query).try_collect().await?;
        tx.commit().await?;
        Ok(steps)
    }

    /// Waits for running queries and closes the pool.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction, which is rolled back when it is dropped.
#[derive(Debug)]
pub(crate) struct Transaction(Session);

impl Transaction {
    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.0.own.commit().await
    }
}

impl Deref for Transaction {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}

/// The server session that a transaction has until its end.
#[derive(Debug)]
pub(crate) struct Session {
    own: sqlx::Transaction<'static, sqlx::Postgres>,
    is_shared: bool,
}

/// A query whose statement gets no name, because the session would keep the statement for its next user.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, sqlx::Postgres>> Execute<'q, sqlx::Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Self::Database>,
    {
        if self.is_shared {
            self.own.fetch_many(Unnamed(query))
        } else {
            self.own.fetch_many(query)
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Self::Database>,
    {
        if self.is_shared {
            self.own.fetch_optional(Unnamed(query))
        } else {
            self.own.fetch_optional(query)
        }
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        self.own.prepare_with(sql, parameters)
    }
}

impl<'p> Executor<'p> for &'p Postgres {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'p: 'e,
        E: 'q + Execute<'q, Self::Database>,
    {
        if !self.is_shared {
            return self.now().fetch_many(query);
        }
        let steps = self.alone(query);
        stream::once(steps)
            .map_ok(|steps| stream::iter(steps.into_iter().map(sqlx::Result::Ok)))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Self::Database>,
    {
        if !self.is_shared {
            return self.now().fetch_optional(query);
        }
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let row = tx.fetch_optional(query).await?;
            tx.commit().await?;
            Ok(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        self.now().prepare_with(sql, parameters)
    }
}

/// Parses an address, and tells whether it names a pooler in transaction mode itself.
///
/// Besides sqlx's parameters it may have others that are in common use: `pgbouncer=true`, by which other programs
/// recognise a pooler; `sslrootcert=system`, psql's name for what is done anyway (the server's name is then checked);
/// and `channel_binding`, which is ignored.
fn options(url: &str) -> sqlx::Result<(PgConnectOptions, bool)> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut is_named, mut by_system) = (false, false);
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("pgbouncer", value) => is_named = value == "true",
            ("sslrootcert", "system") => by_system = true,
            ("channel_binding", _) => {}
            _ => {
                kept.append_pair(&name, &value);
            }
        }
    }
    let kept = kept.finish();
    let url = match kept.is_empty() {
        true => Cow::Borrowed(base),
        false => Cow::Owned(format!("{base}?{kept}")),
    };
    // Poolers refuse to start a session with it, and it is not needed, because rows travel in binary.
    let mut options = PgConnectOptions::from_str(&url)?.extra_float_digits(None);
    if by_system {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    Ok((options, is_named))
}
