use super::*;

#[test]
fn invisible_and_control_characters_are_found() {
    for bad in [
        "a\0b",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{202e}b",
        "a\u{2066}b",
        "\u{200f}a",
        "a\u{200b}",
        "a\u{2028}b",
        "a\u{feff}",
        "a\u{e0041}",
    ] {
        assert!(unfit(bad).is_some(), "{bad:?}");
        assert_eq!(fitting(bad, 10).replace('b', ""), "a", "{bad:?}");
    }
    for good in [
        "ann",
        "Ann Müller",
        "شهرام",
        "می\u{200c}خواهم",
        "👩\u{200d}💻",
        "a|b@c/d e",
    ] {
        assert_eq!(unfit(good), None, "{good:?}");
        assert_eq!(fitting(good, 99), good);
    }
    assert_eq!(fitting("abcdef", 3), "abc");
}
