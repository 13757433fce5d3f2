//! Brings the tables up to date, in one transaction, and keeps sqlx's ledger of applied migrations.
//!
//! sqlx's own `Migrator` takes a session lock, which a pooler may give to somebody else, and runs every migration that
//! its ledger does not list, although an operator may have applied the same files by hand (`psql -f`). Here the lock
//! belongs to the transaction, and a migration whose tables already exist is applied statement by statement: whatever
//! exists stays as it is. So tables without a ledger or with half of one, and files that failed in the middle, are all
//! taken over; tables of the same name that somebody else made are refused.

mod statements;
#[cfg(test)]
mod tests;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Error};

use super::turnstile::Turnstile as _;
use super::{POSTGRES_MIGRATIONS, Pool, SQLITE_MIGRATIONS, Store, StoreError, in_transaction};

/// The SQL in which the databases differ.
struct Words {
    /// Creates sqlx's ledger, as sqlx does.
    ledger: &'static str,
    /// Selects the columns of a table; there are none if the table does not exist.
    columns: &'static str,
}

const SQLITE: Words = Words {
    ledger: "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
         description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
         success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    columns: "SELECT name FROM pragma_table_info($1)",
};
const POSTGRES: Words = Words {
    ledger: "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
         description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
         success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)",
    columns: "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1::text) \
         AND attnum > 0 AND NOT attisdropped",
};
const APPLIED: &str = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
const APPLY: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
     execution_time) VALUES ($1, $2, TRUE, $3, -1)";

/// A row of the ledger: version, checksum, whether it succeeded.
type Line = (i64, Vec<u8>, bool);

/// Runs SQL within a transaction and returns whether it ran: if what it creates already exists, it is rolled back as
/// if it had never run.
macro_rules! run {
    ($tx:ident, $sql:expr, $version:expr) => {{
        sqlx::raw_sql("SAVEPOINT migration")
            .execute(&mut *$tx)
            .await?;
        let (ran, end) = match sqlx::raw_sql($sql).execute(&mut *$tx).await {
            Ok(_) => (true, "RELEASE SAVEPOINT migration"),
            Err(error) if is_there_already(&error) => (false, "ROLLBACK TO SAVEPOINT migration"),
            Err(error) => return Err(MigrateError::ExecuteMigration(error, $version).into()),
        };
        sqlx::raw_sql(end).execute(&mut *$tx).await?;
        ran
    }};
}

impl Store {
    /// Brings the tables up to date. On Postgres any number of processes may do so at once; see [`Store::open`] for
    /// SQLite. If Postgres's tables are already up to date, nothing is written, so that a process may start without
    /// the right to create tables.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        let (words, migrations): (_, &Migrator) = match &self.pool {
            Pool::Sqlite(_) => (SQLITE, &SQLITE_MIGRATIONS),
            Pool::Postgres(_) => (POSTGRES, &POSTGRES_MIGRATIONS),
        };
        // SQLite has a single connection until its tables are made: a second one, opened earlier, would go on with the
        // old columns.
        if let Pool::Postgres(pool) = &self.pool
            && let Ok(lines) = sqlx::query_as(APPLIED).fetch_all(pool).await
            && missing(migrations, &lines)?.is_empty()
        {
            return Ok(());
        }
        in_transaction!(self, |tx| {
            tx.pass("migrations").await?;
            sqlx::raw_sql(words.ledger).execute(&mut *tx).await?;
            let lines: Vec<Line> = sqlx::query_as(APPLIED).fetch_all(&mut *tx).await?;
            for Migration {
                version,
                description,
                sql,
                checksum,
                ..
            } in missing(migrations, &lines)?
            {
                for (table, made) in statements::tables(sql.as_str()) {
                    let columns = sqlx::query_scalar(words.columns).bind(table);
                    belongs(table, &made, &columns.fetch_all(&mut *tx).await?)?;
                }
                if !run!(tx, sql.clone(), *version) {
                    for statement in statements::of(sql.as_str()) {
                        run!(tx, AssertSqlSafe(statement), *version);
                    }
                    tracing::info!(
                        version,
                        "a migration that was applied by hand is taken over"
                    );
                }
                let line = sqlx::query(APPLY).bind(version).bind(&**description);
                line.bind(&**checksum).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }
}

/// The migrations that a ledger does not list. Any others in the ledger were applied by a newer Sidetone, which is
/// safe for this one.
fn missing<'a>(
    migrations: &'a Migrator,
    lines: &[Line],
) -> Result<Vec<&'a Migration>, MigrateError> {
    let mut missing = Vec::new();
    for migration in migrations.iter() {
        match lines
            .iter()
            .find(|(version, ..)| *version == migration.version)
        {
            None => missing.push(migration),
            Some((version, _, false)) => return Err(MigrateError::Dirty(*version)),
            Some((version, checksum, true)) if **checksum != *migration.checksum => {
                return Err(MigrateError::VersionMismatch(*version));
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

/// Whether a table, if it exists, can be the one that a migration makes.
fn belongs(table: &str, made: &[&str], columns: &[String]) -> Result<(), StoreError> {
    let lacks = |column: &&&str| columns.iter().all(|has| has != *column);
    match made.iter().find(lacks) {
        Some(column) if !columns.is_empty() => Err(StoreError::OthersTable {
            table: table.to_owned(),
            column: (*column).to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether a statement failed because the table, column or index that it creates already exists.
fn is_there_already(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    match error.code().as_deref() {
        Some("42P07" | "42701" | "42710") => true,
        // SQLite's code for any error in a statement; only its message says which.
        Some("1") => {
            let text = error.message();
            text.contains("already exists") || text.starts_with("duplicate column name")
        }
        _ => false,
    }
}
