use super::*;

#[test]
fn a_long_sentence_is_parted_where_a_speaker_may_pause() {
    let whole = "The table by the window is free at 9:00 for 1,000 people, and the other one is \
                 free from half past nine on.";
    let (first, rest) = halves(whole).unwrap();
    assert!(first.ends_with("1,000 people,"), "{first}");
    assert!(rest.starts_with("and the other"), "{rest}");
    let plain = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen";
    let (first, rest) = halves(plain).unwrap();
    assert_eq!(format!("{first} {rest}"), plain);
    let chinese = "我们的店".repeat(10);
    let (first, rest) = halves(&chinese).unwrap();
    assert_eq!(format!("{first}{rest}"), chinese);
}

#[test]
fn a_short_one_is_not() {
    assert_eq!(halves("The table by the window is free."), None);
    assert_eq!(halves(&"-".repeat(200)), None);
}
