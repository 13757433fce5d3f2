//! The list of readers of untrusted input. Each target splits its input into the parts it needs, and knows what must
//! hold for the result.

mod call;
mod control;
mod media;
mod providers;
mod room;

#[cfg(test)]
pub use control::agent;

use super::target::{Limit, Target};

/// For readers of text and tables: a multiple of what they read.
const SMALL: Limit = limit(64, 64 * 1024);
/// The total work of such a reader.
const LINEAR: Limit = limit(2_048, 1024 * 1024);

const fn limit(per_byte: usize, always: usize) -> Limit {
    Limit { per_byte, always }
}

const fn target(name: &'static str, run: fn(&[u8]), words: &'static [&'static [u8]]) -> Target {
    Target {
        name,
        run,
        holds: SMALL,
        takes: LINEAR,
        words,
    }
}

const fn holding(target: Target, holds: Limit, takes: Limit) -> Target {
    Target {
        holds,
        takes,
        ..target
    }
}

/// The filter between two odd rates.
const RESAMPLED: Limit = limit(256, 16 * 1024 * 1024);

/// Fifteen seconds of audio, as samples of both sizes and both rates on their way to 16 kHz.
const SOUND: Limit = limit(64, 32 * 1024 * 1024);

/// All targets.
pub const TARGETS: &[Target] = &[
    target("chat_answer", providers::chat_answer, providers::CHAT),
    target(
        "responses_answer",
        providers::responses_answer,
        providers::RESPONSES,
    ),
    holding(
        target("speech_body", providers::speech_body, providers::SPEECH),
        RESAMPLED,
        limit(2_048, 32 * 1024 * 1024),
    ),
    target("speech_socket", providers::speech_socket, providers::SOCKET),
    target("transcript", providers::transcript, &[b"\n", b"\xC3\xA9"]),
    target("refusal", providers::refusal, providers::REFUSAL),
    holding(target("webm", media::webm, media::WEBM), SOUND, SOUND),
    holding(target("mp4", media::mp4, media::MP4), SOUND, SOUND),
    holding(target("pcm", media::pcm, &[]), SOUND, SOUND),
    target("ogg", media::ogg, &[b"OggS\0", b"OpusHead\x01\x02"]),
    holding(
        target("wav", media::wav, media::WAV),
        RESAMPLED,
        limit(2_048, 32 * 1024 * 1024),
    ),
    target("webhook", control::webhook, control::WEBHOOK),
    target("worker", control::worker, &[]),
    // What filling in a text may take pays for some megabytes.
    holding(
        target("agent_file", control::agent_file, control::AGENT),
        limit(512, 16 * 1024 * 1024),
        limit(8_192, 64 * 1024 * 1024),
    ),
    // A validator is compiled from the schema, together with what it knows of JSON Schema itself.
    holding(
        target("arguments", control::arguments, control::ARGUMENTS),
        limit(4_096, 2 * 1024 * 1024),
        limit(64 * 1024, 16 * 1024 * 1024),
    ),
    target("sentences", call::sentences, call::TEXT),
    // Regular expressions cache what they have seen, up to 2 MiB each.
    holding(
        target("speech_text", call::speech_text, call::TEXT),
        limit(64, 64 * 1024 * 1024),
        limit(8_192, 64 * 1024 * 1024),
    ),
    target("description", media::description, media::SDP),
    holding(
        target("voice_packets", media::voice_packets, &[]),
        limit(64, 1024 * 1024),
        limit(8_192, 4 * 1024 * 1024),
    ),
    target(
        "encrypted_packet",
        media::encrypted_packet,
        media::ENCRYPTED,
    ),
    // Three bytes of the input can describe a packet of up to 50 KB.
    holding(
        target("data_packets", room::data_packets, &[]),
        limit(64, 512 * 1024),
        limit(128 * 1024, 1024 * 1024),
    ),
    target("control_packet", room::control_packet, room::CONTROL),
    target("doors", room::doors, &[]),
];

/// Splits an input into pieces, with lengths that its first byte chooses: network data can be split anywhere.
fn pieces(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (first, rest) = input.split_first().unwrap_or((&0, input));
    rest.chunks(1 + 17 * usize::from(*first))
}

/// An input as text; invalid bytes become replacement characters.
fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}
