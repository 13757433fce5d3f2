//! Detects a pooler that gives each transaction whatever server session is free.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

/// How often each client asks for its session twice in a row. Other processes take sessions in between; that every
/// answer makes each client seem to keep its own session soon becomes impossible.
const ROUNDS: usize = 4;
/// How long detection may take. A pooler that lends sessions to clients until they leave may have no second one to
/// lend.
const DEADLINE: Duration = Duration::from_secs(5);

/// Detects whether two clients are given the same session, or one client is given two, which never happens to clients
/// that keep sessions of their own.
///
/// If it cannot be determined, a pooler is assumed: that costs time, whereas the opposite mistake would cost the
/// calls.
pub(super) async fn is_between(options: &PgConnectOptions) -> bool {
    let unseen = match timeout(DEADLINE, look(options)).await {
        Ok(Ok(is_between)) => return is_between,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no second session within {} s", DEADLINE.as_secs()),
    };
    tracing::warn!(
        "whether DATABASE_URL leads to a pooler cannot be seen ({unseen}): taken for one"
    );
    true
}

/// Holds no session while it waits for another, so that many processes may run this at once.
async fn look(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut clients = [options.connect().await?, options.connect().await?];
    let mut sessions = [None, None];
    let mut is_shared = false;
    for n in (0..ROUNDS).flat_map(|_| [0, 0, 1, 1]) {
        let given = Some(session(&mut clients[n]).await?);
        is_shared = sessions[1 - n] == given || sessions[n].is_some() && sessions[n] != given;
        if is_shared {
            break;
        }
        sessions[n] = given;
    }
    for client in clients {
        client.close().await?;
    }
    Ok(is_shared)
}

/// The id of the server process that answers. Asked in one message, because a prepared statement takes two.
async fn session(connection: &mut PgConnection) -> sqlx::Result<i32> {
    let sql = "SELECT pg_backend_pid()::text";
    let answered: String = sqlx::raw_sql(sql).fetch_one(connection).await?.try_get(0)?;
    answered
        .parse()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
