//! A backend's trace goes on in the calls that it asks for: its request is a span of that trace, which is linked with
//! the call's own, and the call's with it. A call outlives the request by far: its trace is its own.

use std::time::SystemTime;

use axum::http::HeaderMap;
use uuid::Uuid;

use super::AppState;
use super::auth::Principal;
use sidetone_base::clock;
use sidetone_base::trace::{Kind, Span, TraceId, Traceparent};

/// A request of a backend that says which trace it belongs to.
pub(super) struct AskedWithin {
    parent: Traceparent,
    begun: SystemTime,
}

impl AskedWithin {
    /// None for end users, who are not to fill a collector, and where the header is missing or is not one.
    pub(super) fn of(headers: &HeaderMap, principal: &Principal) -> Option<Self> {
        let header = headers.get("traceparent")?.to_str().ok()?;
        let parent = header.parse().ok().filter(|_| !principal.is_end_user())?;
        Some(Self {
            parent,
            begun: clock::wall(),
        })
    }

    /// What the agent of the call is told.
    pub(super) fn told(&self) -> String {
        self.parent.to_string()
    }

    /// The request has asked for this call.
    pub(super) fn has_asked_for(self, call: Uuid, route: &'static str, state: &AppState) {
        let (tracer, parent) = (&state.config().tracer, self.parent);
        if !tracer.samples(parent.trace, Some(&parent)) {
            return;
        }
        let call_trace = TraceId(call.as_u128());
        let span = Span::new(parent.trace, route, (self.begun, clock::wall()));
        let span = Span {
            kind: Kind::Server,
            link: Some((call_trace, call_trace.root())),
            ..span.inside(parent.span)
        };
        let (method, path) = route.split_once(' ').unwrap_or_default();
        tracer.take(
            span.with("http.request.method", method)
                .with("http.route", path)
                .with("gen_ai.conversation.id", call.to_string()),
        );
    }
}
