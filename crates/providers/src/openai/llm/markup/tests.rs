use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn tools() -> Vec<Tool> {
    let tool = |name: &str, parameters| Tool {
        name: name.into(),
        description: String::new(),
        parameters,
    };
    vec![
        tool(
            "look",
            json!({ "type": "object", "properties": { "day": { "type": "string" } } }),
        ),
        tool("hang_up", json!({ "type": "object" })),
    ]
}

fn cut_at(text: &str, opening: Opening, cuts: &[usize]) -> (String, Vec<(String, Value)>) {
    let mut markup = Markup::new(tools(), opening);
    let mut said = String::new();
    let chars: Vec<char> = text.chars().collect();
    let mut rest = chars.as_slice();
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (chunk, tail) = rest.split_at(cut.min(rest.len()));
        said += &markup.push(&chunk.iter().collect::<String>());
        rest = tail;
    }
    said += &markup.finish(false);
    let calls = markup
        .calls
        .into_iter()
        .map(|call| (call.name, call.arguments));
    (said, calls.collect())
}

fn said(text: &str) -> String {
    cut_at(text, Opening::Plain, &[]).0
}

const TEXTS: [(&str, &str); 39] = [
    ("It is noon.", "It is noon."),
    (
        "3 < 5, and <b>bold</b> [1] `x` [TOOL",
        "3 < 5, and <b>bold</b> [1] `x` ",
    ),
    ("<think>Hm.</think>\n\nIt is noon.", "It is noon."),
    ("<think>Is 3 < 5? </thin</think>Yes.", "Yes."),
    ("<THINKING level=\"high\">Hm.</Thinking> Yes.", "Yes."),
    ("<reasoning>Hm.</reasoning>Yes.", "Yes."),
    ("Well. <think>Hm.</think>Yes.", "Well. Yes."),
    ("<think>never closed", ""),
    ("[THINK]Hm.[/THINK]Yes.", "Yes."),
    ("Yes.</think> No.", "Yes. No."),
    ("It is <|im_end|>noon.<|eot_id|></s>", "It is noon."),
    (
        "<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>user\nAnd now?",
        "Yes.\n",
    ),
    (
        "<|start_header_id|>assistant<|end_header_id|>\n\nYes.",
        "Yes.",
    ),
    (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        "Yes.",
    ),
    ("<｜end▁of▁sentence｜>Yes.", "Yes."),
    (
        "One moment. <tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>",
        "One moment. ",
    ),
    ("<tool_call>no JSON at all</tool_call>Yes.", "Yes."),
    ("a <| b |> c <|| d", "a  c <|| d"),
    ("if x<y then </b> <", "if x<y then </b> <"),
    ("{\"time\": \"noon\"}", "{\"time\": \"noon\"}"),
    (
        "```json\n{\"time\": 12}\n``` is JSON",
        "```json\n{\"time\": 12}\n``` is JSON",
    ),
    ("```rust\nfn\n```", "```rust\nfn\n```"),
    (
        "<function> is a word, <functional> too",
        "<function> is a word, <functional> too",
    ),
    ("<tool_response>made up</tool_response>Yes.", "Yes."),
    ("<thinker>x</thinker>", "<thinker>x</thinker>"),
    ("[look at this] Yes.", "[look at this] Yes."),
    ("<|channel>thought\nHm.<channel|>Yes.", "Yes."),
    (
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.",
        "Yes.",
    ),
    ("<antml:thinking>Hm.</antml:thinking>Yes.", "Yes."),
    (
        "<turn>, <channel> and <|turns> are words",
        "<turn>, <channel> and <|turns> are words",
    ),
    (
        "<｜DSML｜function_calls>nothing</｜DSML｜function_calls>Yes.",
        "Yes.",
    ),
    ("Yes.</｜DSML｜function_calls> No.", "Yes. No."),
    ("◁think▷Hm. ◁ or ▷?◁/think▷Yes.", "Yes."),
    ("<think>Hm.</think>\n<answer>\nYes.\n</answer>", "Yes.\n"),
    ("<response>Yes.</response>", "Yes."),
    ("<scratchpad>Hm.</scratchpad> Yes.", "Yes."),
    (
        "It is {\"time\": \"noon\"}, or [ 1 ].",
        "It is {\"time\": \"noon\"}, or [ 1 ].",
    ),
    (
        "So: {\"name\": \"other\"} it is",
        "So: {\"name\": \"other\"} it is",
    ),
    ("a ◁ b, {\"na", "a ◁ b, "),
];

#[test]
fn only_what_is_for_the_caller_is_said() {
    for (text, expected) in TEXTS {
        assert_eq!(said(text), expected, "{text}");
    }
}

const LEAKED: [&str; 33] = [
    r#"{"name": "look", "parameters": {"day": "Friday"}}<|eot_id|>"#,
    r#"[ {"name": "look", "arguments": {"day": "Friday"}} ]"#,
    r#"{"type": "function", "function": {"name": "look", "arguments": "{\"day\": \"Friday\"}"}}"#,
    r#"{"tool_uses": [{"recipient_name": "functions.look", "parameters": {"day": "Friday"}}]}"#,
    r#"{"action": "look", "action_input": {"day": "Friday"}}"#,
    r#"<seed:tool_call><function=look><parameter=day>Friday</parameter></function></seed:tool_call>"#,
    r#"<start_function_call>call:look{day:<escape>Friday<escape>}<end_function_call>"#,
    r#"<|tools_prefix|>[{"look": {"day": "Friday"}}]<|tools_suffix|>"#,
    "<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name=\"look\">\
     <steptml:parameter name=\"day\">Friday</steptml:parameter></steptml:invoke>\
     <｜tool_call_end｜><｜tool_calls_end｜>",
    r#"<tool_call>{"name": "look", "arguments": {"day": "Friday"}}</tool_call>"#,
    r#"<tool_call>{"name": "look", "arguments": "{\"day\": \"Friday\"}"}"#,
    r#"<tool_calls>[{"function": {"name": "look", "arguments": {"day": "Friday"}}}]</tool_calls>"#,
    r#"<function=look>{"day": "Friday"}</function>"#,
    r#"<tool_call><function=look><parameter=day>Friday</parameter></function></tool_call>"#,
    r#"<function_calls><invoke name="look"><parameter name="day">Friday</parameter></invoke></function_calls>"#,
    "<tool_call>look\n<arg_key>day</arg_key>\n<arg_value>Friday</arg_value></tool_call>",
    r#"<|tool_call|>[{"name": "look", "arguments": {"day": "Friday"}}]"#,
    r#"[TOOL_CALLS] [{"name": "look", "arguments": {"day": "Friday"}}]</s>"#,
    r#"[TOOL_CALLS]look[ARGS]{"day": "Friday"}"#,
    r#"<|python_tag|>{"name": "look", "parameters": {"day": "Friday"}}<|eom_id|>"#,
    r#"<|python_tag|>look.call(day="Friday")"#,
    "```tool_call\n{\"name\": \"look\", \"arguments\": {\"day\": \"Friday\"}}\n```",
    "```json\n{\"name\": \"look\", \"arguments\": {\"day\": \"Friday\"}}\n```",
    r#"{"name": "look", "arguments": {"day": "Friday"}}"#,
    r#"[look(day='Friday')]"#,
    r#"<|tool_calls_section_begin|><|tool_call_begin|>functions.look:0<|tool_call_argument_begin|>{"day": "Friday"}<|tool_call_end|><|tool_calls_section_end|>"#,
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>look\n```json\n{\"day\": \"Friday\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    r#"<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"day": "Friday"}<|call|>"#,
    "<|tool_call>call:look{day:<|\"|>Friday<|\"|>}<tool_call|>",
    r#"<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "look", "parameters": {"day": "Friday"}}]<|END_ACTION|>"#,
    "<｜DSML｜function_calls><｜DSML｜invoke name=\"look\"><｜DSML｜parameter name=\"day\" string=\"true\">Friday</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>",
    "<｜DSML｜tool_calls><｜DSML｜invoke name=\"look\"><｜DSML｜parameter name=\"day\" string=\"true\">Friday</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜tool_calls>",
    r#"<antml:function_calls><antml:invoke name="look"><antml:parameter name="day">Friday</antml:parameter></antml:invoke></antml:function_calls>"#,
];

#[test]
fn a_leaked_call_is_taken_as_the_call() {
    for text in LEAKED {
        let (said, calls) = cut_at(text, Opening::Plain, &[]);
        let calls: Vec<_> = calls.into_iter().map(plain).collect();
        assert_eq!(
            calls,
            [("look".to_owned(), json!({ "day": "Friday" }))],
            "{text}"
        );
        assert_eq!(said.trim(), "", "{text}");
    }
    let (said, calls) = cut_at("Bye. <function=hang_up></function>", Opening::Plain, &[]);
    assert_eq!((said.as_str(), calls.len()), ("Bye. ", 1));
    let two = r#"<tool_call>{"name":"look","arguments":{}}</tool_call><tool_call>{"name":"hang_up","arguments":{}}</tool_call>"#;
    assert_eq!(cut_at(two, Opening::Plain, &[]).1.len(), 2);
}

fn plain((name, arguments): (String, Value)) -> (String, Value) {
    let inner = arguments
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    (name, inner.unwrap_or(arguments))
}

#[test]
fn nothing_is_held_longer_than_it_must_be() {
    let mut markup = Markup::new(tools(), Opening::Unknown);
    for (chunk, passes) in [
        ("It is", "It is"),
        (" noon <", " noon "),
        (" five", "< five"),
        (" <b", " "),
        (">x", "<b>x"),
        (" [T", " "),
        ("wo]", "[Two]"),
        (" <think", " "),
        (">hm</think", ""),
        (">!", "!"),
    ] {
        assert_eq!(markup.push(chunk), passes, "{chunk}");
    }
}

#[test]
fn a_thought_without_its_opening_tag_is_cut_where_answers_begin_so() {
    let thought = "The caller wants the time. I should look.\n</think>\n\nIt is noon.";
    assert_eq!(cut_at(thought, Opening::Thought, &[]).0, "It is noon.");
    assert_eq!(cut_at(thought, Opening::Unknown, &[]).0, "It is noon.");
    // Text that was not a thought is released at the answer's end.
    let answer = "The caller before you was faster.";
    assert_eq!(cut_at(answer, Opening::Unknown, &[]).0, answer);
    assert_eq!(cut_at(answer, Opening::Thought, &[]).0, answer);
    let quotes = "I should call <tool_call>, with ```json and <|im_end|>.</think>Yes.";
    assert_eq!(cut_at(quotes, Opening::Unknown, &[]).0, "Yes.");
    let tagged = "<think>Hm.</think>Yes.";
    assert_eq!(cut_at(tagged, Opening::Thought, &[]).0, "Yes.");
    // A truncated thought is not.
    let mut markup = Markup::new(tools(), Opening::Thought);
    assert_eq!(markup.push("I should"), "");
    assert_eq!(markup.finish(true), "");
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(
        cuts in prop::collection::vec(0usize..7, 0..80),
        which in any::<prop::sample::Index>(),
        opening in prop::sample::select(vec![Opening::Plain, Opening::Unknown, Opening::Thought]),
    ) {
        let texts: Vec<&str> = TEXTS.iter().map(|(text, _)| *text).chain(LEAKED).collect();
        let text = *which.get(&texts);
        let whole = cut_at(text, opening, &[]);
        prop_assert_eq!(cut_at(text, opening, &cuts), whole, "{}", text);
    }

    #[test]
    fn ordinary_text_passes_whole(text in "[a-zA-Z0-9 .,!?äöü<>=/'\"()-]{0,80}") {
        let is_tagged = find(&text);
        prop_assume!(matches!(is_tagged, Found::Nothing) && !text.starts_with(char::is_whitespace));
        prop_assert_eq!(cut_at(&text, Opening::Plain, &[3, 1, 4, 1, 5]).0, text);
    }
}
