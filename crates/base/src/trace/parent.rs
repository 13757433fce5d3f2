//! PURE. The header in which a backend says which trace its request belongs to (W3C Trace Context).

use std::fmt;
use std::str::FromStr;

use super::{SpanId, TraceId};

/// A span of somebody else's trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether the trace is recorded there.
    pub sampled: bool,
}

/// The header is malformed. The request is not rejected for that; its trace just stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a W3C traceparent, which is version-trace-span-flags in hexadecimal, such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)]
pub struct NoTraceparent;

impl FromStr for Traceparent {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let mut parts = text.trim().split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let good = part.bytes().all(is_hex);
            u128::from_str_radix(part, 16).ok().filter(|_| good)
        };
        let fields = (hex(2), hex(32), hex(16), hex(2));
        let (Some(version), Some(trace), Some(span), Some(flags)) = fields else {
            return Err(NoTraceparent);
        };
        // Later versions may add fields; version 255 is forbidden.
        let has_more = parts.next().is_some();
        if version == 255 || (version == 0 && has_more) || trace == 0 || span == 0 {
            return Err(NoTraceparent);
        }
        Ok(Self {
            trace: TraceId(trace),
            span: SpanId(u64::try_from(span).map_err(|_| NoTraceparent)?),
            sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, flags) = (self.trace.0, u8::from(self.sampled));
        write!(f, "00-{trace:032x}-{}-{flags:02x}", self.span)
    }
}
