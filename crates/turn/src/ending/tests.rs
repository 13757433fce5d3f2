use super::*;
use crate::Endpointing;

#[test]
fn ends_of_words() {
    use Ending::{Complete, Digits, Unfinished, Whole};
    let rules = Endpointing::default();
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
        ("I think so.", Complete),
        ("I think so too.", Whole),
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
        assert_eq!(Ending::of(text, &rules), expected, "{text:?}");
    }
    let rules = Endpointing {
        open_words: ["und", "parce que", "j'ai", "因为"]
            .map(str::to_owned)
            .into(),
        ..rules
    };
    for (text, expected) in [
        ("Ja, und", Unfinished),
        ("Oui, parce que.", Unfinished),
        ("Parce", Whole),
        ("J’ai", Unfinished),
        ("我不去因为", Unfinished),
        ("我不去，", Unfinished),
        ("因为我不去", Whole),
        ("为什么？", Complete),
    ] {
        assert_eq!(Ending::of(text, &rules), expected, "{text:?}");
    }
}

#[test]
fn greetings_questions_and_short_answers_are_complete() {
    let rules = Endpointing::default();
    for text in [
        "Hello.",
        "hello",
        "Hello, hello!",
        "Hello there.",
        "Good morning. Hi!",
        "Yes.",
        "Yes, thank you.",
        "No, thanks.",
        "That's all. Thank you, bye.",
        "Who is that",
        "Hello. Who's there",
        "Hello?",
        "Hello, is that the bakery?",
        "My name is Ada. What are your opening hours?",
        "He asked: \u{201c}Who is that?\u{201d}",
        "Is it 9.30?",
        "Τι ώρα είναι\u{37e}",
        "你们几点开门？",
        "كم الساعة؟",
    ] {
        assert_eq!(Ending::of(text, &rules), Ending::Complete, "{text:?}");
    }
    for text in [
        "Hello, my name is",
        "Hello, my name is.",
        "Hello. My name is",
        "Hello,",
        "Hello...",
        "Yes, but",
        "Yes, I would like",
        "Yes. But",
        "No, the",
        "Good morning, I",
        "Who is",
        "Do you have a?",
        "Can you tell me if?",
        "Thank you for the",
        "Thank you for calling about it.",
        "Hello to you",
        "I see the",
        "",
    ] {
        assert_ne!(Ending::of(text, &rules), Ending::Complete, "{text:?}");
    }
}
