use super::*;

fn texts(text: &str) -> Vec<String> {
    split(text).into_iter().map(|clause| clause.text).collect()
}

#[test]
fn sentences_are_cut_and_abbreviations_are_not() {
    assert_eq!(
        texts("Dr. Smith paid $3.50. Did he? Yes! See e.g. the bill."),
        [
            "Dr. Smith paid $3.50.",
            "Did he?",
            "Yes!",
            "See e.g. the bill."
        ]
    );
}

#[test]
fn the_first_piece_ends_at_an_early_comma() {
    let clauses =
        split("Thank you for calling today, how can I help you with your order, my friend?");
    assert_eq!(
        clauses[0],
        Clause {
            text: "Thank you for calling today,".into(),
            pause: Pause::Short
        }
    );
    assert_eq!(clauses.len(), 2);
    assert_eq!(clauses[1].pause, Pause::Sentence);
}

#[test]
fn a_text_that_goes_on_ends_as_it_does() {
    let last = |text: &str| split(text).pop().unwrap().pause;
    assert_eq!(last("We are open"), Pause::None);
    assert_eq!(last("We are open,"), Pause::Short);
    assert_eq!(last("We are open."), Pause::Sentence);
}

#[test]
fn short_openings_stay_whole() {
    assert_eq!(texts("Yes, of course."), ["Yes, of course."]);
}

#[test]
fn no_piece_is_long_and_no_word_is_lost() {
    let word = "lorem ".repeat(300) + &"x".repeat(500);
    let clauses = texts(&word);
    assert!(
        clauses
            .iter()
            .all(|clause| clause.chars().count() <= LONGEST + 1)
    );
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    assert_eq!(
        clauses.iter().map(|c| letters(c)).sum::<usize>(),
        letters(&word)
    );
}

#[test]
fn lines_end_sentences_and_empty_pieces_vanish() {
    assert_eq!(texts("One\n\n---\nTwo"), ["One", "Two"]);
    assert!(split(" … \n").is_empty());
}
