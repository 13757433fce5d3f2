//! The tags and tokens of the model families: what they look like, and what each begins or ends.

/// What a marker does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Marker {
    /// A thought begins.
    Thought,
    /// A thought ends.
    ThoughtEnd,
    /// A tool call follows, up to one of these (in lower case).
    Tool(Vec<&'static str>),
    /// A code fence around JSON, which may be a call.
    Fence,
    /// JSON that may be a call begins.
    Json,
    /// A token that begins a turn; the speaker's role follows.
    Role,
    /// Meaningless to a caller.
    Token,
}

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// No marker, whatever follows.
    Nothing,
    /// Not known yet.
    Maybe,
    /// A marker of this many bytes.
    Marker(usize, Marker),
}

/// Names of tags: `<name …>`.
const THOUGHTS: [&str; 14] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "analysis",
    "inner_monologue",
    "seed:think",
    "antthinking",
    // What a model makes up as the result of its own call.
    "tool_response",
    "tool_result",
    "function_results",
];
const TOOLS: [(&str, &str); 11] = [
    ("tool_call", "</tool_call>"),
    ("tool_calls", "</tool_calls>"),
    ("toolcall", "</toolcall>"),
    ("tool_use", "</tool_use>"),
    ("function_call", "</function_call>"),
    ("function_calls", "</function_calls>"),
    ("function", "</function>"),
    ("invoke", "</invoke>"),
    ("minimax:tool_call", "</minimax:tool_call>"),
    ("seed:tool_call", "</seed:tool_call>"),
    ("start_function_call", "<end_function_call>"),
];
const TOKENS: [&str; 11] = [
    // Around what some models say after they have thought.
    "answer",
    "final_answer",
    "response",
    "end_function_call",
    "s",
    "bos",
    "eos",
    "pad",
    "unk",
    "end_of_turn",
    "end_of_utterance",
];
const ROLES: [&str; 1] = ["start_of_turn"];
/// Names with a bar on one side only: `<|name>` begins, and `<name|>` ends.
const HALF_BARRED: [&str; 4] = ["channel", "tool_call", "tool_response", "turn"];
/// Kimi's brackets of thoughts: `◁think▷` to `◁/think▷`.
pub(super) const TRIANGLE: char = '◁';
const TRIANGLES: [&str; 2] = ["◁think▷", "◁/think▷"];
/// What some models put before the names of their tags.
const PREFIX: &str = "antml:";
/// `[NAME]`.
const BRACKETS: [&str; 9] = [
    "[TOOL_CALLS]",
    "[/TOOL_CALLS]",
    "[TOOL_REQUEST]",
    "[END_TOOL_REQUEST]",
    "[THINK]",
    "[/THINK]",
    "[INST]",
    "[/INST]",
    "[ARGS]",
];
/// What follows "```" if a fence is a call, or may be one.
const FENCES: [&str; 6] = [
    "tool_calls",
    "tool_call",
    "tool_code",
    "function_call",
    "tool",
    "json",
];
/// Where a call without its own end tag ends: the model's turn is over.
const TURN_ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|call|>",
    "<|endoftext|>",
    "<｜end▁of▁sentence｜>",
    "</s>",
    "<end_of_turn>",
];
/// Bytes of a tag with its attributes, and of a token.
const LONGEST_TAG: usize = 256;
const LONGEST_TOKEN: usize = 80;

/// What `text`, whose first character is "<", "[", "`" or [`TRIANGLE`], begins with.
pub(super) fn seen(text: &str) -> Seen {
    if text.starts_with(TRIANGLE) {
        return triangle(text);
    }
    if text.starts_with('`') {
        return fence(text);
    }
    if text.starts_with('[') {
        return bracket(text);
    }
    let inside = &text[1..];
    match inside.chars().next() {
        None => Seen::Maybe,
        Some(bar @ ('|' | '｜')) => token(text, bar),
        Some(c) if c == '/' || c.is_ascii_alphabetic() => tag(text),
        Some(_) => Seen::Nothing,
    }
}

fn triangle(text: &str) -> Seen {
    let [begin, end] = TRIANGLES;
    if text.starts_with(begin) {
        return Seen::Marker(begin.len(), Marker::Thought);
    }
    if text.starts_with(end) {
        return Seen::Marker(end.len(), Marker::ThoughtEnd);
    }
    maybe(TRIANGLES.iter().any(|known| known.starts_with(text)))
}

fn bracket(text: &str) -> Seen {
    if let Some(known) = BRACKETS.iter().find(|known| text.starts_with(**known)) {
        let marker = match *known {
            "[TOOL_CALLS]" => Marker::Tool(with_turn_ends("[/tool_calls]")),
            "[TOOL_REQUEST]" => Marker::Tool(with_turn_ends("[end_tool_request]")),
            "[THINK]" => Marker::Thought,
            "[/THINK]" => Marker::ThoughtEnd,
            _ => Marker::Token,
        };
        return Seen::Marker(known.len(), marker);
    }
    maybe(BRACKETS.iter().any(|known| known.starts_with(text)))
}

fn fence(text: &str) -> Seen {
    let Some(name) = text.strip_prefix("```") else {
        return maybe("```".starts_with(text));
    };
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let word = name[..end.unwrap_or(name.len())].to_ascii_lowercase();
    if end.is_none() {
        return maybe(FENCES.iter().any(|known| known.starts_with(&word)));
    }
    if !FENCES.contains(&word.as_str()) {
        return Seen::Nothing;
    }
    let marker = match word.as_str() {
        "json" => Marker::Fence,
        _ => Marker::Tool(vec!["```"]),
    };
    Seen::Marker(3 + word.len(), marker)
}

fn tag(text: &str) -> Seen {
    let (ends, inside) = match text[1..].strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, &text[1..]),
    };
    if ends && inside.starts_with('｜') {
        return end_of_dsml(text);
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
    let length = inside.find(|c| !is_name(c));
    let whole_name = inside[..length.unwrap_or(inside.len())].to_ascii_lowercase();
    let name = whole_name.strip_prefix(PREFIX).unwrap_or(&whole_name);
    let tools = TOOLS.iter().map(|(name, _)| *name);
    let known = THOUGHTS.into_iter().chain(tools).chain(TOKENS).chain(ROLES);
    let known = known.chain(HALF_BARRED);
    let mut known = known.filter(|known| known.starts_with(name));
    let Some(length) = length else {
        return maybe(known.next().is_some() || PREFIX.starts_with(&whole_name));
    };
    if !known.any(|known| known == name) {
        return Seen::Nothing;
    }
    let rest = &inside[length..];
    if !ends && rest.starts_with('|') && HALF_BARRED.contains(&name) {
        let marker = match name {
            "channel" | "tool_response" => Marker::ThoughtEnd,
            _ => Marker::Token,
        };
        return match rest.starts_with("|>") {
            true => Seen::Marker(text.len() - rest.len() + 2, marker),
            false => maybe(rest == "|"),
        };
    }
    if matches!(name, "channel" | "turn") {
        return Seen::Nothing;
    }
    // `<function=look>` and `<function name="look">` are calls; `<function>` is a word in brackets.
    let is_call = name != "function" || ends || rest.starts_with(['=', ' ']);
    if !rest.starts_with(['>', ' ', '=', '/', '\n', '\t']) || !is_call {
        return Seen::Nothing;
    }
    let Some(close) = rest.find(['>', '<']) else {
        return maybe(text.len() <= LONGEST_TAG);
    };
    if rest[close..].starts_with('<') {
        return Seen::Nothing;
    }
    let whole = text.len() - rest.len() + close + 1;
    let tool = TOOLS.iter().find(|(tool, _)| *tool == name);
    let marker = match (tool, ends) {
        _ if THOUGHTS.contains(&name) && ends => Marker::ThoughtEnd,
        _ if THOUGHTS.contains(&name) => Marker::Thought,
        _ if ROLES.contains(&name) && !ends => Marker::Role,
        (Some(("function_calls", end)), false) => {
            Marker::Tool(vec![end, "</antml:function_calls>"])
        }
        (Some(("invoke", end)), false) => Marker::Tool(vec![end, "</antml:invoke>"]),
        (Some((_, end)), false) => Marker::Tool(vec![end]),
        _ => Marker::Token,
    };
    Seen::Marker(whole, marker)
}

/// DeepSeek's `<｜DSML｜function_calls>`.
fn dsml(text: &str) -> Seen {
    let closers = [
        "</｜dsml｜tool_calls>",
        "</｜dsml｜function_calls>",
        "<｜end▁of▁sentence｜>",
        "<|im_end|>",
    ];
    match text.find('>') {
        Some(end) => Seen::Marker(end + 1, Marker::Tool(closers.into())),
        None => maybe(text.len() <= LONGEST_TAG),
    }
}

/// The end of such a block that never began.
fn end_of_dsml(text: &str) -> Seen {
    const BEGINS: &str = "</｜DSML｜";
    match (text.starts_with(BEGINS), text.find('>')) {
        (true, Some(end)) => Seen::Marker(end + 1, Marker::Token),
        (true, None) => maybe(text.len() <= LONGEST_TAG),
        (false, _) => maybe(BEGINS.starts_with(text)),
    }
}

/// `<|name|>`, also with DeepSeek's full-width bars.
fn token(text: &str, bar: char) -> Seen {
    let begin = 1 + bar.len_utf8();
    let inside = &text[begin..];
    let is_name = |c: char| c.is_alphanumeric() || "_-/.▁ ".contains(c);
    let Some(length) = inside.find(|c| !is_name(c)) else {
        return maybe(text.len() <= LONGEST_TOKEN);
    };
    let close = format!("{bar}>");
    let rest = &inside[length..];
    if &inside[..length] == "DSML" && rest.starts_with('｜') && !rest.starts_with(&close) {
        return match rest.len() > bar.len_utf8() {
            true => dsml(text),
            false => Seen::Maybe,
        };
    }
    if bar == '|' && rest.starts_with('>') && HALF_BARRED.contains(&&inside[..length]) {
        let marker = match &inside[..length] {
            "tool_call" => Marker::Tool(with_turn_ends("<tool_call|>")),
            "turn" => Marker::Role,
            _ => Marker::Thought,
        };
        return Seen::Marker(begin + length + 1, marker);
    }
    if !rest.starts_with(&close) || length == 0 {
        return maybe(length > 0 && close.starts_with(rest) && text.len() <= LONGEST_TOKEN);
    }
    let whole = begin + length + close.len();
    let name = inside[..length].to_lowercase();
    let marker = match name.as_str() {
        "tool_call" | "toolcall" | "python_tag" | "function_call" => {
            Marker::Tool(with_turn_ends("<|/tool_call|>"))
        }
        "action_start" => Marker::Tool(with_turn_ends("<|action_end|>")),
        "tools_prefix" => Marker::Tool(with_turn_ends("<|tools_suffix|>")),
        "tool_calls_begin" => Marker::Tool(with_turn_ends("<｜tool_calls_end｜>")),
        "tool_call_start" => Marker::Tool(with_turn_ends("<|tool_call_end|>")),
        "tool_calls_section_begin" => Marker::Tool(with_turn_ends("<|tool_calls_section_end|>")),
        "tool_call_begin" => Marker::Tool(with_turn_ends("<|tool_call_end|>")),
        "tool▁calls▁begin" => Marker::Tool(with_turn_ends("<｜tool▁calls▁end｜>")),
        "tool▁call▁begin" => Marker::Tool(with_turn_ends("<｜tool▁call▁end｜>")),
        "start_action" => Marker::Tool(with_turn_ends("<|end_action|>")),
        "begin_of_thought" | "start_thinking" | "think" | "thinking" => Marker::Thought,
        "end_of_thought" | "end_thinking" | "/think" | "/thinking" => Marker::ThoughtEnd,
        "im_start" | "start" | "start_header_id" => Marker::Role,
        "channel" => return channel(text, whole),
        _ => Marker::Token,
    };
    Seen::Marker(whole, marker)
}

/// `<|channel|>final<|message|>` begins speech; other channels are thoughts, or calls with the tool's name in the
/// header.
fn channel(text: &str, begin: usize) -> Seen {
    const MESSAGE: &str = "<|message|>";
    let Some(at) = text[begin..].find(MESSAGE) else {
        return maybe(text.len() - begin <= LONGEST_TAG);
    };
    let header = text[begin..begin + at].trim();
    let whole = begin + at + MESSAGE.len();
    let marker = match header {
        "final" => Marker::Token,
        _ => Marker::Tool(with_turn_ends("<|start|>")),
    };
    Seen::Marker(whole, marker)
}

fn with_turn_ends(own: &'static str) -> Vec<&'static str> {
    std::iter::once(own).chain(TURN_ENDS).collect()
}

fn maybe(is_it: bool) -> Seen {
    if is_it { Seen::Maybe } else { Seen::Nothing }
}
