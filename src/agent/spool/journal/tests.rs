use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn call(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_file_is_its_owners_alone_and_locked_while_its_writer_lives() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::new(data.path());
    let mut journal = Journal::new(spool.clone(), call(7));
    assert_eq!(spool.files().unwrap(), [], "none before it is needed");
    journal.append(b"one\n").await.unwrap();
    journal.append(b"two\n").await.unwrap();
    let files = spool.files().unwrap();
    let [left] = &files[..] else {
        panic!("{files:?}")
    };
    assert_eq!(left.call_id, call(7));
    assert_eq!(
        (mode(&left.path), mode(&data.path().join("spool"))),
        (0o600, 0o700)
    );
    assert!(claim::claim(&left.path).unwrap().is_none());
    assert_eq!(
        (fs::read(&left.path).unwrap(), spool.used()),
        (b"one\ntwo\n".to_vec(), 8)
    );

    journal.clear().await;
    assert_eq!((fs::read(&left.path).unwrap(), spool.used()), (vec![], 0));
    journal.append(b"three\n").await.unwrap();
    assert_eq!(fs::read(&left.path).unwrap(), b"three\n");
    journal.end(true).await;
    assert!(claim::claim(&left.path).unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_is_not_needed_is_deleted() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::new(data.path());
    let mut journal = Journal::new(spool.clone(), call(1));
    journal.append(b"one\n").await.unwrap();
    journal.clear().await;
    journal.end(false).await;
    assert_eq!((spool.files().unwrap(), spool.used()), (vec![], 0));
}

#[tokio::test]
async fn a_full_spool_keeps_the_oldest_and_refuses_the_newest() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::with_limit(data.path(), 10);
    let (mut one, mut two) = (
        Journal::new(spool.clone(), call(1)),
        Journal::new(spool.clone(), call(2)),
    );
    one.append(b"12345\n").await.unwrap();
    assert!(two.append(b"12345\n").await.is_err());
    assert!(one.append(b"12345\n").await.is_err());
    two.append(b"123\n").await.unwrap();
    let held = |left: &super::super::Left| fs::read(&left.path).unwrap();
    let files = spool.files().unwrap();
    assert_eq!(
        files.iter().map(held).collect::<Vec<_>>(),
        [&b"12345\n"[..], b"123\n"]
    );
    // Delivering makes room again.
    one.clear().await;
    two.append(b"12345\n").await.unwrap();
}

#[test]
fn one_call_does_not_fill_the_spool() {
    assert!(room_for(1, CALL_LIMIT - 1, 0, u64::MAX).is_ok());
    assert!(room_for(2, CALL_LIMIT - 1, 0, u64::MAX).is_err());
}

#[tokio::test]
async fn other_files_are_left_alone_and_ours_sort_by_age() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::new(data.path());
    let folder = data.path().join("spool");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let (later, earlier) = (spool.file(call(2), call(1)), spool.file(call(1), call(9)));
    for left in [&later, &earlier] {
        fs::write(&left.path, "").unwrap();
    }
    assert_eq!(spool.files().unwrap(), [earlier, later]);
}
