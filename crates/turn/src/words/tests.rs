use super::*;

#[test]
fn words_are_counted_in_every_script() {
    for (text, expected) in [
        ("", 0),
        (" … - ", 0),
        ("Mm-hmm, I see!", 3),
        ("z.B. um 12:30 Uhr", 4),
        ("मैं आपकी मदद कर सकता हूँ।", 6),
        ("مرحبا كيف حالك؟", 3),
        ("안녕하세요 질문이 있어요", 3),
        ("等一下我想问一个别的问题", 7),
        ("嗯。", 1),
        ("iPhone的价格，是多少", 5),
    ] {
        assert_eq!(count(text), expected, "{text}");
    }
    for text in [
        "ちょっと待ってください、別の質問があります",
        "ต้องการสอบถามเรื่องอื่น",
        "ຂ້ອຍຢາກຖາມຄຳຖາມອື່ນ",
        "ខ្ញុំចង់សួរសំណួរមួយទៀត",
        "ကျွန်တော်မေးချင်တာရှိပါတယ်",
    ] {
        assert!((4..=12).contains(&count(text)), "{text}: {}", count(text));
    }
}

#[test]
fn words_are_compared_without_marks_and_spaces() {
    assert_eq!(bare("Mm-hmm, I SEE!"), ["mmhmm", "i", "see"]);
    assert_eq!(bare("OK，等一下。"), ["ok", "等", "一", "下"]);
    assert_eq!(bare(" … "), Vec::<String>::new());
}

#[test]
fn a_word_ends_with_the_marks_behind_it() {
    let ended = |text: &str| -> Vec<String> {
        ends(text)
            .iter()
            .map(|end| text[..*end].to_owned())
            .collect()
    };
    assert_eq!(ended(" One, two "), [" One,", " One, two"]);
    assert_eq!(
        ended("“你好”，我们 周一"),
        ["“你好”，", "“你好”，我们", "“你好”，我们 周一"]
    );
}

#[test]
fn a_text_is_cut_after_a_whole_word_and_never_within_a_character() {
    assert_eq!(cut("one two thr"), "one two".len());
    let text = "เราเปิดทำการตั้งแต่เก้าโมงเช้าถึงห้าโมงเย็น";
    assert!(ends(text).contains(&cut(text)));
    let flags = "🇩🇪".repeat(20);
    assert_eq!(cut(&flags), "🇩🇪".len() * 19);
    assert_eq!(cut("x"), 1);
}

#[test]
fn sentences_are_put_together_as_their_script_has_it() {
    assert_eq!(between("你好。", "今天"), "");
    assert_eq!(between("Hello.", "How"), " ");
    assert_eq!(between("สวัสดี", "ครับ"), " ");
}

#[test]
fn what_was_heard_is_told_from_what_was_said() {
    for text in [
        "[BLANK_AUDIO]",
        "(dog barking)",
        " *barks* ",
        "(dog barking) [laughter].",
        "♪",
        "♪ la la la ♪",
        "<noise>",
        "（狗叫）",
    ] {
        assert!(is_annotation(text), "{text:?}");
    }
    for text in [
        "",
        "...",
        "Woof.",
        "(dog barking) Sorry, that was my dog.",
        "Press * or #.",
        "It costs 5 (five) euros",
        "[unclosed",
        "(a) or (b)?",
    ] {
        assert!(!is_annotation(text), "{text:?}");
    }
}
