use super::*;

#[test]
fn a_tool_has_its_own_name_whatever_was_sent() {
    let tools = ["look", "calendar_find.slots"].map(str::to_owned);
    for (name, own) in [
        ("look", "look"),
        ("functions.look", "look"),
        ("calendar_find_slots", "calendar_find.slots"),
        ("other", "other"),
    ] {
        assert_eq!(own_name(name, &tools), own);
    }
}
