//! Whether a pooler gives each transaction whatever session of the server is free.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

/// How often it is looked: another program may take a session in between.
const LOOKS: usize = 3;
/// Longest time that a look takes. A pooler that lends sessions to clients until they leave may have no second
/// one to lend.
const DEADLINE: Duration = Duration::from_secs(2);

/// Looks whether two clients are given the same session, or one is given two, which happens to nobody who
/// keeps a session of his own. What cannot be seen is taken for none.
pub(super) async fn is_between(options: &PgConnectOptions) -> bool {
    for _ in 0..LOOKS {
        match timeout(DEADLINE, look(options)).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => return true,
            Ok(Err(_)) | Err(_) => return false,
        }
    }
    false
}

async fn look(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut one = options.connect().await?;
    let mut other = options.connect().await?;
    let first = session(&mut one, "").await?;
    // A pooler hands out the session that came back last, and this one is kept until the transaction ends.
    let second = session(&mut other, "BEGIN; ").await?;
    let is_shared = first == second || session(&mut one, "").await? != first;
    session(&mut other, "ROLLBACK; ").await?;
    one.close().await?;
    other.close().await?;
    Ok(is_shared)
}

/// The server's process that answers. One message, for a statement that is prepared takes two.
async fn session(connection: &mut PgConnection, before: &str) -> sqlx::Result<String> {
    let sql = AssertSqlSafe(format!("{before}SELECT pg_backend_pid()::text"));
    sqlx::raw_sql(sql).fetch_one(connection).await?.try_get(0)
}
