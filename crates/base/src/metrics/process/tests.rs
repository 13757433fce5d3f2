use super::{cpu_seconds, most_files, resident};

#[test]
fn the_kernels_words_are_read() {
    assert_eq!(
        resident("Name:\tx\nVmRSS:\t   2048 kB\n"),
        Some(2048 * 1024)
    );
    assert_eq!(resident("Name:\tx\n"), None);
    let limits =
        "Max processes  100  100\nMax open files            1024                 4096  files\n";
    assert_eq!(most_files(limits), Some(1024));
    let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
    assert_eq!(cpu_seconds(stat), Some(2.0));
    assert_eq!(cpu_seconds("7 (x) S"), None);
}
