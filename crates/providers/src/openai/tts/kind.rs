//! Detects what a speech server has sent, from its first bytes and its label. PURE.
//!
//! The bytes decide if they can: servers label containers as raw samples and errors as audio. Raw samples have no
//! signature, so there the label decides.

/// Plausible samples per second of speech; another rate is a mistake.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Bytes that identify any container.
pub(in crate::openai) const LEAST: usize = 12;
/// Readable text counts as text from this many bytes on: samples can look like a few letters.
const TEXT: usize = 64;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openai) enum Kind {
    /// Raw 16-bit samples.
    Samples,
    /// A WAV file.
    Wav,
    /// Server-sent events that carry sound in base64.
    Events,
    /// A JSON document, which is an error.
    Json,
    /// Audio that cannot be played, by name.
    Other(&'static str),
    /// Not audio at all, by name: this is not a speech server.
    Foreign(&'static str),
}

/// What the server and the configuration say about a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::openai) struct Label {
    /// The media type in lower case, without parameters; empty if there is none.
    media: String,
    /// For raw samples.
    pub(in crate::openai) rate: u32,
    /// For raw samples.
    pub(in crate::openai) channels: usize,
    /// Raw samples have their high byte first.
    pub(in crate::openai) big_endian: bool,
    /// Raw samples are not of 16 bits, or not linear.
    is_odd: bool,
    /// The configuration says that the body is samples: a contradicting media type is ignored.
    is_raw: bool,
}

impl Label {
    /// From `Content-Type`, other headers, and the configured rate.
    pub(in crate::openai) fn new<'a>(
        content_type: Option<&str>,
        header: impl Fn(&str) -> Option<&'a str>,
        configured: Option<u32>,
    ) -> Self {
        let mut parts = content_type.unwrap_or_default().split(';');
        let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| {
                let name = name.trim().to_ascii_lowercase();
                (name, value.trim().trim_matches('"'))
            })
            .collect();
        let parameter = |names: &[&str]| {
            let found = parameters.iter().find(|(n, _)| names.contains(&n.as_str()));
            found.map(|(_, value)| *value)
        };
        let rate = parameter(&["rate", "sample_rate", "samplerate", "sample-rate"])
            .or_else(|| header("x-sample-rate"))
            .or_else(|| header("x-audio-sample-rate"))
            .and_then(|value| value.trim().parse().ok());
        let channels = parameter(&["channels", "channel"])
            .or_else(|| header("x-channels"))
            .and_then(|value| value.trim().parse().ok());
        // Google's `audio/L16;codec=pcm` is little-endian, whatever RFC 2586 says of L16.
        let is_l16 = matches!(media.as_str(), "audio/l16" | "audio/x-l16");
        let order = parameter(&["endianness", "endian", "byte-order"]).unwrap_or_default();
        let big_endian = match order.to_ascii_lowercase() {
            order if order.starts_with("little") => false,
            order if order.starts_with("big") => true,
            _ => is_l16 && parameter(&["codec", "codecs"]) != Some("pcm"),
        };
        let bits = parameter(&[
            "bits",
            "bit-depth",
            "bit_depth",
            "bitdepth",
            "bits_per_sample",
        ])
        .or_else(|| header("x-bit-depth"))
        .or_else(|| header("x-bits-per-sample"));
        let encoding = parameter(&["encoding", "format", "sample_format", "codec"])
            .or_else(|| header("x-audio-encoding"))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let odd = ["f32", "f64", "float", "law", "s24", "s32", "u8", "s8"];
        let is_odd = bits.is_some_and(|bits| bits.trim() != "16")
            || odd.iter().any(|sign| encoding.contains(sign));
        Self {
            media,
            rate: rate.or(configured).unwrap_or(24_000),
            channels: channels.unwrap_or(1),
            big_endian,
            is_odd,
            is_raw: configured.is_some(),
        }
    }

    /// For the audio within server-sent events, whose own type does not describe it.
    pub(in crate::openai) fn in_events(self) -> Self {
        Self {
            media: String::new(),
            ..self
        }
    }

    /// What a body that begins with `head` is. `None` if more of it is needed to tell.
    pub(in crate::openai) fn kind(&self, head: &[u8], ended: bool) -> Option<Kind> {
        if head.len() < LEAST && !ended {
            return None;
        }
        if let Some(kind) = container(head) {
            return Some(kind);
        }
        match text(head) {
            Some(kind) if ended || head.len() >= TEXT => return kind.or(Some(self.by_type())),
            Some(_) if !ended => return None,
            _ => {}
        }
        Some(self.by_type())
    }

    fn by_type(&self) -> Kind {
        let (major, minor) = self.media.split_once('/').unwrap_or((&self.media, ""));
        match (major, minor) {
            ("text", "event-stream") => return Kind::Events,
            ("text", "html") => return Kind::Foreign("an HTML page"),
            ("text", _) => return Kind::Foreign("text"),
            (_, minor) if minor.ends_with("json") => return Kind::Json,
            _ => {}
        }
        if !RATES.contains(&self.rate) || !(1..=8).contains(&self.channels) {
            return Kind::Other("samples at an impossible rate or of impossible channels");
        }
        let is_raw = matches!(
            (major, minor),
            ("", _)
                | ("application" | "binary", "octet-stream")
                | (
                    "audio",
                    "pcm" | "x-pcm" | "l16" | "x-l16" | "raw" | "x-raw" | "s16le" | "x-s16le" | "*"
                )
        );
        if is_raw && self.is_odd && !self.is_raw {
            return Kind::Other("samples that are not of 16 bits");
        }
        if is_raw || self.is_raw {
            return Kind::Samples;
        }
        match minor {
            "mpeg" | "mp3" | "x-mp3" | "mpeg3" => Kind::Other("audio/mpeg"),
            "wav" | "x-wav" | "wave" | "vnd.wave" => Kind::Other("audio/wav without a WAV header"),
            "ogg" | "opus" => Kind::Other("audio/ogg"),
            "flac" | "x-flac" => Kind::Other("audio/flac"),
            "aac" | "x-aac" | "mp4" | "x-m4a" | "m4a" => Kind::Other("audio/aac"),
            "webm" => Kind::Other("audio/webm"),
            "basic" | "pcmu" | "pcma" | "x-mulaw" | "x-alaw" | "mulaw" => {
                Kind::Other("audio of 8-bit samples (G.711)")
            }
            _ => Kind::Other("a type that is not audio/pcm"),
        }
    }
}

/// Files by their first bytes.
fn container(head: &[u8]) -> Option<Kind> {
    Some(match head {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => Kind::Wav,
        [b'R', b'I', b'F', b'F' | b'X', ..] => Kind::Other("a RIFF file that is not WAV"),
        [b'I', b'D', b'3', ..] => Kind::Other("MP3"),
        [b'O', b'g', b'g', b'S', ..] => Kind::Other("Ogg"),
        [b'f', b'L', b'a', b'C', ..] => Kind::Other("FLAC"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Kind::Other("WebM"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Kind::Other("MP4"),
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', ..] => Kind::Other("AIFF"),
        [b'#', b'!', b'A', b'M', b'R', ..] => Kind::Other("AMR"),
        [b'.', b's', b'n', b'd', ..] => Kind::Other("AU"),
        [b'c', b'a', b'f', b'f', ..] => Kind::Other("CAF"),
        [0x1f, 0x8b, 0x08, ..] => Kind::Other("gzip"),
        [0xff, second, third, ..] => return frame(*second, *third),
        _ => return None,
    })
}

/// The header of a bare MP3 or AAC frame. Its first byte and the sync bits also match 1 in 2,000 samples; the other
/// fields reduce that to 1 in 15,000, all of them far from the quiet in which speech begins. Layer I, which nobody
/// sends, is excluded for that reason: it looks like the sample -1.
fn frame(second: u8, third: u8) -> Option<Kind> {
    if second & 0xf6 == 0xf0 {
        return (third >> 2 & 0xf < 13).then_some(Kind::Other("AAC"));
    }
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (bitrate, rate) = (third >> 4, third >> 2 & 3);
    let is_frame = second & 0xe0 == 0xe0
        && version != 1
        && matches!(layer, 1 | 2)
        && (1..15).contains(&bitrate)
        && rate != 3;
    is_frame.then_some(Kind::Other("MP3"))
}

/// Whether all of it is readable text, and if so, of what kind.
#[allow(clippy::option_option, reason = "text of no known kind is still text")]
fn text(head: &[u8]) -> Option<Option<Kind>> {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be split at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if valid.is_empty() || valid.chars().any(is_control) {
        return None;
    }
    let begun = valid.trim_start_matches('\u{feff}').trim_start();
    let is = |prefixes: &[&str]| prefixes.iter().any(|prefix| begun.starts_with(prefix));
    Some(if is(&["{\"", "{ ", "{\n", "{\r", "{}", "[{"]) {
        Some(Kind::Json)
    } else if is(&["data:", "event:", "id:", "retry:", ":"]) {
        Some(Kind::Events)
    } else if is(&["<"]) {
        Some(Kind::Foreign("an HTML page"))
    } else {
        (head.len() >= LEAST).then_some(Kind::Foreign("text"))
    })
}

#[cfg(test)]
mod tests;
