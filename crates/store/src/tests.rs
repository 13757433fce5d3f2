use std::path::Path;

use uuid::Uuid;

use super::*;

/// Databases store the checksum of each migration and refuse one that has changed.
#[tokio::test]
async fn migrations_are_those_that_sqlx_reads_from_the_folders() {
    for (folder, ours) in [
        ("migrations/postgres", &POSTGRES_MIGRATIONS),
        ("migrations/sqlite", &SQLITE_MIGRATIONS),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(folder);
        let theirs = Migrator::new(folder).await.unwrap();
        let of = |migrator: &Migrator| -> Vec<_> {
            let kind = |m: &Migration| format!("{:?}", m.migration_type);
            let of = |m: &Migration| {
                let about = m.description.to_string();
                (m.version, about, kind(m), m.checksum.to_vec(), m.no_tx)
            };
            migrator.iter().map(of).collect()
        };
        assert_eq!(of(ours), of(&theirs));
    }
}

/// Data that was deleted before `deleted_at` existed, and to which somebody wrote late.
#[tokio::test]
async fn what_came_back_after_a_deletion_goes_at_the_upgrade() {
    const DELETED: Uuid = Uuid::from_u128(1);
    const LIVING: Uuid = Uuid::from_u128(2);
    let folder = std::env::temp_dir().join(format!("sidetone-upgrade-{}", Uuid::new_v4()));
    let database = Database::Sqlite(folder.join("sidetone.db"));
    let store = Store::connect(&database).await.unwrap();
    let Pool::Sqlite(pool) = &store.pool else {
        panic!("{store:?}");
    };
    let released = SQLITE_MIGRATIONS.iter().filter(|m| m.version < 94).cloned();
    let released = Migrator::with_migrations(released.collect());
    released.run(pool).await.unwrap();
    for (id, room) in [
        (DELETED, "deleted-2026-01-31"),
        (LIVING, "support-deleted-1"),
    ] {
        for sql in [
            "INSERT INTO voice_calls (id, room_name, caller_id, call_type, status, ended_at, \
             created_at, transcript) VALUES ($1, $2, 'deleted', 'support', 'completed', \
             '2026-01-31T12:00:00+00:00', '2026-01-31T11:00:00+00:00', 'user: 4711')",
            "INSERT INTO call_turns (call_id, turn_id, speaker, text, started_at) \
             VALUES ($1, $2, 'user', '4711', '2026-01-31T11:00:01+00:00')",
            "INSERT INTO call_participants (call_id, user_id, participant_sid, kind) \
             VALUES ($1, 'ann', $2, 'user')",
        ] {
            let insert = sqlx::query(sql).bind(id).bind(room);
            insert.execute(pool).await.unwrap();
        }
    }
    store.close().await;
    let store = Store::open(&database).await.unwrap();
    let gone = store.call(DELETED).await.unwrap().unwrap();
    assert!(gone.deleted_at.is_some_and(|at| at <= now()));
    assert_eq!(gone.transcript, None);
    assert_eq!(store.turns(DELETED).await.unwrap(), []);
    let people = store.participants(DELETED).await.unwrap();
    assert_eq!(people[0].user_id, "deleted");
    // A user may have this very id.
    let own = store.call(LIVING).await.unwrap().unwrap();
    assert_eq!((own.deleted_at, own.transcript.is_some()), (None, true));
    assert_eq!(store.turns(LIVING).await.unwrap().len(), 1);
    store.close().await;
    fs::remove_dir_all(folder).unwrap();
}
