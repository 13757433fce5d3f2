//! Data from providers.

use serde_json::json;
use sidetone_base::provider::LlmApi;
use sidetone_providers::openai::Delta;
use sidetone_providers::openai::fuzz;

use super::{pieces, text};

pub const CHAT: &[&[u8]] = &[
    b"data: ",
    b"\n\n",
    b"[DONE]",
    b"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
    b"\"}}]}",
    b"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"",
    b"\"finish_reason\":\"stop\"",
    b"\"reasoning_details\":[{\"index\":1,\"type\":\"t\",\"text\":\"a\"}]",
    b"<think>",
    b"</think>",
    b"<tool_call>",
    b"</tool_call>",
    b"<|im_start|>",
    b"```",
];
pub const RESPONSES: &[&[u8]] = &[
    b"data: ",
    b"\n\n",
    b"{\"type\":\"response.output_text.delta\",\"delta\":\"",
    b"\"}",
    b"{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"name\":\"look\",\"arguments\":\"{}\"}}",
    b"{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"reasoning\",\"encrypted_content\":\"x\"}}",
    b"{\"type\":\"response.completed\",\"response\":{}}",
    b"<think>",
];
pub const SPEECH: &[&[u8]] = &[
    b"RIFF\xFF\xFF\xFF\xFFWAVE",
    b"fmt \x10\0\0\0\x01\0\x01\0",
    b"data",
    b"data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\n",
    b"data: [DONE]\n\n",
    b"{\"error\":{\"message\":\"",
    b"ID3",
    b"OggS",
];
pub const SOCKET: &[&[u8]] = &[
    b"\n",
    b"{\"type\":\"response.created\",\"response\":{\"id\":\"a\",\"metadata\":{\"sentence\":\"1\"}}}\n",
    b"{\"type\":\"response.output_item.added\",\"response_id\":\"a\",\"output_index\":1}\n",
    b"{\"type\":\"response.output_audio.delta\",\"response_id\":\"a\",\"output_index\":0,\"delta\":\"AAAA\"}\n",
    b"{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"a\",\"delta\":\"We\"}\n",
    b"{\"type\":\"response.done\",\"response\":{\"id\":\"a\",\"status\":\"completed\"}}\n",
    b"{\"type\":\"error\",\"error\":{\"code\":\"conversation_already_has_active_response\",\"event_id\":\"say_1\"}}\n",
    b"{\"type\":\"session.updated\"}\n",
];
pub const REFUSAL: &[&[u8]] = &[
    b"{\"error\":{\"message\":\"",
    b"\"detail\":[{\"loc\":[\"body\",\"x\"],\"msg\":\"",
    b"sk-proj-0123456789",
    b"my account number is 123",
    b"\\u00",
    b"&quot;",
    b"%20",
];

pub fn chat_answer(input: &[u8]) {
    answer(LlmApi::Chat, input);
}

pub fn responses_answer(input: &[u8]) {
    answer(LlmApi::Responses, input);
}

/// Calls have an id, a tool and no more text than was sent; the end is reported once, before the usage.
fn answer(api: LlmApi, input: &[u8]) {
    let (said, is_whole) = fuzz::answer(api, pieces(input));
    let (mut words, mut ends) = (0, 0);
    for delta in &said {
        match delta {
            Delta::Text(text) => {
                assert!(!text.is_empty(), "a piece without words");
                assert_eq!(ends, 0, "words after the end");
                words += text.len();
            }
            Delta::ToolCall(call) => {
                assert!(!call.id.is_empty() && !call.name.is_empty(), "{call:?}");
                words += call.arguments.len();
            }
            Delta::Calling | Delta::Opaque(_) => {}
            Delta::Finished(_) => ends += 1,
            Delta::Usage(_) => assert_eq!(ends, 1, "usage comes last"),
        }
    }
    assert_eq!(ends, usize::from(is_whole), "ends");
    // Three bytes replace an invalid one; arguments that are not valid text are encoded again.
    assert!(words <= 6 * input.len() + 64, "{words} bytes of words");
}

/// No more samples than a body can contain: at the lowest rate, at 8 bits.
pub fn speech_body(input: &[u8]) {
    let Some((kind, body)) = input.split_first() else {
        return;
    };
    let label = [
        None,
        Some("audio/pcm"),
        Some("audio/pcm;rate=8000"),
        Some("audio/L16;rate=16000;channels=2"),
        Some("audio/wav"),
        Some("text/event-stream"),
        Some("application/json"),
        Some("audio/mpeg"),
    ][usize::from(kind % 8)];
    let configured = (kind & 8 != 0).then_some(24_000);
    let sound = fuzz::speech(label, configured, pieces(body));
    let most = 24 * body.len() + 24_000 / 4;
    assert!(sound.len() <= most, "{} samples", sound.len());
}

/// Each of the two sentences ends at most once, and nothing comes of it afterwards; what is reported, requested and
/// played comes from the input.
pub fn speech_socket(input: &[u8]) {
    let events = text(input);
    let given = fuzz::speech_socket(events.lines());
    assert!(given.ends.iter().all(|ends| *ends <= 1), "{given:?}");
    assert_eq!(given.astray, 0, "{given:?}");
    assert!(given.samples <= input.len(), "{given:?}");
    let events = events.lines().count();
    assert!(
        given.sent <= 16 * 1024 + events * 8 * 1024,
        "{given:?} of {events} events"
    );
}

/// What was read word for word is neither off the text nor to be spoken differently.
pub fn transcript(input: &[u8]) {
    let text = text(input);
    let (sentence, transcript) = text.split_once('\n').unwrap_or((&text, &text));
    let (confirmed, astray, verdict) = fuzz::reading(sentence, transcript);
    assert!(!(confirmed && astray), "{sentence:?} as {transcript:?}");
    if sentence == transcript {
        assert_eq!(verdict, "Verbatim", "{sentence:?}");
    }
}

/// A provider's words, without the key and without the caller's words.
pub fn refusal(input: &[u8]) {
    const KEY: &str = "sk-proj-0123456789";
    const SAID: &str = "my account number is 123";
    let request = json!({ "messages": [{ "role": "user", "content": SAID }] });
    let told = fuzz::refusal(input, KEY, &request);
    assert!(!told.contains(KEY), "{told}");
    let words_of = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
        words.collect::<Vec<_>>()
    };
    // Removed text leaves a mark.
    for told in told.split('…').map(words_of) {
        for four in words_of(SAID).windows(4) {
            assert!(told.windows(4).all(|words| words != four), "{told:?}");
        }
    }
    assert!(told.chars().count() <= 400, "{told}");
}
