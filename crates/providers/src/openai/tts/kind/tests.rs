use super::*;

fn label(content_type: &str) -> Label {
    Label::new(Some(content_type), |_| None, None)
}

#[test]
fn the_type_says_how_samples_are_written() {
    for (content_type, rate, channels, big_endian) in [
        ("audio/pcm", 24_000, 1, false),
        ("audio/pcm;rate=22050", 22_050, 1, false),
        ("Audio/PCM; Rate=\"16000\"; Channels=2", 16_000, 2, false),
        ("audio/L16;rate=44100;channels=2", 44_100, 2, true),
        ("audio/L16;codec=pcm;rate=24000", 24_000, 1, false),
        ("audio/pcm;rate=fast", 24_000, 1, false),
    ] {
        let told = label(content_type);
        let found = (told.rate, told.channels, told.big_endian);
        assert_eq!(found, (rate, channels, big_endian), "{content_type}");
    }
    let header = |name: &str| (name == "x-sample-rate").then_some("48000");
    assert_eq!(Label::new(None, header, Some(16_000)).rate, 48_000);
    assert_eq!(Label::new(None, |_| None, Some(16_000)).rate, 16_000);
    let both = Label::new(Some("audio/pcm;rate=8000"), header, Some(16_000));
    assert_eq!(both.rate, 8_000);
}

#[test]
fn bytes_say_more_than_the_type() {
    let wav = b"RIFF\xff\xff\xff\xffWAVEfmt ";
    for (head, kind) in [
        (&wav[..], Kind::Wav),
        (b"ID3\x04\0\0\0\0\0\0\0\0", Kind::Other("MP3")),
        (b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", Kind::Other("MP3")),
        (b"\xff\xf3\x84\xc4\0\0\0\0\0\0\0\0", Kind::Other("MP3")),
        (b"\xff\xf1\x50\x80\0\0\0\0\0\0\0\0", Kind::Other("AAC")),
        (b"OggS\0\x02\0\0\0\0\0\0", Kind::Other("Ogg")),
        (b"fLaC\0\0\0\x22\0\0\0\0", Kind::Other("FLAC")),
        (b"\0\0\0\x20ftypM4A ", Kind::Other("MP4")),
        (b"\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0", Kind::Other("WebM")),
    ] {
        for content_type in ["audio/pcm", "", "audio/mpeg", "text/plain"] {
            assert_eq!(
                label(content_type).kind(head, false),
                Some(kind),
                "{head:?}"
            );
        }
    }
}

#[test]
fn text_is_never_sound() {
    let page = b"<!doctype html><html><body>Welcome to the hotel's network, dear guest";
    let error = br#"{"error": {"message": "no such voice", "type": "invalid_request_error"}}"#;
    let words = "Zu viele Anfragen: bitte warten Sie einen Augenblick, dann geht es weiter. Ä";
    let event = b"data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}";
    for (head, kind) in [
        (&page[..], Kind::Foreign("an HTML page")),
        (&error[..], Kind::Json),
        (words.as_bytes(), Kind::Foreign("text")),
        (&words.as_bytes()[..words.len() - 1], Kind::Foreign("text")),
        (&event[..], Kind::Events),
    ] {
        let told = label("audio/pcm");
        assert_eq!(told.kind(head, false), Some(kind));
        assert_eq!(told.kind(&head[..40], false), None, "too little to tell");
        assert_eq!(told.kind(&head[..40], true), Some(kind));
    }
    assert_eq!(
        label("audio/pcm").kind(b"{\"a\":1}", true),
        Some(Kind::Json)
    );
    assert_eq!(label("audio/pcm").kind(b"hi", true), Some(Kind::Samples));
}

#[test]
fn where_bytes_say_nothing_the_type_decides() {
    let samples = [0x01_u8, 0x80].repeat(32);
    for (content_type, kind) in [
        ("audio/pcm;rate=22050", Kind::Samples),
        ("application/octet-stream", Kind::Samples),
        ("", Kind::Samples),
        ("audio/mpeg", Kind::Other("audio/mpeg")),
        ("audio/wav", Kind::Other("audio/wav without a WAV header")),
        ("text/html", Kind::Foreign("an HTML page")),
        ("application/problem+json", Kind::Json),
        ("audio/vnd.new", Kind::Other("a type that is not audio/pcm")),
        (
            "audio/pcm;rate=7",
            Kind::Other("samples at an impossible rate or of impossible channels"),
        ),
    ] {
        assert_eq!(
            label(content_type).kind(&samples, false),
            Some(kind),
            "{content_type}"
        );
    }
    // A configured rate means that the body is samples.
    let told = Label::new(Some("audio/mpeg"), |_| None, Some(24_000));
    assert_eq!(told.kind(&samples, false), Some(Kind::Samples));
    assert_eq!(told.kind(&samples[..8], false), None);
}

#[test]
fn quiet_samples_are_not_mp3() {
    for first in -300_i16..300 {
        for second in [-257_i16, -40, -3, -1, 0, 1, 16, 40, 300] {
            let bytes: Vec<u8> = [first, second, 0, 1, -1, 0]
                .iter()
                .flat_map(|sample| sample.to_le_bytes())
                .collect();
            let kind = label("audio/pcm").kind(&bytes, true);
            assert_eq!(kind, Some(Kind::Samples), "{first} {second}");
        }
    }
}
