use std::path::Path;

use super::*;

/// Databases keep the checksum of each migration: another one, and they are refused.
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
