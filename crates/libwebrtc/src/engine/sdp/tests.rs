use super::*;

const ANSWER: &str = "v=0\r\n\
        o=- 1 2 IN IP4 0.0.0.0\r\n\
        s=-\r\n\
        a=group:BUNDLE 0 1\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
        a=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:1\r\n\
        a=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1; usedtx=1;maxaveragebitrate=20000\r\n\
        a=sendonly\r\n\
        a=msid:PA_1|TR_2 TR_2\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\n\
        a=mid:2\r\n\
        a=sendrecv\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:1\r\n\
        a=sendonly\r\n";

#[test]
fn sections_are_read_with_their_mids_and_streams() {
    let sections = sections(ANSWER);
    assert_eq!(sections.len(), 4);
    assert!(!sections[0].is_media());
    let audio = &sections[1];
    assert_eq!((audio.kind.as_str(), audio.mid.as_str()), ("audio", "1"));
    assert_eq!(audio.msid, Some(("PA_1|TR_2".into(), "TR_2".into())));
    assert!(audio.sends());
    let opus = audio.opus.unwrap();
    assert!(opus.inband_fec && opus.dtx && !opus.stereo);
    assert_eq!(
        (opus.payload_type, opus.max_average_bitrate),
        (111, Some(20_000))
    );
}

#[test]
fn port_zero_refuses_unless_bundled() {
    let sections = sections(ANSWER);
    assert!(sections[2].rejected && !sections[2].sends());
    // Bundled: port 0 only means that another section has the transport.
    assert!(!sections[3].rejected && sections[3].sends());
    // Sending without a stream: the server's mark for an unused section.
    assert_eq!(sections[3].msid, None);
}

#[test]
fn nonsense_gives_no_sections() {
    assert_eq!(sections(""), []);
    assert_eq!(sections("hello\nworld"), []);
}
