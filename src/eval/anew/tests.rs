use super::*;
use sidetone_call::Message;

fn ending_with(role: Role) -> Question {
    Question {
        messages: vec![
            Message::new(Role::System, "Be kind."),
            Message::new(role, "x"),
        ],
        ..Question::default()
    }
}

#[test]
fn in_writing_each_question_is_a_new_one() {
    let mut anew = Anew::default();
    let places: Vec<usize> = (0..3)
        .map(|next| anew.place(&ending_with(Role::User), next))
        .collect();
    assert_eq!(places, [0, 1, 2]);
}

#[test]
fn a_caller_who_goes_on_is_answered_anew() {
    let (asked, ran) = (ending_with(Role::User), ending_with(Role::Tool));
    let mut anew = Anew::default();
    anew.turn_begins();
    assert_eq!(anew.place(&asked, 0), 0);
    assert_eq!(anew.place(&ran, 1), 1, "after a tool");
    assert_eq!(anew.place(&asked, 2), 0, "the caller has gone on");
    assert_eq!(anew.place(&ran, 1), 1);
    anew.turn_begins();
    assert_eq!(anew.place(&asked, 2), 2, "the next turn");
    assert_eq!(anew.place(&asked, 3), 2);
}

#[test]
fn what_the_turn_before_still_does_is_its_own() {
    let (asked, ran) = (ending_with(Role::User), ending_with(Role::Tool));
    let mut anew = Anew::default();
    anew.turn_begins();
    assert_eq!(anew.place(&asked, 0), 0);
    // The caller agrees while a tool runs, and the answer goes on.
    anew.turn_begins();
    assert_eq!(anew.place(&ran, 1), 1);
    assert_eq!(anew.place(&asked, 2), 2);
}
