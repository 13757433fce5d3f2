use std::time::Duration;

use super::*;

fn rules(gap: u64, end: Option<char>) -> Rules {
    Rules {
        gap: Duration::from_secs(gap),
        end,
    }
}

/// Presses keys, one every `every` milliseconds from 0 on, and then waits: the complete groups, and when.
fn pressed(keys: &str, every: u64, rules: &Rules) -> Vec<(u64, String)> {
    let begin = sidetone_base::clock::now();
    let at = |ms: u64| begin + Duration::from_millis(ms);
    let mut group = Keys::default();
    let mut complete = Vec::new();
    for (n, sign) in keys.chars().enumerate() {
        let ms = n as u64 * every;
        if let Some(keys) = group.due(at(ms), rules) {
            complete.push((ms, keys));
        }
        if let Some(keys) = group.press(at(ms), Key::new(sign).unwrap(), rules) {
            complete.push((ms, keys));
        }
    }
    if let Some(last) = group.next(rules) {
        assert_eq!(group.due(last - Duration::from_millis(1), rules), None);
        let ms = (last - begin).as_millis() as u64;
        complete.push((ms, group.due(last, rules).unwrap()));
    }
    assert!(group.is_empty());
    complete
}

#[test]
fn keys_belong_together_until_none_is_pressed_for_the_gap() {
    let complete = pressed("4711", 500, &rules(2, Some('#')));
    assert_eq!(complete, [(3500, "4711".into())]);
}

#[test]
fn the_end_key_completes_at_once() {
    let complete = pressed("79#", 300, &rules(2, Some('#')));
    assert_eq!(complete, [(600, "79#".into())]);
    let complete = pressed("#", 300, &rules(2, Some('#')));
    assert_eq!(complete, [(0, "#".into())]);
}

#[test]
fn without_an_end_key_all_keys_are_alike() {
    let complete = pressed("7#9", 300, &rules(2, None));
    assert_eq!(complete, [(2600, "7#9".into())]);
}

#[test]
fn keys_pressed_slowly_are_separate_inputs() {
    let complete = pressed("12", 3000, &rules(2, Some('#')));
    assert_eq!(complete, [(3000, "1".into()), (5000, "2".into())]);
}

#[test]
fn a_group_has_a_longest_length() {
    let complete = pressed(&"1".repeat(LONGEST + 1), 10, &rules(2, Some('#')));
    let lengths: Vec<usize> = complete.iter().map(|(_, keys)| keys.len()).collect();
    assert_eq!(lengths, [LONGEST, 1]);
}

#[test]
fn keys_are_those_of_telephones() {
    let signs = "0123456789*#ABCD";
    for (code, sign) in signs.chars().enumerate() {
        assert_eq!(Key::of_code(code as u32), Key::new(sign));
        assert!(Key::new(sign).is_some());
    }
    assert_eq!(Key::new('a'), Key::new('A'));
    assert_eq!(Key::of_code(16), None);
    for sign in ['E', ' ', '+', '٣', '\0'] {
        assert_eq!(Key::new(sign), None, "{sign:?}");
    }
}
