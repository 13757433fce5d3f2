use super::*;

#[test]
fn a_writer_locks_its_file_and_a_full_spool_accepts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path().join("recordings"), 300);
    assert_eq!(spool.entries().unwrap(), []);
    let entry = |n| spool.entry(Uuid::from_u128(n), Uuid::from_u128(7));
    let file = spool.begin(&entry(2)).unwrap();
    spool.begin(&entry(1)).unwrap();
    fs::write(folder.path().join("recordings/notes.txt"), "mine").unwrap();
    assert_eq!(spool.entries().unwrap(), [entry(1), entry(2)]);
    assert!(entry(2).claim().unwrap().is_none());
    assert!(entry(3).claim().unwrap().is_none());
    drop(file);
    assert!(entry(2).claim().unwrap().is_some());
    fs::write(&entry(2).path, [0; 300]).unwrap();
    let full = spool.begin(&entry(3)).unwrap_err().to_string();
    assert!(full.contains("SIDETONE_RECORDING_SPOOL_LIMIT"), "{full}");
}

#[test]
fn a_page_cut_short_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path().to_owned(), 1_000_000);
    let entry = spool.entry(Uuid::from_u128(1), Uuid::from_u128(2));
    let mut file = spool.begin(&entry).unwrap();
    ogg::Writer::new(&mut file, 1, &[])
        .unwrap()
        .finish()
        .unwrap();
    let whole = file.metadata().unwrap().len();
    io::Write::write_all(&mut file, b"OggS\0\0half a page").unwrap();
    drop(file);
    let file = entry.claim().unwrap().unwrap();
    assert_eq!(entry.measure(&file).unwrap().bytes, whole);
    assert_eq!(fs::metadata(&entry.path).unwrap().len(), whole);
}
