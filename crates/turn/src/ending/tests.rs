use super::*;
use crate::Endpointing;

#[test]
fn ends_of_words() {
    use Ending::{Digits, Unfinished, Whole};
    let open_words = Endpointing::default().open_words;
    for (text, expected) in [
        ("", Whole),
        ("...", Unfinished),
        ("What is it for?", Whole),
        ("I want to go to the", Unfinished),
        ("I want to go to the.", Unfinished),
        ("Yes, but", Unfinished),
        ("So I'm", Unfinished),
        ("Well, um...", Unfinished),
        ("Tell me about it,", Unfinished),
        ("I think so.", Whole),
        ("A table for four.", Whole),
        ("Four.", Whole),
        ("In 2024.", Whole),
        ("It costs $300.", Whole),
        ("At 12:30.", Whole),
        ("My number is 555.", Digits),
        ("My number is 555-01", Digits),
        ("five five", Digits),
        ("zero four oh", Digits),
        ("It is spelled S M I", Digits),
        ("It is spelled S-M-I.", Digits),
        ("B as in boy, five seven", Digits),
        ("Ja, und", Whole),
    ] {
        assert_eq!(Ending::of(text, &open_words), expected, "{text:?}");
    }
    let open_words = ["und", "parce que", "j'ai", "因为"].map(str::to_owned);
    for (text, expected) in [
        ("Ja, und", Unfinished),
        ("Oui, parce que.", Unfinished),
        ("Parce", Whole),
        ("J’ai", Unfinished),
        ("我不去因为", Unfinished),
        ("我不去，", Unfinished),
        ("因为我不去", Whole),
        ("为什么？", Whole),
    ] {
        assert_eq!(Ending::of(text, &open_words), expected, "{text:?}");
    }
}
