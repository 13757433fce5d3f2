//! A call as a trace: its turns, and in them the requests to providers, the tools and what was heard. Made of the
//! call's events and of its [requests](sidetone_call::requests), never of words.
//!
//! A span's place is known only later: a request for a reply is inside of the turn that the reply answers, once it
//! is heard. Until then it is held. What nobody heard, for the caller went on, is inside of the call itself.

mod spans;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use uuid::Uuid;

use sidetone_base::clock;
use sidetone_base::trace::{Moment, Span, SpanId, TraceId, Traceparent, Tracer};
use sidetone_call::requests::{Request, Requests};
use sidetone_call::{AgentTurn, CallEvent, EndReason, Part, ReplyId, TurnId};

/// Spans whose place is not known yet; more are inside of the call.
const HELD: usize = 128;
/// Replies whose place is known: requests for earlier ones have long ended.
const REPLIES: usize = 32;
/// Failures that a call's span lists; later ones are left out.
const MOMENTS: usize = 32;

/// Whose call is traced.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its id is that of the trace.
    pub call: Uuid,
    /// The agent's file, and its version.
    pub agent: String,
    /// See `agent`.
    pub version: String,
    /// LiveKit's id of the job.
    pub job: String,
    /// Names of the tools that are known: what else a model calls a tool may be anything.
    pub tools: BTreeSet<String>,
    /// When the job came.
    pub begun: SystemTime,
    /// The request that asked for the call.
    pub asked_by: Option<Traceparent>,
    /// Another agent had the call before.
    pub takes_over: bool,
}

/// Makes spans of one agent's part of a call; nothing where the call is not sampled.
#[derive(Debug)]
pub struct Traced(Option<Box<Trace>>);

#[derive(Debug)]
struct Trace {
    tracer: Tracer,
    subject: Subject,
    id: TraceId,
    root: SpanId,
    /// Offset zero of the call's events.
    zero: SystemTime,
    requests: mpsc::Receiver<Request>,
    held: Vec<Held>,
    /// Where what is done for a reply belongs.
    places: Vec<(ReplyId, SpanId)>,
    turn: Option<Turn>,
    /// A reply that answers no turn, such as a greeting.
    unasked: Option<Span>,
    moments: Vec<Moment>,
    turns: u64,
    end: Option<(Duration, EndReason)>,
}

/// A span whose place is not known yet.
#[derive(Debug)]
struct Held {
    reply: Option<ReplyId>,
    stage: Part,
    span: Span,
}

/// The turn that is under way.
#[derive(Debug)]
struct Turn {
    id: TurnId,
    span: Span,
    /// The caller's last sound.
    spoken_to: SystemTime,
}

impl Traced {
    /// A call that nobody traces.
    pub fn off() -> (Self, Requests) {
        (Self(None), Requests::default())
    }

    /// Of this call, if the tracer samples it; and where its requests are to be told.
    pub fn of(tracer: &Tracer, subject: Subject) -> (Self, Requests) {
        let id = TraceId(subject.call.as_u128());
        if !tracer.samples(id, subject.asked_by.as_ref()) {
            return Self::off();
        }
        let (requests, watched) = Requests::watched();
        let trace = Trace {
            tracer: tracer.clone(),
            id,
            // Whoever takes a call over is inside of the call that the first one began.
            root: match subject.takes_over {
                true => SpanId::random(),
                false => id.root(),
            },
            zero: subject.begun,
            subject,
            requests: watched,
            held: Vec::new(),
            places: Vec::new(),
            turn: None,
            unasked: None,
            moments: Vec::new(),
            turns: 0,
            end: None,
        };
        (Self(Some(Box::new(trace))), requests)
    }

    /// Takes note of an event.
    pub fn take(&mut self, event: &CallEvent) {
        if let Some(trace) = &mut self.0 {
            trace.gather();
            trace.take(event);
        }
    }

    /// Nothing more happens in the call.
    pub fn over(self) {
        if let Some(mut trace) = self.0 {
            trace.gather();
            trace.over();
        }
    }
}

impl Trace {
    fn take(&mut self, event: &CallEvent) {
        match event {
            CallEvent::Started { at } => {
                self.zero = *at;
                let join = Span::new(self.id, "join", (self.subject.begun, *at));
                self.tracer.take(join.inside(self.root));
            }
            CallEvent::CallerTurn {
                turn_id,
                started_at,
                ended_at,
                ..
            } => self.caller_turn(*turn_id, self.at(*started_at), self.at(*ended_at)),
            CallEvent::AgentTurn(turn) => self.agent_turn(turn),
            CallEvent::ToolStarted(tool, _) => {
                // Only one that there is starts.
                self.subject.tools.insert(tool.name.clone());
            }
            CallEvent::ToolCall(called) => {
                let known = self.subject.tools.contains(&called.name);
                let name = known.then_some(called.name.as_str());
                let begun = self.at(called.started_at);
                let span = spans::tool(self.id, name, (begun, begun + called.took));
                let span = Span {
                    failed: called.result.is_err(),
                    ..span
                };
                self.place(Some(called.reply_id), Part::Tool, span);
            }
            CallEvent::Error { at, stage, .. } if self.moments.len() < MOMENTS => {
                self.moments.push(Moment {
                    at: self.at(*at),
                    name: "stage_failed",
                    attributes: vec![("sidetone.stage", stage.as_str().into())],
                });
            }
            CallEvent::Ended { at, reason } => self.end = Some((*at, *reason)),
            CallEvent::Error { .. }
            | CallEvent::AgentState { .. }
            | CallEvent::CallerJoined { .. }
            | CallEvent::Machine { .. }
            | CallEvent::CallerSaying { .. }
            | CallEvent::CallerMuted { .. }
            | CallEvent::CallerAway { .. }
            | CallEvent::Figures { .. } => {}
        }
    }

    /// The caller's words are settled, or settled again with more of them.
    fn caller_turn(&mut self, id: TurnId, begun: SystemTime, spoken_to: SystemTime) {
        if self.turn.as_ref().is_none_or(|turn| turn.id != id) {
            self.close_turn();
            self.turns += 1;
            let span = Span::new(self.id, "turn", (begun, spoken_to)).inside(self.root);
            self.turn = Some(Turn {
                id,
                span: span.with("sidetone.turn", self.turns),
                spoken_to,
            });
        }
        let Some(turn) = &mut self.turn else {
            return;
        };
        turn.spoken_to = spoken_to;
        turn.span.begun = turn.span.begun.min(begun);
        turn.span.ended = turn.span.ended.max(spoken_to);
        let (place, since) = (turn.span.id, turn.span.begun);
        self.release(place, |held| {
            held.reply.is_none() && held.stage == Part::Stt && held.span.ended >= since
        });
    }

    fn agent_turn(&mut self, heard: &AgentTurn) {
        let (begun, ended) = (self.at(heard.started_at), self.at(heard.ended_at));
        let place = match self.place_of(heard.reply_id) {
            Some(place) => place,
            None => self.first_heard(heard, begun),
        };
        for span in [
            self.turn.as_mut().map(|turn| &mut turn.span),
            self.unasked.as_mut(),
        ] {
            if let Some(span) = span.filter(|span| span.id == place) {
                span.ended = span.ended.max(ended);
            }
        }
        if heard.is_final {
            let playout = Span::new(self.id, "playout", (begun, ended)).inside(place);
            let is_cut = heard.interrupted && !heard.unfinished;
            self.tracer
                .take(playout.with("sidetone.interrupted", is_cut));
            if let Some(reply) = self.unasked.take_if(|reply| reply.id == place) {
                self.tracer.take(reply);
            }
        }
    }

    /// A reply begins to be heard: where all belongs that was done for it.
    fn first_heard(&mut self, heard: &AgentTurn, begun: SystemTime) -> SpanId {
        let id = self.id;
        let turn = self.turn.as_mut();
        let turn = turn.filter(|turn| heard.turn_id == Some(turn.id));
        let place = match (turn, heard.turn_id) {
            (Some(turn), _) => {
                spans::add_latency(&mut turn.span, &heard.latency);
                if let Some(waited) = heard.latency.endpointing {
                    let times = (turn.spoken_to, turn.spoken_to + waited);
                    let waiting = Span::new(id, "endpointing", times).inside(turn.span.id);
                    self.tracer.take(waiting);
                }
                turn.span.id
            }
            // Its turn is over already.
            (None, Some(_)) => self.root,
            (None, None) => {
                if let Some(reply) = self.unasked.take() {
                    self.tracer.take(reply);
                }
                let mine = self
                    .held
                    .iter()
                    .filter(|held| held.reply == Some(heard.reply_id));
                let first = mine.map(|held| held.span.begun).min();
                let begun = first.map_or(begun, |first| first.min(begun));
                let reply = Span::new(id, "reply", (begun, begun)).inside(self.root);
                let place = reply.id;
                self.unasked = Some(reply);
                place
            }
        };
        if self.places.len() == REPLIES {
            self.places.remove(0);
        }
        self.places.push((heard.reply_id, place));
        self.release(place, |held| held.reply == Some(heard.reply_id));
        place
    }

    fn close_turn(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.tracer.take(turn.span);
        }
    }

    fn over(mut self: Box<Self>) {
        self.close_turn();
        if let Some(reply) = self.unasked.take() {
            self.tracer.take(reply);
        }
        for held in std::mem::take(&mut self.held) {
            let span = held.span.inside(self.root);
            self.tracer.take(span.with("sidetone.unheard", true));
        }
        let ended = match self.end {
            Some((at, _)) => self.at(at),
            None => clock::wall(),
        };
        let call = spans::call(self.id, &self.subject, (self.subject.begun, ended));
        let reason = self.end.map_or("lost", |(_, reason)| reason.as_str());
        let call = Span {
            id: self.root,
            parent: self.subject.takes_over.then(|| self.id.root()),
            link: (self.subject.asked_by).map(|parent| (parent.trace, parent.span)),
            moments: self.moments,
            failed: matches!(reason, "lost" | "connection_lost"),
            ..call
                .with("sidetone.end_reason", reason)
                .with("sidetone.turns", self.turns)
        };
        self.tracer.take(call);
    }

    /// Takes the requests that have ended.
    fn gather(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            let span = spans::request(self.id, &request);
            self.place(request.reply, request.stage, span);
        }
    }

    /// Hands a span on where its place is known, and else keeps it until it is.
    fn place(&mut self, reply: Option<ReplyId>, stage: Part, span: Span) {
        let place = match reply {
            Some(reply) => self.place_of(reply),
            // The caller's words are of a turn.
            None => (stage != Part::Stt).then_some(self.root),
        };
        let place = place.or((self.held.len() >= HELD).then_some(self.root));
        match place {
            Some(place) => self.tracer.take(span.inside(place)),
            None => self.held.push(Held { reply, stage, span }),
        }
    }

    /// Hands on what was held for this place.
    fn release(&mut self, place: SpanId, is_of_it: impl Fn(&Held) -> bool) {
        for held in self.held.extract_if(.., |held| is_of_it(held)) {
            self.tracer.take(held.span.inside(place));
        }
    }

    fn place_of(&self, reply: ReplyId) -> Option<SpanId> {
        let place = self.places.iter().find(|(of, _)| *of == reply);
        place.map(|(_, place)| *place)
    }

    fn at(&self, offset: Duration) -> SystemTime {
        self.zero + offset
    }
}

#[cfg(test)]
mod tests;
