use super::*;

#[test]
fn numbers_have_names() {
    let cases = [
        (0, "zero", "zeroth"),
        (12, "twelve", "twelfth"),
        (21, "twenty-one", "twenty-first"),
        (40, "forty", "fortieth"),
        (100, "one hundred", "one hundredth"),
        (342, "three hundred forty-two", "three hundred forty-second"),
        (1_000, "one thousand", "one thousandth"),
        (7_015, "seven thousand fifteen", "seven thousand fifteenth"),
        (1_000_001, "one million one", "one million first"),
    ];
    for (n, words, rank) in cases {
        assert_eq!((cardinal(n).as_str(), ordinal(n).as_str()), (words, rank));
    }
    assert_eq!(cardinal(u64::MAX).split(' ').count(), 20);
}

#[test]
fn years_are_said_in_pairs() {
    let cases = [
        (1066, "ten sixty-six"),
        (1492, "fourteen ninety-two"),
        (1900, "nineteen hundred"),
        (1905, "nineteen oh five"),
        (2000, "two thousand"),
        (2007, "two thousand seven"),
        (2024, "twenty twenty-four"),
    ];
    for (n, words) in cases {
        assert_eq!(year(n), words);
    }
}
