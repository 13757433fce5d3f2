use sidetone_config::env::Database;

use super::*;

fn all() -> impl Iterator<Item = &'static Migration> {
    SQLITE_MIGRATIONS.iter().chain(POSTGRES_MIGRATIONS.iter())
}

#[test]
fn comments_and_texts_part_no_statements() {
    let sql = "-- One; it's a comment.\nA 'x;--y' - 1; -- and\nB\n  (c);\n\n-- The end;\n";
    assert_eq!(statements::of(sql), ["A 'x;--y' - 1", "B\n  (c)"]);
}

/// The parser of our migrations understands only what they use.
#[test]
fn our_migrations_are_read() {
    for migration in all() {
        let sql = migration.sql.as_str();
        for strange in ["/*", "$$", "\"", "E'"] {
            assert!(!sql.contains(strange), "{strange} in {}", migration.version);
        }
        let begins = ["CREATE ", "ALTER ", "UPDATE ", "DELETE "];
        for statement in statements::of(sql) {
            let known = begins.iter().any(|begin| statement.starts_with(begin));
            assert!(known, "{statement}");
        }
        let made = sql.matches("CREATE TABLE ").count();
        let tables = statements::tables(sql);
        assert_eq!(tables.len(), made, "{}", migration.version);
        assert!(tables.iter().all(|(_, columns)| columns.len() > 1));
    }
}

#[test]
fn a_foreign_table_is_recognised_by_its_columns() {
    let has =
        |columns: &[&str]| -> Vec<String> { columns.iter().map(|c| (*c).to_owned()).collect() };
    let made = ["id", "host"];
    belongs("workers", &made, &[]).unwrap();
    belongs("workers", &made, &has(&["host", "id", "beat_at"])).unwrap();
    let error = belongs("workers", &made, &has(&["id", "name"])).unwrap_err();
    assert!(error.to_string().contains("workers") && error.to_string().contains("host"));
}

/// What `sqlite3 sidetone.db < file` leaves behind, after some of the files and after all of them.
#[tokio::test]
async fn tables_made_by_hand_are_taken_over() {
    let all: Vec<_> = SQLITE_MIGRATIONS.iter().collect();
    for made in [1, 4, 14, all.len()] {
        let folder =
            std::env::temp_dir().join(format!("sidetone-by-hand-{}", uuid::Uuid::new_v4()));
        let database = Database::Sqlite(folder.join("sidetone.db"));
        let store = Store::connect(&database).await.unwrap();
        let Pool::Sqlite(pool) = &store.pool else {
            panic!("{store:?}");
        };
        for migration in &all[..made] {
            sqlx::raw_sql(migration.sql.clone())
                .execute(pool)
                .await
                .unwrap();
        }
        store.close().await;
        for _ in 0..2 {
            let store = Store::open(&database).await.unwrap();
            let Pool::Sqlite(pool) = &store.pool else {
                panic!("{store:?}");
            };
            let lines: Vec<Line> = sqlx::query_as(APPLIED).fetch_all(pool).await.unwrap();
            assert_eq!(lines.len(), all.len(), "{made} by hand");
            store.close().await;
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[tokio::test]
async fn a_table_of_somebody_else_stops_the_start() {
    let folder = std::env::temp_dir().join(format!("sidetone-others-{}", uuid::Uuid::new_v4()));
    let database = Database::Sqlite(folder.join("sidetone.db"));
    let store = Store::connect(&database).await.unwrap();
    let Pool::Sqlite(pool) = &store.pool else {
        panic!("{store:?}");
    };
    let sql = "CREATE TABLE workers (id INTEGER PRIMARY KEY, name TEXT)";
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
    store.close().await;
    let error = Store::open(&database).await.unwrap_err();
    assert!(matches!(error, StoreError::OthersTable { .. }), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}
