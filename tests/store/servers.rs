//! Postgres in various setups: behind a pooler, with tables made by hand, with TLS, at an address that changes.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use sidetone_store::StoreError;
use sidetone_testkit::PgBouncer;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::*;
use crate::rooms::binary::PROGRAM;
use crate::rooms::gate::Authority;
use crate::support::eventually;

const PATIENCE: u64 = 60;

fn database(url: impl Into<String>) -> Database {
    Database::Postgres(Secret::new(url))
}

/// The migrations for Postgres, in the order in which an operator applies them.
fn migrations() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs `psql -f` with these files, one after the other.
fn by_hand(postgres: &Postgres, database: &str, files: &[PathBuf]) {
    let named = files.iter().flat_map(|file| ["-f", file.to_str().unwrap()]);
    let arguments: Vec<_> = ["-v", "ON_ERROR_STOP=1"].into_iter().chain(named).collect();
    let (went_well, said) = postgres.psql(database, &arguments);
    assert!(went_well, "{said}");
}

fn make(postgres: &Postgres, name: &str) {
    let (went_well, said) = postgres.psql("postgres", &["-c", &format!("CREATE DATABASE {name}")]);
    assert!(went_well, "{said}");
}

/// Several processes use the same few sessions in turn, so a statement that one has prepared in a session is still
/// there for the next.
#[tokio::test(flavor = "multi_thread")]
async fn the_story_behind_a_pooler_in_transaction_mode() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::before(&postgres, "transaction", 3);
    tell(&database(pooler.url())).await;

    let behind = database(pooler.url());
    let one = Store::open(&behind).await.unwrap();
    let other = Store::open(&behind).await.unwrap();
    ask_at_once(&[one, other], 100).await;
}

/// A deploy: all processes check for a pooler while the others hold its few sessions.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_starts_beside_others_notices_the_pooler() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::before(&postgres, "transaction", 2);
    let behind = database(pooler.url());
    let opening = std::iter::repeat_with(|| Store::open(&behind)).take(6);
    let stores = futures::future::try_join_all(opening).await.unwrap();
    ask_at_once(&stores, 90).await;
}

/// Makes and reads this many calls at once, using these stores in turn.
async fn ask_at_once(stores: &[Store], calls: i64) {
    let mut asking = JoinSet::new();
    for (n, store) in (10_000..10_000 + calls).zip(stores.iter().cycle()) {
        let store = store.clone();
        asking.spawn(async move {
            let call = new_call(n, "ann", CallType::Support);
            store.create_call(&call).await.unwrap();
            let read = store.call(call.id).await.unwrap().unwrap();
            assert_eq!(read.room_name, call.room_name);
        });
    }
    let mut done = 0;
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
        done += 1;
    }
    assert_eq!(done, calls);
    for store in stores {
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_lends_whole_sessions_does_not_count() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::before(&postgres, "session", 40);
    tell(&database(pooler.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_made_by_hand_are_taken_over() {
    let postgres = Postgres::start();
    let files = migrations();
    for made in 0..=files.len() {
        let name = format!("made_{made}");
        make(&postgres, &name);
        by_hand(&postgres, &name, &files[..made]);
        for start in ["first", "second"] {
            let opened = Store::open(&database(postgres.url_of(&name))).await;
            let store = opened.unwrap_or_else(|error| panic!("{made} by hand, {start}: {error}"));
            assert!(store.has_tables().await);
            store.close().await;
        }
        let count = "SELECT count(*) FROM _sqlx_migrations WHERE success";
        let (_, said) = postgres.psql(&name, &["-At", "-c", count]);
        assert_eq!(said.trim(), files.len().to_string(), "{name}");
    }
    // What was written before is still there, and everything works.
    let (last, name) = (files.len(), "made_all_at_once");
    make(&postgres, name);
    by_hand(&postgres, name, &files[..last]);
    let insert = "INSERT INTO voice_calls (id, room_name, caller_id, call_type) VALUES \
                  ('00000000-0000-0000-0000-00000000ffff', 'before', 'ann', 'support')";
    let (went_well, said) = postgres.psql(name, &["-c", insert]);
    assert!(went_well, "{said}");
    let store = Store::open(&database(postgres.url_of(name))).await.unwrap();
    let kept = store.call(Uuid::from_u128(0xffff)).await.unwrap().unwrap();
    assert_eq!(kept.room_name, "before");
    store.close().await;
}

/// A migration that was interrupted, and one that was applied by hand although an older Sidetone had the migrations
/// table.
#[tokio::test(flavor = "multi_thread")]
async fn the_missing_part_of_a_migration_is_added() {
    let postgres = Postgres::start();
    let store = Store::open(&database(postgres.url())).await.unwrap();
    store.close().await;
    let undo = "DROP INDEX call_errors_entry; DROP TABLE call_figures; \
                DELETE FROM _sqlx_migrations WHERE version IN (96, 103)";
    let (went_well, said) = postgres.psql("postgres", &["-c", undo]);
    assert!(went_well, "{said}");
    tell(&database(postgres.url())).await;
    let there = "SELECT to_regclass('call_figures') IS NOT NULL AND to_regclass('call_errors_entry') IS NOT NULL";
    let (_, said) = postgres.psql("postgres", &["-At", "-c", there]);
    assert_eq!(said.trim(), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_somebody_else_are_refused_and_left_alone() {
    let postgres = Postgres::start();
    for (n, (table, column)) in [("workers", "host"), ("voice_calls", "room_sid")]
        .iter()
        .enumerate()
    {
        let name = format!("others_{n}");
        make(&postgres, &name);
        let make = format!("CREATE TABLE {table} (id UUID PRIMARY KEY, room_name TEXT)");
        let (went_well, said) = postgres.psql(&name, &["-c", &make]);
        assert!(went_well, "{said}");
        let error = Store::open(&database(postgres.url_of(&name)))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::OthersTable { .. }), "{error}");
        assert!(error.to_string().contains(table), "{error} {column}");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        let (_, said) = postgres.psql(&name, &["-At", "-c", tables]);
        assert_eq!(said.trim(), "1", "{table}");
    }
}

/// `sidetone migrate` runs as one database user, and `serve` as another, who may not create tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_read_and_write_can_start() {
    let postgres = Postgres::start();
    let store = Store::open(&database(postgres.url())).await.unwrap();
    store.close().await;
    let role = "CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk; \
                GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk";
    let (went_well, said) = postgres.psql("postgres", &["-c", role]);
    assert!(went_well, "{said}");
    let url = postgres.url().replace("postgres@", "clerk@");
    let store = Store::open(&database(url)).await.unwrap();
    let call = new_call(1, "ann", CallType::Support);
    store.create_call(&call).await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_sidetone_may_have_been_there() {
    let postgres = Postgres::start();
    let store = Store::open(&database(postgres.url())).await.unwrap();
    store.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (999, 'of tomorrow', TRUE, '\\x00', 1)";
    let (went_well, said) = postgres.psql("postgres", &["-c", newer]);
    assert!(went_well, "{said}");
    let store = Store::open(&database(postgres.url())).await.unwrap();
    store.close().await;
    // If another version of the migration was applied, that is an error.
    let other = "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 50";
    let (went_well, said) = postgres.psql("postgres", &["-c", other]);
    assert!(went_well, "{said}");
    let error = Store::open(&database(postgres.url())).await.unwrap_err();
    assert!(error.to_string().contains("50"), "{error}");
}

/// A password is rotated, or a standby takes over: the file changes, and no process has to be restarted.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_a_file_is_read_again() {
    let postgres = Postgres::start();
    make(&postgres, "second");
    let (first, second) = (postgres.url(), postgres.url_of("second"));
    let call = new_call(1, "ann", CallType::Support);
    let store = Store::open(&database(second.as_str())).await.unwrap();
    store.create_call(&call).await.unwrap();
    store.close().await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database-url");
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let url = Secret::in_file(&file, |_| Ok(())).unwrap();
    let store = Store::open(&Database::Postgres(url)).await.unwrap();
    assert!(store.call(call.id).await.unwrap().is_none());
    // An invalid address changes nothing.
    std::fs::write(&file, "postgres://h:port/").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    store.ping().await.unwrap();
    std::fs::write(&file, &second).unwrap();
    eventually("the second database answers", PATIENCE, || async {
        store.call(call.id).await.unwrap()
    })
    .await;
    store.close().await;
}

/// Runs `sidetone migrate` with its own environment.
async fn migrate(url: &str, roots: Option<&str>) -> (bool, String) {
    let mut command = Command::new(PROGRAM);
    command
        .arg("migrate")
        .env("DATABASE_URL", url)
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots);
    }
    let output = command.output().await.unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(said, "{}", String::from_utf8_lossy(&output.stderr)).unwrap();
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_certificate_is_checked_where_it_is_to_be() {
    let authority = Authority::new();
    let (certificate, key) = authority.certify();
    let postgres = Postgres::start_secure(&certificate.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let roots = roots.to_str().unwrap();
    let at = |host: &str, more: &str| {
        format!(
            "postgres://postgres@{host}:{}/postgres?{more}",
            postgres.port()
        )
    };
    for (url, ca) in [
        (at("localhost", "sslmode=verify-full"), Some(roots)),
        (
            at("localhost", "sslmode=verify-full&sslrootcert=system"),
            Some(roots),
        ),
        (
            at(
                "localhost",
                &format!("sslmode=verify-full&sslrootcert={roots}"),
            ),
            None,
        ),
        (
            at(
                "127.0.0.1",
                &format!("sslmode=verify-ca&sslrootcert={roots}"),
            ),
            None,
        ),
        (at("127.0.0.1", "sslmode=require"), None),
    ] {
        let (went_well, said) = migrate(&url, ca).await;
        assert!(went_well, "{url}: {said}");
    }
    for (url, ca) in [
        (at("localhost", "sslmode=verify-full"), None),
        (at("127.0.0.1", "sslmode=verify-full"), Some(roots)),
    ] {
        let (went_well, said) = migrate(&url, ca).await;
        assert!(!went_well, "{url}: {said}");
        assert!(
            said.contains("certificate") && said.contains("sslrootcert"),
            "{said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}
