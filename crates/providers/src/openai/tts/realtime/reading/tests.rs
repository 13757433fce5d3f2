use super::Verdict::{Astray, Reworded, Verbatim};
use super::*;

#[test]
fn readings_are_told_from_rewordings_and_from_answers() {
    for (asked, said, verdict) in [
        ("We open at nine.", "We open at nine.", Verbatim),
        ("We open at nine.", "we open at 9", Verbatim),
        (
            "It's nine o'clock, e-mail us.",
            "It’s nine o’clock – email us!",
            Verbatim,
        ),
        (
            "That is forty-five dollars and fifty cents.",
            "That is $45.50.",
            Verbatim,
        ),
        ("等一下，我想问问题。", "等一下 我想问问题", Verbatim),
        (
            "I'm sorry, we are closed.",
            "I'm sorry, we are closed.",
            Verbatim,
        ),
        (
            "We do not open on Sunday.",
            "We don't open on Sunday.",
            Reworded,
        ),
        (
            "We open at nine on Tuesday.",
            "We open at nine on",
            Reworded,
        ),
        ("We are open.", "Sure, here it is: We are open.", Reworded),
        (
            "Can I help you?",
            "Yes, please, I would like a table for tonight.",
            Astray,
        ),
        (
            "We open at nine.",
            "I'm sorry, but I can't help with that.",
            Astray,
        ),
        (
            "I'm sorry, we are closed.",
            "I can't assist with that request.",
            Astray,
        ),
        ("We open at nine.", "", Astray),
        ("Two.", "2", Verbatim),
        ("Forty-five dollars.", "$45.", Verbatim),
        (
            "Das kostet 45 Euro.",
            "Das kostet fünfundvierzig Euro.",
            Verbatim,
        ),
        ("What is six times seven?", "42.", Astray),
        ("Fünfundvierzig Euro.", "45 Euro.", Verbatim),
        ("How many?", "42.", Astray),
        ("We open at nine.", "We open at ten.", Reworded),
        ("Room 45 is yours.", "Room 46 is yours.", Reworded),
    ] {
        assert_eq!(
            Reading::of(asked).verdict(said),
            verdict,
            "{asked} / {said}"
        );
    }
}

#[test]
fn a_wrong_beginning_is_heard_early_and_a_good_one_never_doubted() {
    let asked = "We open at nine on Tuesday, and at ten on all other days.";
    let reading = Reading::of(asked);
    for end in (0..asked.len()).filter(|end| asked.is_char_boundary(*end)) {
        assert!(!reading.goes_astray(&asked[..end]), "{end}");
    }
    assert!(reading.is_confirmed("We open at nine on Tue"));
    assert!(reading.is_confirmed("We open at 9 on Tue"));
    assert!(!reading.is_confirmed("We open"));
    for wrong in [
        "I'm sorry,",
        "Sure! Here is the text:",
        "The shop is closed to",
    ] {
        assert!(reading.goes_astray(wrong), "{wrong}");
        assert!(!reading.is_confirmed(wrong), "{wrong}");
    }
    assert!(!Reading::of("Das sind 27 Euro.").goes_astray("Das sind siebenundzwanzig"));
    assert!(!reading.goes_astray("We don't open at nine"));
    assert!(Reading::of("Yes.").is_confirmed("Yes"));
}
