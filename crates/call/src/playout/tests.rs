use super::*;

const ID: ReplyId = ReplyId(1);

/// A playout of one sentence of one second whose samples count up.
fn one_second(text: &str) -> Playout {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    playout.begin_sentence(ID, text.into());
    playout.push(
        ID,
        &Pcm::new((0..48_000).map(|n| (n % 30_000) as i16).collect()),
    );
    playout.finish(ID);
    playout
}

fn pull(playout: &mut Playout, frames: usize) {
    for _ in 0..frames {
        assert!(playout.pull().is_some());
    }
}

#[test]
fn resumes_at_the_sample_after_the_last_one_played() {
    let mut playout = one_second("one two");
    pull(&mut playout, 7);
    playout.hold();
    assert!(playout.pull().is_none());
    playout.release();
    assert_eq!(playout.pull().unwrap().samples()[0], 7 * 480);
}

#[test]
fn nothing_leaves_before_it_is_opened() {
    let mut playout = Playout::default();
    playout.begin(ID, false);
    playout.push(ID, &Pcm::silence(Duration::from_secs(1)));
    assert!(playout.pull().is_none());
    playout.open(ID);
    assert!(playout.pull().is_some());
}

#[test]
fn words_are_heard_in_proportion_to_the_audio() {
    // Ten characters a word with its space: 250 ms each.
    let mut playout = one_second("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd");
    pull(&mut playout, 24 + SPEAKER_FRAMES);
    assert_eq!(playout.heard(), "aaaaaaaaa");
    pull(&mut playout, 51 - 24);
    assert_eq!(playout.take_words().unwrap(), "aaaaaaaaa bbbbbbbbb");
    assert_eq!(playout.take_words(), None);
    pull(&mut playout, 100 - 51 - SPEAKER_FRAMES);
    assert!(playout.is_done());
    assert_eq!(playout.take_words().unwrap(), " ccccccccc ddddddddd");
}

#[test]
fn words_are_heard_in_every_script() {
    for text in [
        "我们周一到周五早上九点开门，晚上六点关门，欢迎您随时打电话过来。",
        "เราเปิดทำการตั้งแต่เก้าโมงเช้าถึงห้าโมงเย็น",
        "私たちは月曜日から金曜日まで営業しております。",
        "हम सोमवार से शुक्रवार तक खुले रहते हैं।",
        "نحن مفتوحون من الاثنين إلى الجمعة.",
    ] {
        let mut playout = one_second(text);
        let mut seen = Vec::new();
        let mut so_far = String::new();
        for _ in 0..100 {
            pull(&mut playout, 1);
            if let Some(words) = playout.take_words() {
                so_far += &words;
                assert_eq!(so_far, playout.heard());
                seen.push(so_far.clone());
            }
        }
        assert_eq!(so_far, text);
        assert!(seen.len() >= 5, "{seen:?}");
        let mut playout = one_second(text);
        pull(&mut playout, 50 + SPEAKER_FRAMES);
        let half = playout.heard();
        assert!(
            half.len() * 4 > text.len(),
            "{half:?} is less than a quarter"
        );
        assert!(
            half.len() * 4 < text.len() * 3,
            "{half:?} is more than was heard"
        );
    }
}

#[test]
fn chinese_sentences_are_put_together_without_a_space() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    for text in ["你好。", "我们九点开门。"] {
        playout.begin_sentence(ID, text.into());
        playout.push(ID, &Pcm::silence(Duration::from_millis(500)));
    }
    playout.finish(ID);
    pull(&mut playout, 100);
    assert_eq!(playout.heard(), "你好。我们九点开门。");
}

#[test]
fn a_sentence_of_unknown_length_is_paced_by_speech_rate() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    playout.begin_sentence(ID, "aaaa bbbb cccc".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(400)));
    pull(&mut playout, 30 + SPEAKER_FRAMES);
    assert_eq!(
        playout.heard(),
        "aaaa",
        "four of fourteen characters take 267 ms"
    );
    // It turns out to be shorter: the words catch up.
    playout.end_sentence(ID);
    pull(&mut playout, 1);
    assert_eq!(playout.heard(), "aaaa bbbb");
}

#[test]
fn words_of_a_broken_sentence_are_not_heard() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    playout.begin_sentence(ID, "aaaa bbbb cccc".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(300)));
    playout.fail(ID);
    pull(&mut playout, 30);
    assert!(playout.is_done());
    assert_eq!(playout.heard(), "aaaa");
}

#[test]
fn a_sentence_that_breaks_off_is_said_again() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    playout.begin_sentence(ID, "Yes.".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(500)));
    playout.end_sentence(ID);
    // Nothing of it was played: as if it had never begun.
    playout.begin_sentence(ID, "aaaa bbbb cccc".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(300)));
    pull(&mut playout, 40);
    playout.break_off(ID);
    assert_eq!(playout.buffered(), Duration::from_millis(100));
    playout.begin_sentence(ID, "aaaa bbbb cccc".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(600)));
    pull(&mut playout, 10 + 30);
    assert_eq!(playout.heard(), "Yes. aaaa");
    // This time some of it was played: the caller hears that twice.
    playout.break_off(ID);
    assert_eq!(playout.buffered(), Duration::ZERO);
    playout.begin_sentence(ID, "aaaa bbbb cccc".into());
    playout.push(ID, &Pcm::silence(Duration::from_millis(900)));
    playout.finish(ID);
    pull(&mut playout, 90);
    assert!(playout.is_done());
    assert_eq!(playout.heard(), "Yes. aaaa aaaa bbbb cccc");
    assert_eq!(playout.sentences_heard(), 3);
}

#[test]
fn sentences_follow_each_other() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    for text in ["Yes.", "It is five."] {
        playout.begin_sentence(ID, text.into());
        playout.push(ID, &Pcm::silence(Duration::from_millis(500)));
        playout.end_sentence(ID);
    }
    pull(&mut playout, 50 + SPEAKER_FRAMES);
    assert_eq!(
        (playout.heard(), playout.sentences_heard()),
        ("Yes.".into(), 1)
    );
    pull(&mut playout, 50 - SPEAKER_FRAMES);
    assert!(!playout.is_done(), "more may come");
    playout.finish(ID);
    assert!(playout.is_done());
}

#[test]
fn a_stale_reply_changes_nothing() {
    let mut playout = one_second("one two");
    let stale = ReplyId(9);
    playout.push(stale, &Pcm::silence(Duration::from_secs(1)));
    playout.begin_sentence(stale, "three".into());
    playout.finish(stale);
    assert_eq!(playout.buffered(), Duration::from_secs(1));
}

#[test]
fn the_last_frame_is_filled_up_with_silence() {
    let mut playout = Playout::default();
    playout.begin(ID, true);
    playout.push(ID, &Pcm::new(vec![5; 500]));
    pull(&mut playout, 1);
    assert!(playout.pull().is_none(), "20 samples wait for more");
    playout.finish(ID);
    let last = playout.pull().unwrap();
    assert_eq!(
        (last.samples()[19], last.samples()[20], last.len()),
        (5, 0, 480)
    );
    assert!(playout.is_done());
}

#[test]
fn corrected_words_follow_the_words_already_given_out() {
    // Ten characters a word with its space: 250 ms each.
    let mut playout = one_second("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd");
    pull(&mut playout, 24 + SPEAKER_FRAMES);
    assert_eq!(playout.take_words().unwrap(), "aaaaaaaaa");
    playout.correct(ID, "xxxx bbbbbbbbb and the rest");
    pull(&mut playout, 100 - 24 - SPEAKER_FRAMES);
    assert_eq!(playout.heard(), "aaaaaaaaa bbbbbbbbb and the rest");
    assert_eq!(playout.take_words().unwrap(), " bbbbbbbbb and the rest");
}

#[test]
fn a_sentence_corrected_before_it_is_heard_says_that_only() {
    let mut playout = one_second("one two");
    playout.correct(ID, "two three four");
    pull(&mut playout, 100);
    assert_eq!(playout.heard(), "two three four");
}

#[test]
fn audio_that_nobody_heard_is_taken_back_and_played_again() {
    let mut playout = one_second("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd");
    pull(&mut playout, 60);
    assert_eq!(playout.take_words().unwrap(), "aaaaaaaaa bbbbbbbbb");
    playout.take_back(Duration::from_millis(300));
    assert_eq!(
        (playout.heard().as_str(), playout.position()),
        ("aaaaaaaaa", Duration::from_millis(300))
    );
    // It resumes at the sample after the last one heard, and no word is returned twice.
    assert_eq!(playout.pull().unwrap().samples()[0], 30 * 480);
    assert_eq!(playout.take_words(), None);
    pull(&mut playout, 69);
    assert!(playout.is_done());
    assert_eq!(playout.take_words().unwrap(), " ccccccccc ddddddddd");

    // First more than was played, then nothing at all.
    playout.take_back(Duration::from_secs(9));
    assert_eq!(
        (playout.heard().as_str(), playout.position()),
        ("", Duration::ZERO)
    );
    playout.clear();
    playout.take_back(Duration::from_secs(1));
}

#[test]
fn words_of_a_finished_reply_are_taken_back_too() {
    let mut playout = one_second("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd");
    pull(&mut playout, 100);
    let mut past = playout.past().unwrap();
    assert!(playout.past().is_none());
    assert_eq!(
        past.take_back(Duration::from_millis(400)),
        "aaaaaaaaa bbbbbbbbb"
    );
    assert_eq!(past.take_back(Duration::from_secs(9)), "");
}
