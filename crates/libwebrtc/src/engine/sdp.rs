//! The few things we read from session descriptions ourselves; the rest is str0m's.

use crate::vocabulary::media::RtpTransceiverDirection;

/// One media section of a description, as the other side wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// `audio`, `video` or `application`.
    pub(crate) kind: String,
    pub(crate) mid: String,
    /// The writer's direction.
    pub(crate) direction: RtpTransceiverDirection,
    /// Whether the section was refused (port 0, and not bundled).
    pub(crate) rejected: bool,
    /// Stream and track ids of `a=msid` (RFC 8830).
    pub(crate) msid: Option<(String, String)>,
    pub(crate) opus: Option<OpusFormat>,
}

/// What the writer of a section wants to receive (RFC 7587, section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OpusFormat {
    pub(crate) payload_type: u8,
    pub(crate) inband_fec: bool,
    pub(crate) dtx: bool,
    pub(crate) stereo: bool,
    /// Bits per second.
    pub(crate) max_average_bitrate: Option<u32>,
}

/// The media sections of a description, in order.
pub(crate) fn sections(sdp: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let bundled: Vec<&str> = sdp
        .lines()
        .find_map(|line| line.trim().strip_prefix("a=group:BUNDLE "))
        .map(|mids| mids.split_whitespace().collect())
        .unwrap_or_default();
    let mut current: Option<Section> = None;
    let mut port_zero = false;
    let mut finish = |section: Option<Section>, port_zero: bool| {
        if let Some(mut section) = section {
            section.rejected = port_zero && !bundled.contains(&section.mid.as_str());
            sections.push(section);
        }
    };
    for line in sdp.lines().map(str::trim) {
        if let Some(media) = line.strip_prefix("m=") {
            finish(current.take(), port_zero);
            let mut words = media.split_whitespace();
            let kind = words.next().unwrap_or_default().to_owned();
            port_zero = words.next() == Some("0");
            current = Some(Section {
                kind,
                mid: String::new(),
                direction: RtpTransceiverDirection::SendRecv,
                rejected: false,
                msid: None,
                opus: None,
            });
        } else if let (Some(section), Some(attribute)) = (&mut current, line.strip_prefix("a=")) {
            section.read(attribute);
        }
    }
    finish(current, port_zero);
    sections
}

impl Section {
    fn read(&mut self, attribute: &str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "mid" => self.mid = value.to_owned(),
            "sendrecv" => self.direction = RtpTransceiverDirection::SendRecv,
            "sendonly" => self.direction = RtpTransceiverDirection::SendOnly,
            "recvonly" => self.direction = RtpTransceiverDirection::RecvOnly,
            "inactive" => self.direction = RtpTransceiverDirection::Inactive,
            "msid" => {
                let mut ids = value.split_whitespace();
                self.msid = match (ids.next(), ids.next()) {
                    (Some(stream), Some(track)) if stream != "-" => {
                        Some((stream.to_owned(), track.to_owned()))
                    }
                    _ => None,
                };
            }
            "rtpmap" => {
                if let Some((pt, codec)) = value.split_once(' ')
                    && codec.to_ascii_lowercase().starts_with("opus/48000")
                    && let Ok(payload_type) = pt.parse()
                {
                    self.opus = Some(OpusFormat {
                        payload_type,
                        ..Default::default()
                    });
                }
            }
            "fmtp" => {
                if let (Some((pt, parameters)), Some(opus)) =
                    (value.split_once(' '), &mut self.opus)
                    && pt.parse() == Ok(opus.payload_type)
                {
                    opus.read(parameters);
                }
            }
            _ => {}
        }
    }

    /// Whether the writer sends in this section.
    pub(crate) fn sends(&self) -> bool {
        use RtpTransceiverDirection::{SendOnly, SendRecv};
        !self.rejected && matches!(self.direction, SendRecv | SendOnly)
    }

    pub(crate) fn is_media(&self) -> bool {
        self.kind == "audio" || self.kind == "video"
    }
}

impl OpusFormat {
    fn read(&mut self, parameters: &str) {
        for parameter in parameters.split(';') {
            let (name, value) = parameter.trim().split_once('=').unwrap_or((parameter, ""));
            match name {
                "useinbandfec" => self.inband_fec = value == "1",
                "usedtx" => self.dtx = value == "1",
                "stereo" => self.stereo = value == "1",
                "maxaveragebitrate" => self.max_average_bitrate = value.parse().ok(),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
