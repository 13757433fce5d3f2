use super::*;
use sidetone_base::clock;

const WAIT: Duration = Duration::from_secs(8);

fn question() -> Question<&'static str> {
    Question::new(vec![('1', "take"), ('2', "decline")], WAIT, 2)
}

fn key(sign: char) -> Key {
    Key::new(sign).unwrap()
}

#[test]
fn a_key_counts_also_while_the_question_is_said() {
    let mut question = question();
    assert_eq!(question.next(), None);
    assert_eq!(question.press(key('2')), Step::Chosen("decline"));
}

#[test]
fn without_a_key_the_question_is_asked_again_and_then_given_up() {
    let (mut question, now) = (question(), clock::now());
    question.asked(now);
    assert_eq!(question.next(), Some(now + WAIT));
    assert_eq!(question.due(now + WAIT / 2), None);
    assert_eq!(question.due(now + WAIT), Some(Step::Ask));
    // While it is said again no key is late.
    assert_eq!(question.next(), None);
    assert_eq!(question.due(now + WAIT * 3), None);
    question.asked(now + WAIT * 3);
    assert_eq!(question.due(now + WAIT * 4), Some(Step::GivenUp));
}

#[test]
fn a_key_that_means_nothing_counts_as_no_answer() {
    let mut question = question();
    assert_eq!(question.press(key('7')), Step::Ask);
    assert_eq!(question.press(key('*')), Step::GivenUp);
    let mut once = Question::new(vec![('1', ())], WAIT, 1);
    assert_eq!(once.press(key('1')), Step::Chosen(()));
}
