//! The closed sets of names in reports.

use serde::Deserialize;

/// A closed set of names, in the given case in JSON.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident $case:literal {
        $($(#[$default:meta])? $variant:ident),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Copy, Clone, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = $case)]
        #[allow(missing_docs)]
        pub enum $name { $($(#[$default])? $variant),+ }
    };
}

names! {
    /// What limits a video sender.
    #[derive(Default)]
    QualityLimitationReason "lowercase" { #[default] None, Cpu, Bandwidth, Other }
}
names! {
    /// Which side chooses the candidate pair.
    #[derive(Default)]
    IceRole "lowercase" { #[default] Unknown, Controlling, Controlled }
}
names! {
    /// The state of DTLS.
    DtlsTransportState "lowercase" { New, Connecting, Connected, Closed, Failed }
}
names! {
    /// The state of ICE.
    IceTransportState "lowercase" { New, Checking, Connected, Completed, Disconnected, Failed, Closed }
}
names! {
    /// Which side opened DTLS.
    #[derive(Default)]
    DtlsRole "lowercase" { Client, Server, #[default] Unknown }
}
names! {
    /// The state of a candidate pair's checks.
    IceCandidatePairState "kebab-case" { Frozen, Waiting, InProgress, Failed, Succeeded }
}
names! {
    /// How a candidate was found.
    IceCandidateType "lowercase" { Host, Srflx, Prflx, Relay }
}
names! {
    /// How a relay is reached.
    IceServerTransportProtocol "lowercase" { Udp, Tcp, Tls }
}
names! {
    /// The role of a TCP candidate (RFC 6544).
    IceTcpCandidateType "lowercase" { Active, Passive, So }
}
