use super::*;

#[test]
fn judges_words() {
    let interruption = Interruption::default();
    for (text, expected) in [
        ("", Overlap::Noise),
        (" ... ", Overlap::Noise),
        ("Mm-hmm.", Overlap::Backchannel),
        ("Yeah, okay, I see!", Overlap::Backchannel),
        ("I", Overlap::Interruption),
        ("Yeah, but when?", Overlap::Interruption),
        ("Stop.", Overlap::Stop),
        ("yeah, hold on a second", Overlap::Stop),
        ("I know nothing", Overlap::Interruption),
    ] {
        assert_eq!(interruption.judge(text), expected, "{text:?}");
    }
}

#[test]
fn too_few_words_do_not_interrupt_but_stop_does() {
    let interruption = Interruption {
        min_words: 3,
        ..Default::default()
    };
    assert_eq!(interruption.judge("what about"), Overlap::Backchannel);
    assert_eq!(
        interruption.judge("what about Tuesday"),
        Overlap::Interruption
    );
    assert_eq!(interruption.judge("wait"), Overlap::Stop);
}

#[test]
fn words_and_phrases_need_no_spaces() {
    let list = |phrases: &[&str]| phrases.iter().map(|&phrase| phrase.to_owned()).collect();
    let interruption = Interruption {
        min_words: 2,
        backchannels: list(&["嗯", "对", "好的", "ครับ"]),
        stop_phrases: list(&["等一下"]),
        ..Default::default()
    };
    for (text, expected) in [
        ("我想问一个别的问题", Overlap::Interruption),
        ("等一下我想问一个别的问题", Overlap::Stop),
        ("请你等一下。", Overlap::Stop),
        ("嗯。", Overlap::Backchannel),
        ("嗯嗯，对对对，好的", Overlap::Backchannel),
        ("对，但是价格呢？", Overlap::Interruption),
        ("什么", Overlap::Backchannel),
        ("ครับครับ", Overlap::Backchannel),
        ("ต้องการสอบถามเรื่องอื่น", Overlap::Interruption),
        ("एक और सवाल", Overlap::Interruption),
        ("。。。", Overlap::Noise),
    ] {
        assert_eq!(interruption.judge(text), expected, "{text:?}");
    }
}
