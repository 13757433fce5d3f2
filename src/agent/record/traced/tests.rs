use sidetone_base::trace::{Kind, Sampler, Value};
use sidetone_call::{Fault, Latency, ToolCalled};
use sidetone_config::prices::Used;

use super::*;

const CALL: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
/// A word of all that is said in the call.
const SAID: &str = "tangerine";

/// A traced call, on whose clock nothing is real.
struct Stage {
    traced: Traced,
    requests: mpsc::Sender<Request>,
    spans: mpsc::Receiver<Span>,
    zero: SystemTime,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Stage {
    fn set() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Subject)) -> Self {
        let (tracer, spans) = Tracer::new(Sampler::default());
        let zero = clock::wall();
        let mut subject = Subject {
            call: CALL.parse().unwrap(),
            agent: "default".into(),
            version: "v1".into(),
            job: "AJ_1".into(),
            tools: ["opening_hours".to_owned()].into(),
            begun: zero - ms(200),
            asked_by: None,
            takes_over: false,
        };
        change(&mut subject);
        let (mut traced, _) = Traced::of(&tracer, subject);
        let (requests, watched) = mpsc::channel(256);
        if let Some(trace) = &mut traced.0 {
            trace.requests = watched;
        }
        let mut stage = Self {
            traced,
            requests,
            spans,
            zero,
        };
        stage.happens(CallEvent::Started { at: zero });
        stage
    }

    fn happens(&mut self, event: CallEvent) {
        self.traced.take(&event);
    }

    /// A request has ended just now.
    fn asked(&self, stage: Part, reply: Option<u64>, fault: Option<Fault>) {
        let now = clock::now();
        let request = Request {
            stage,
            provider: "default".into(),
            model: "thinks".into(),
            reply: reply.map(ReplyId),
            begun: now,
            first: fault.is_none().then_some(now),
            ended: now,
            used: Used {
                prompt_tokens: 300,
                ..Used::default()
            },
            fault,
        };
        self.requests.try_send(request).unwrap();
    }

    fn caller(&mut self, turn: u64, from: u64, to: u64) {
        self.happens(CallEvent::CallerTurn {
            turn_id: TurnId(turn),
            text: SAID.into(),
            by: None,
            started_at: ms(from),
            ended_at: ms(to),
        });
    }

    fn agent(&mut self, reply: u64, turn: Option<u64>, (from, to): (u64, u64), is_final: bool) {
        self.happens(CallEvent::AgentTurn(AgentTurn {
            reply_id: ReplyId(reply),
            turn_id: turn.map(TurnId),
            started_at: ms(from),
            ended_at: ms(to),
            text_heard: SAID.into(),
            interrupted: false,
            is_final,
            unfinished: !is_final,
            latency: Latency {
                endpointing: turn.map(|_| ms(400)),
                response: turn.map(|_| ms(700)),
                ..Latency::default()
            },
        }));
    }

    fn tool(&mut self, name: &str, reply: u64) {
        self.happens(CallEvent::ToolCall(ToolCalled {
            reply_id: ReplyId(reply),
            agent: "default".into(),
            id: SAID.into(),
            name: name.into(),
            arguments: SAID.into(),
            result: Ok(SAID.into()),
            started_at: ms(1_500),
            took: ms(100),
        }));
    }

    /// All spans, when the call has ended.
    fn over(mut self, at: u64) -> Spans {
        self.happens(CallEvent::Ended {
            at: ms(at),
            reason: EndReason::CallerHungUp,
        });
        self.traced.over();
        let mut spans = Vec::new();
        while let Ok(span) = self.spans.try_recv() {
            spans.push(span);
        }
        Spans {
            spans,
            zero: self.zero,
        }
    }
}

struct Spans {
    spans: Vec<Span>,
    zero: SystemTime,
}

impl Spans {
    fn named(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    fn one(&self, name: &str) -> &Span {
        let named = self.named(name);
        assert_eq!(named.len(), 1, "{name} in {:#?}", self.spans);
        named[0]
    }

    /// What a span is inside of.
    fn place(&self, name: &str) -> &str {
        let parent = self.one(name).parent.unwrap();
        let parent = self.spans.iter().find(|span| span.id == parent);
        &parent.expect("all that others are inside of is sent").name
    }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}

#[test]
fn a_turn_holds_all_that_was_done_for_its_answer() {
    let mut stage = Stage::set();
    stage.asked(Part::Tts, Some(1), None);
    stage.agent(1, None, (100, 900), true);
    // What the caller said, and the answer to it, made ahead.
    stage.asked(Part::Stt, None, None);
    stage.asked(Part::Llm, Some(2), None);
    stage.caller(1, 0, 1);
    stage.tool("opening_hours", 2);
    stage.agent(2, Some(1), (1_700, 1_800), false);
    stage.asked(Part::Llm, Some(2), Some(Fault::Limited));
    stage.agent(2, Some(1), (1_700, 3_000), true);
    let zero = stage.zero;
    let spans = stage.over(4_000);

    let call = spans.one("invoke_agent default");
    assert_eq!(call.trace.0, CALL.parse::<Uuid>().unwrap().as_u128());
    assert_eq!((call.parent, call.id), (None, call.trace.root()));
    assert_eq!((call.begun, call.ended), (zero - ms(200), zero + ms(4_000)));
    assert_eq!(
        attribute(call, "sidetone.end_reason"),
        Some(&"caller_hung_up".into())
    );
    assert_eq!(spans.place("join"), call.name);
    assert_eq!(spans.place("reply"), call.name);
    assert_eq!(spans.place("text_to_speech thinks"), "reply");
    for inside in [
        "endpointing",
        "speech_to_text thinks",
        "execute_tool opening_hours",
    ] {
        assert_eq!(spans.place(inside), "turn", "{inside}");
    }
    let turn = spans.one("turn");
    assert_eq!(turn.parent, Some(call.id));
    assert_eq!((turn.begun, turn.ended), (spans.zero, zero + ms(3_000)));
    assert_eq!(
        attribute(turn, "sidetone.response_ms"),
        Some(&Value::Number(700))
    );
    let chats = spans.named("chat thinks");
    assert!(
        chats
            .iter()
            .all(|chat| chat.parent == Some(turn.id) && chat.kind == Kind::Client)
    );
    assert_eq!(
        attribute(chats[0], "gen_ai.usage.input_tokens"),
        Some(&Value::Number(300))
    );
    assert_eq!(attribute(chats[1], "error.type"), Some(&"limited".into()));
    assert_eq!([chats[0].failed, chats[1].failed], [false, true]);
    let playouts = spans.named("playout");
    assert_eq!(playouts[1].parent, Some(turn.id));
    assert!(!format!("{:?}", spans.spans).contains(SAID));
}

#[test]
fn an_answer_that_nobody_heard_is_inside_of_the_call() {
    let mut stage = Stage::set();
    stage.asked(Part::Llm, Some(1), None);
    stage.caller(1, 0, 500);
    let spans = stage.over(1_000);
    assert_eq!(spans.place("chat thinks"), "invoke_agent default");
    let chat = spans.one("chat thinks");
    assert_eq!(
        attribute(chat, "sidetone.unheard"),
        Some(&Value::Flag(true))
    );
    assert_eq!(spans.named("turn").len(), 1);
}

#[test]
fn a_tool_that_does_not_exist_may_have_any_name() {
    let mut stage = Stage::set();
    stage.tool(SAID, 1);
    let spans = stage.over(2_000);
    assert_eq!(spans.named("execute_tool unknown").len(), 1);
    assert!(!format!("{:?}", spans.spans).contains(SAID));
}

#[test]
fn who_takes_a_call_over_is_inside_of_the_call_that_another_began() {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let asked_by: Traceparent = header.parse().unwrap();
    let stage = Stage::with(|subject| {
        (subject.takes_over, subject.asked_by) = (true, Some(asked_by));
    });
    let spans = stage.over(1_000);
    let call = spans.one("invoke_agent default");
    assert_eq!(call.parent, Some(call.trace.root()));
    assert_ne!(call.id, call.trace.root());
    assert_eq!(call.link, Some((asked_by.trace, asked_by.span)));
}

#[test]
fn a_call_of_a_request_that_is_not_recorded_is_not_traced() {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let stage = Stage::with(|subject| subject.asked_by = header.parse().ok());
    assert!(stage.traced.0.is_none());
    assert!(stage.over(1_000).spans.is_empty());
}

#[test]
fn a_call_that_breaks_off_without_an_end_is_sent_as_failed() {
    let mut stage = Stage::set();
    stage.caller(1, 0, 500);
    stage.traced.over();
    let mut spans = Vec::new();
    while let Ok(span) = stage.spans.try_recv() {
        spans.push(span);
    }
    let call = spans.last().unwrap();
    assert!(call.failed);
    assert_eq!(attribute(call, "sidetone.end_reason"), Some(&"lost".into()));
}

#[test]
fn more_than_can_be_held_is_inside_of_the_call() {
    let mut stage = Stage::set();
    for _ in 0..HELD + 5 {
        stage.asked(Part::Llm, Some(9), None);
    }
    stage.caller(1, 0, 500);
    stage.agent(9, Some(1), (600, 700), true);
    let spans = stage.over(1_000);
    let turn = spans.one("turn").id;
    let in_turn = |span: &&&Span| span.parent == Some(turn);
    assert_eq!(
        spans.named("chat thinks").iter().filter(in_turn).count(),
        HELD
    );
    assert_eq!(spans.named("chat thinks").len(), HELD + 5);
}
