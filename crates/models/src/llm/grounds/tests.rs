use std::collections::HashMap;
use std::convert::Infallible;

use super::words::sentences;
use super::*;
use crate::meaning::Vector;

/// A vector for each stem: texts are alike as far as they share words.
#[derive(Default)]
struct ByWords(HashMap<String, usize>);

impl Meanings for ByWords {
    type Error = Infallible;

    fn of(&mut self, text: &str) -> Result<Vector, Infallible> {
        let mut vector = vec![0.0_f32; 512];
        for word in words::words(text) {
            let next = self.0.len();
            vector[*self.0.entry(words::stem(&word)).or_insert(next)] += 1.0;
        }
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        Ok(vector.into_iter().map(|x| x / length).collect())
    }
}

const PROMPT: &str = "You answer the phone of Lakeside Boats.\n\nAll you know: <facts>A rowing boat costs nine \
    pounds an hour. The jetty closes at seven in the evening. Life jackets are lent for free.</facts>\n\n\
    Otherwise say: \"<unknown>I don't know that, sorry.</unknown>\"";
const UNKNOWN: &str = "I don't know that, sorry.";

fn grounds() -> Grounds {
    read(PROMPT).1.unwrap()
}

fn judged(turns: &[(Role, &str)]) -> Option<Verdict> {
    let messages: Vec<Message> = std::iter::once(Message::new(Role::System, read(PROMPT).0))
        .chain(turns.iter().map(|(role, said)| Message::new(*role, *said)))
        .collect();
    let Ok(verdict) = grounds().judge(&messages, &mut ByWords::default());
    verdict
}

fn said(turns: &[(Role, &str)]) -> String {
    match judged(turns) {
        Some(Verdict::Say(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn marks_are_taken_out_and_the_rest_of_the_prompt_stays() {
    let (plain, grounds) = read(PROMPT);
    let unmarked = ["<facts>", "</facts>", "<unknown>", "</unknown>"];
    let expected = unmarked
        .iter()
        .fold(PROMPT.to_owned(), |text, mark| text.replace(mark, ""));
    assert_eq!(plain, expected);
    let grounds = grounds.unwrap();
    assert_eq!(grounds.facts.len(), 3);
    assert_eq!(
        grounds.facts[1].text,
        "The jetty closes at seven in the evening."
    );
    assert_eq!(grounds.unknown, UNKNOWN);
}

#[test]
fn a_prompt_that_does_not_mark_both_is_read_by_the_model_alone() {
    for (prompt, plain) in [
        ("Be brief.", "Be brief."),
        (
            "Know: <facts>We open at nine.</facts>",
            "Know: We open at nine.",
        ),
        (
            "Say: <unknown>No idea.</unknown>",
            "Say: <unknown>No idea.</unknown>",
        ),
        ("<facts>Not closed.", "<facts>Not closed."),
    ] {
        assert_eq!(read(prompt), (plain.to_owned(), None), "{prompt}");
    }
}

#[test]
fn a_question_is_answered_by_the_fact_that_bears_on_it_word_for_word() {
    let fact = "A rowing boat costs nine pounds an hour.";
    assert_eq!(
        said(&[(Role::User, "How much is a rowing boat for an hour?")]),
        fact
    );
    let fact = "The jetty closes at seven in the evening.";
    assert_eq!(
        said(&[(Role::User, "When does the jetty close in the evening?")]),
        fact
    );
}

#[test]
fn what_no_fact_answers_is_not_known() {
    assert_eq!(
        said(&[(Role::User, "Do you sell fishing permits?")]),
        UNKNOWN
    );
    assert_eq!(
        said(&[(Role::User, "I need a towel and an umbrella")]),
        UNKNOWN
    );
}

#[test]
fn a_fact_without_a_price_answers_no_question_for_one() {
    assert_eq!(
        said(&[(Role::User, "What does the jetty cost in the evening?")]),
        UNKNOWN
    );
}

#[test]
fn a_question_that_goes_on_is_read_with_the_one_before() {
    let turns = [
        (Role::User, "How much is a rowing boat?"),
        (Role::Assistant, "A rowing boat costs nine pounds an hour."),
        (Role::User, "And for an hour?"),
    ];
    assert_eq!(said(&turns), "A rowing boat costs nine pounds an hour.");
    assert_eq!(said(&turns[2..]), UNKNOWN);
}

#[test]
fn greetings_and_thanks_are_the_models() {
    for talk in [
        "Hello?",
        "Thank you very much.",
        "Can I talk to a person?",
        "My name is Ada.",
    ] {
        let verdict = judged(&[(Role::User, talk)]);
        assert!(
            matches!(verdict, Some(Verdict::Converse(..))),
            "{talk}: {verdict:?}"
        );
    }
}

#[test]
fn a_prompt_for_talk_is_for_talk_alone_and_no_part_of_the_other() {
    let marked = format!("{PROMPT}\n<talk>Be brief.</talk>\n");
    let (plain, grounds) = read(&marked);
    assert_eq!(plain, read(PROMPT).0);
    let grounds = grounds.unwrap();
    for (said, prompt) in [
        ("Thank you very much.", Some("Be brief.".to_owned())),
        ("So, then.", Some("Be brief.".to_owned())),
        ("The purple since of window.", None),
    ] {
        let messages = [Message::new(Role::User, said)];
        let Ok(verdict) = grounds.judge(&messages, &mut ByWords::default());
        match verdict {
            Some(Verdict::Converse(_, with)) => assert_eq!(with, prompt, "{said}"),
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[test]
fn what_is_close_to_an_example_is_answered_as_it_says() {
    let marked = format!("{PROMPT}<talk>Be brief.\nCan I talk to a person? - Sorry, no.</talk>");
    let grounds = read(&marked).1.unwrap();
    let judged = |said: &str| {
        let Ok(verdict) = grounds.judge(&[Message::new(Role::User, said)], &mut ByWords::default());
        verdict.unwrap()
    };
    let expected = Verdict::Say("Sorry, no.".into());
    assert_eq!(judged("Hi, can I talk to a person?"), expected);
    assert_ne!(judged("Can you hear me?"), expected);
}

#[test]
fn a_question_is_found_behind_what_leads_up_to_it() {
    let long = "I was out with my two brothers on Sunday and they loved every bit of it. \
        When does the jetty close in the evening?";
    assert_eq!(
        said(&[(Role::User, long)]),
        "The jetty closes at seven in the evening."
    );
}

#[test]
fn what_nobody_asks_is_the_models() {
    let verdict = judged(&[(Role::User, "The purple since of window.")]);
    assert!(
        matches!(verdict, Some(Verdict::Converse(..))),
        "{verdict:?}"
    );
}

#[test]
fn only_a_callers_words_are_judged() {
    assert_eq!(
        judged(&[(Role::User, "Hello"), (Role::Tool, "{\"free\": 3}")]),
        None
    );
    assert_eq!(
        judged(&[(Role::User, "Hello"), (Role::System, "Say goodbye.")]),
        None
    );
}

#[test]
fn a_prompt_without_facts_knows_nothing() {
    let (plain, grounds) = read("Talk.<facts></facts> Or say: <unknown>No idea.</unknown>");
    assert_eq!(plain, "Talk. Or say: No idea.");
    let messages = [Message::new(Role::User, "When do you open?")];
    let Ok(verdict) = grounds.unwrap().judge(&messages, &mut ByWords::default());
    assert_eq!(verdict, Some(Verdict::Say("No idea.".into())));
}

#[test]
fn facts_are_parted_at_full_stops_and_lines_but_not_at_abbreviations() {
    let text = "- Dr. Weber is here at 9.30 a.m. on Fridays.\n- Ring 555-0188! It is free. Closed e.g. at Easter\n\n";
    let parted: Vec<String> = sentences(text).collect();
    let expected = [
        "Dr. Weber is here at 9.30 a.m. on Fridays.",
        "Ring 555-0188!",
        "It is free.",
        "Closed e.g. at Easter",
    ];
    assert_eq!(parted, expected);
}

#[test]
fn forms_of_a_word_have_one_stem() {
    for forms in [
        &["open", "opens", "opened", "opening"][..],
        &["cancel", "cancels", "cancelled", "cancelling"],
        &["baby", "babies"],
        &["price", "prices"],
    ] {
        for form in forms {
            assert_eq!(words::stem(form), words::stem(forms[0]), "{form}");
        }
    }
}

#[test]
fn what_a_question_wants_is_told_by_its_words() {
    use asked::{Kind, wanted};
    for (question, kind) in [
        ("How much is a tandem?", Some(Kind::Price)),
        ("What do you charge for a puncture?", Some(Kind::Price)),
        ("How much time do I have?", None),
        ("How long does it take?", Some(Kind::Duration)),
        ("What time do you close?", Some(Kind::Time)),
        ("Which day is quiet?", Some(Kind::Time)),
        ("Where is the entrance?", Some(Kind::Place)),
        ("What's your address?", Some(Kind::Place)),
        ("Who is the manager?", Some(Kind::Person)),
        ("How many seats are there?", Some(Kind::Number)),
        ("Do you have helmets?", None),
        ("How do I pay?", None),
    ] {
        assert_eq!(wanted(question), kind, "{question}");
    }
}

#[test]
fn whether_a_sentence_can_answer_is_told_by_its_words() {
    use asked::Kind;
    for (kind, fact, can) in [
        (Kind::Price, "A day costs £12.", true),
        (Kind::Price, "Parking is free.", true),
        (Kind::Price, "A day is long.", false),
        (Kind::Duration, "Repairs take two days.", true),
        (Kind::Duration, "Repairs are good.", false),
        (Kind::Time, "The shop opens at nine.", true),
        (Kind::Time, "Helmets are lent.", false),
        (Kind::Place, "The shop is at 4 Mill Road.", true),
        (Kind::Place, "It is behind the church.", true),
        (Kind::Place, "Open on Mondays.", false),
        (Kind::Person, "Repairs are done by Lena.", true),
        (Kind::Person, "Repairs are done.", false),
        (Kind::Number, "There are forty bicycles.", true),
    ] {
        assert_eq!(kind.is_in(fact), can, "{kind:?}: {fact}");
    }
}

#[test]
fn sentences_pass_the_guard_when_their_numbers_are_known() {
    let mut guard = Guard::new(
        "No idea.",
        ["Room twelve is free.", "Is it 40?"].into_iter(),
    );
    assert_eq!(guard.push("Hello! It is roo"), "Hello!");
    assert_eq!(
        guard.push("m twelve, not 40. Bye"),
        " It is room twelve, not 40."
    );
    assert_eq!(guard.finish(), " Bye");
    assert!(!guard.is_shut());
}

#[test]
fn an_unknown_number_price_or_address_is_replaced_and_nothing_follows() {
    for invented in [
        "It costs fifty.",
        "It costs €4.",
        "Write to me@example.org.",
        "See www.example.org now.",
        "Ring 555 0199.",
        "About 10% off.",
    ] {
        let mut guard = Guard::new("No idea.", std::iter::empty());
        let mut said = guard.push("Sure! ");
        said += &guard.push(invented);
        said += &guard.push(" And more. ");
        said += &guard.finish();
        assert_eq!(said, "Sure!No idea.", "{invented}");
        assert!(guard.is_shut());
    }
}

/// Counts what is asked of it; everything means the same.
#[derive(Default)]
struct Counting(usize);

impl Meanings for Counting {
    type Error = Infallible;

    fn of(&mut self, _: &str) -> Result<Vector, Infallible> {
        self.0 += 1;
        Ok([1.0].into())
    }
}

#[test]
fn a_page_of_words_costs_no_more_than_a_long_sentence() {
    let page: Vec<String> = (0..2_000).map(|n| format!("word{}", letters(n))).collect();
    let page = Message::new(Role::User, page.join(" ") + "?");
    let mut meanings = Counting::default();
    let Ok(verdict) = grounds().judge(&[page], &mut meanings);
    assert!(verdict.is_some());
    assert!(meanings.0 < 300, "{} texts were compared", meanings.0);
}

fn letters(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    [n, n / 26, n / 676].map(letter).iter().collect()
}
