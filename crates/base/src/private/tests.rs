use std::io::Write as _;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn created_files_belong_to_their_owner_alone() {
    let base = std::env::temp_dir().join(format!("sidetone-private-{}", std::process::id()));
    let inner = base.join("a/b");
    folder(&inner).unwrap();
    let file = inner.join("words");
    let mut options = options();
    let mut written = options.write(true).create(true).open(&file).unwrap();
    written.write_all(b"4711").unwrap();
    assert_eq!(
        [mode(&base), mode(&inner), mode(&file)],
        [0o700, 0o700, 0o600]
    );
    let too_open = |path: &Path| too_open(path, Holds::Keys);
    assert_eq!([too_open(&inner), too_open(&file)], [None, None]);
    for (path, open, fix) in [(&inner, 0o755, "chmod 700"), (&file, 0o640, "chmod 600")] {
        fs::set_permissions(path, fs::Permissions::from_mode(open)).unwrap();
        let told = too_open(path).unwrap();
        assert_eq!(told.mode, open);
        assert!(told.to_string().contains(&format!("{open:04o}")), "{told}");
        assert!(told.to_string().ends_with("keys are in it"), "{told}");
        assert!(told.fix().starts_with(fix));
    }
    folder(&inner).unwrap();
    assert_eq!(mode(&inner), 0o755, "what was there stays");
    assert_eq!(too_open(&inner.join("nothing")), None);
    fs::remove_dir_all(&base).unwrap();
}
