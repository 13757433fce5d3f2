use super::*;

#[test]
fn interim_text_is_replaced_and_lines_are_in_order() {
    let mut heard = Transcripts::default();
    let at = Duration::from_secs;
    heard.update(at(1), Speaker::Agent, "SG_a", "Hello", false);
    heard.update(at(3), Speaker::Caller, "SG_b", "when do", false);
    heard.update(at(4), Speaker::Caller, "SG_b", "When do you open?", true);
    heard.update(at(2), Speaker::Agent, "SG_a", "Hello there.", true);
    heard.update(at(5), Speaker::Agent, "SG_c", "", false);
    let lines = heard.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (lines[0].speaker, lines[0].text.as_str()),
        (Speaker::Agent, "Hello there.")
    );
    assert_eq!(lines[1].text, "When do you open?");
    assert!(lines[1].done);
    assert_eq!(heard.said_by(Speaker::Caller), "When do you open?");
}
