use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use super::*;

/// A second of a 500 Hz tone at half of full scale, in 16-bit integers.
fn tone(rate: u32) -> Vec<i16> {
    let step = 500.0 * std::f64::consts::TAU / f64::from(rate);
    (0..rate)
        .map(|n| ((f64::from(n) * step).sin() * 16_384.0) as i16)
        .collect()
}

fn le(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

fn label(content_type: &str) -> Label {
    Label::new(Some(content_type), |_| None, None)
}

/// The whole of a body that arrives in pieces of `size` bytes.
fn decode(content_type: &str, body: &[u8], size: usize) -> Result<Pcm<24_000>, Fault> {
    let mut decoder = Decoder::new(label(content_type));
    let mut samples = Pcm::default();
    for piece in body.chunks(size) {
        samples.append(&decoder.push(piece)?);
    }
    samples.append(&decoder.finish()?);
    Ok(samples)
}

/// Asserts that it lasts a second and has 500 periods at half of full scale.
#[track_caller]
fn is_the_tone(speech: Result<Pcm<24_000>, Fault>) {
    let mut speech = speech.unwrap();
    assert_eq!(speech.len(), 24_000);
    speech.take_front(2_400);
    let middle = speech.take_front(19_200);
    let level = middle.level_dbfs().unwrap();
    assert!((level + 9.03).abs() < 0.1, "{level} dBFS");
    let rising = middle
        .samples()
        .windows(2)
        .filter(|w| w[0] < 0 && w[1] >= 0);
    assert!(rising.count().abs_diff(400) <= 1);
}

fn wav(rate: u32, samples: &[i16], length: u32) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\xffWAVELIST\x04\0\0\0INFOfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(le(samples));
    file
}

#[test]
fn samples_of_any_rate_have_their_pitch_and_length() {
    for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
        let content_type = format!("audio/pcm;rate={rate}");
        for size in [1, 7, 959, 1 << 20] {
            is_the_tone(decode(&content_type, &le(&tone(rate)), size));
        }
    }
}

#[test]
fn samples_at_24_khz_are_not_touched() {
    let samples = tone(24_000);
    let speech = decode("audio/pcm", &le(&samples), 959).unwrap();
    assert_eq!(speech.samples(), samples);
}

#[test]
fn two_channels_are_mixed_and_high_bytes_may_come_first() {
    let stereo: Vec<i16> = tone(44_100).into_iter().flat_map(|s| [s, s]).collect();
    let big: Vec<u8> = stereo.iter().flat_map(|s| s.to_be_bytes()).collect();
    is_the_tone(decode("audio/L16;rate=44100;channels=2", &big, 959));
    is_the_tone(decode("audio/pcm;rate=44100;channels=2", &le(&stereo), 959));
}

#[test]
fn wav_is_read_whatever_its_type_and_length() {
    let samples = tone(22_050);
    for length in [44_100, 0, u32::MAX, 0x7fff_ffff] {
        let file = wav(22_050, &samples, length);
        for content_type in ["audio/wav", "audio/pcm", "application/octet-stream"] {
            for size in [1, 13, 4096] {
                is_the_tone(decode(content_type, &file, size));
            }
        }
    }
}

#[test]
fn what_follows_the_sound_of_a_wav_is_not_played() {
    let mut file = wav(22_050, &tone(22_050), 44_100);
    file.extend([0x7f; 999]);
    is_the_tone(decode("audio/wav", &file, 100));
}

#[test]
fn a_wav_cut_short_is_a_failure() {
    let file = wav(24_000, &tone(24_000), 48_000);
    for end in [20, 40, file.len() - 2] {
        assert_eq!(
            decode("audio/wav", &file[..end], 100),
            Err(Fault::Cut),
            "{end}"
        );
    }
}

#[test]
fn float_and_extensible_wav_are_read() {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0\xfe\xff\x02\0".to_vec();
    file.extend(48_000_u32.to_le_bytes());
    file.extend(384_000_u32.to_le_bytes());
    file.extend(
        b"\x08\0\x20\0\x16\0\x20\0\x03\0\0\0\x03\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71",
    );
    file.extend(b"data\0\0\0\0");
    for sample in tone(48_000) {
        let sample = (f32::from(sample) / 32_768.0).to_le_bytes();
        file.extend([sample, sample].concat());
    }
    is_the_tone(decode("audio/wav", &file, 959));
}

#[test]
fn events_carry_sound_in_base64() {
    let body = |kind: &str, key: &str, end: &str, sound: &[u8]| {
        let deltas = sound.chunks(999).map(|piece| {
            let piece = BASE64_STANDARD.encode(piece);
            format!("event: x\ndata: {{\"type\":\"{kind}\",\"{key}\":\"{piece}\"}}\n\n")
        });
        deltas.collect::<String>() + end
    };
    let done = "data: {\"type\":\"speech.audio.done\",\"usage\":{}}\n\n";
    let openai = body("speech.audio.delta", "audio", done, &le(&tone(24_000)));
    let other = "conversation.item.audio_output.delta";
    let together = body(other, "delta", "data: [DONE]\n\n", &le(&tone(24_000)));
    let file = wav(16_000, &tone(16_000), 0);
    let wav = body("speech.audio.delta", "audio", done, &file);
    for events in [openai, together, wav] {
        for content_type in ["text/event-stream", "audio/pcm"] {
            is_the_tone(decode(content_type, events.as_bytes(), 77));
        }
        let mut decoder = Decoder::new(label("text/event-stream"));
        decoder.push(events.as_bytes()).unwrap();
        assert!(decoder.is_over());
    }
    let mp3 = body(
        "speech.audio.delta",
        "audio",
        done,
        &[0xff, 0xfb, 0x90, 0x64].repeat(99),
    );
    assert_eq!(
        decode("text/event-stream", mp3.as_bytes(), 77),
        Err(Fault::other("MP3"))
    );
}

#[test]
fn errors_are_found_in_events_and_in_documents() {
    let error = r#"{"error":{"message":"no such voice","code":"voice"}}"#;
    let event = format!("data: {error}\n\n");
    for (content_type, body) in [
        ("text/event-stream", event.as_str()),
        ("application/json", error),
        ("audio/pcm", error),
        ("audio/pcm", r#"{"detail":"Not found"}"#),
    ] {
        let fault = decode(content_type, body.as_bytes(), 5).unwrap_err();
        assert!(matches!(fault, Fault::Reported(_)), "{fault:?}");
    }
    let fault = decode("audio/pcm", b"{\"id\": 1}", 5).unwrap_err();
    assert!(matches!(fault, Fault::Foreign(_)), "{fault:?}");
}

#[test]
fn nothing_of_an_mp3_is_played() {
    let mut decoder = Decoder::new(label("audio/pcm"));
    let mp3 = [&[0xff, 0xfb, 0x90, 0x64], [0x55; 413].as_slice()]
        .concat()
        .repeat(20);
    let mut played = 0;
    let fault = mp3.chunks(3).find_map(|piece| match decoder.push(piece) {
        Ok(samples) => {
            played += samples.len();
            None
        }
        Err(fault) => Some(fault),
    });
    assert_eq!((fault, played), (Some(Fault::other("MP3")), 0));
}

#[test]
fn an_empty_body_is_no_speech_and_no_fault() {
    assert_eq!(decode("audio/pcm", b"", 1), Ok(Pcm::default()));
    assert_eq!(decode("audio/wav", b"", 1), Ok(Pcm::default()));
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(cuts in prop::collection::vec(1usize..99, 1..60)) {
        let file = wav(16_000, &tone(16_000)[..2_000], 0);
        let whole = decode("audio/wav", &file, file.len()).unwrap();
        let mut decoder = Decoder::new(label("audio/wav"));
        let mut samples = Pcm::default();
        let mut rest = file.as_slice();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            samples.append(&decoder.push(piece).unwrap());
            rest = tail;
        }
        samples.append(&decoder.finish().unwrap());
        prop_assert_eq!(samples, whole);
    }
}

#[test]
fn events_that_servers_put_around_the_sound_do_no_harm() {
    let sound = BASE64_STANDARD.encode(le(&tone(24_000)));
    let audio = format!("data: {{\"type\":\"speech.audio.delta\",\"audio\":\"{sound}\"}}");
    let ping = "data: ping\n\n";
    let no_error = "data: {\"type\":\"start\",\"error\":{}}\n\ndata: {\"error\":\"\"}\n\n";
    for body in [
        format!(":keepalive\n\n{audio}\n\n"),
        format!("{ping}{no_error}{audio}\n\n{ping}"),
        // the last event without its end
        format!("{audio}\n"),
        format!("{ping}{audio}"),
    ] {
        is_the_tone(decode("text/event-stream", body.as_bytes(), 1_000));
    }
    let broken = "data: {\"type\":\n\n".repeat(8);
    assert!(decode("text/event-stream", broken.as_bytes(), 1_000).is_err());
}

#[test]
fn samples_that_are_not_of_16_bits_are_not_played_as_if_they_were() {
    let noise = le(&tone(24_000));
    for odd in [
        "audio/pcm;encoding=pcm_f32le",
        "audio/pcm; bits=32",
        "audio/raw;format=mulaw",
        "audio/pcm;bit-depth=8",
    ] {
        let speech = decode(odd, &noise, 1_000);
        assert!(matches!(speech, Err(Fault::NotSpeech(_))), "{odd}");
    }
    is_the_tone(decode("audio/pcm;bits=16;encoding=s16le", &noise, 1_000));
    is_the_tone(decode(
        "audio/L16;rate=24000;endianness=little-endian",
        &noise,
        1_000,
    ));
}
