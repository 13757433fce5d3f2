//! PURE. The spans of single things, by OpenTelemetry's conventions for generative AI (`gen_ai.…`, v1.41) where they
//! have a word for it, and by `sidetone.…` where they have none.

use std::time::{Duration, SystemTime};

use super::Subject;
use sidetone_base::clock;
use sidetone_base::trace::{Kind, Span, TraceId, Value};
use sidetone_call::requests::Request;
use sidetone_call::{Fault, Latency, Part};

const OPERATION: &str = "gen_ai.operation.name";
/// What stands for a tool that there is not: a model may have called it anything.
const NO_TOOL: &str = "unknown";

type Times = (SystemTime, SystemTime);

/// A request to a provider.
pub(super) fn request(trace: TraceId, request: &Request) -> Span {
    let operation = match request.stage {
        Part::Stt => "speech_to_text",
        Part::Tts => "text_to_speech",
        Part::Llm | Part::Tool | Part::Transport => "chat",
    };
    let name = format!("{operation} {}", request.model);
    let times = (clock::wall_at(request.begun), clock::wall_at(request.ended));
    let mut span = Span::new(trace, name, times)
        .with(OPERATION, operation)
        .with("gen_ai.provider.name", &*request.provider)
        .with("gen_ai.request.model", &*request.model);
    span.kind = Kind::Client;
    let used = &request.used;
    let numbers = [
        ("gen_ai.usage.input_tokens", used.prompt_tokens),
        ("gen_ai.usage.cache_read.input_tokens", used.cached_tokens),
        ("gen_ai.usage.output_tokens", used.completion_tokens),
        ("sidetone.characters", used.characters),
        ("sidetone.heard_ms", used.heard_ms),
        ("sidetone.spoken_ms", used.spoken_ms),
    ];
    for (name, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
        span = span.with(name, number);
    }
    if let Some(first) = request.first {
        let waited = first.saturating_duration_since(request.begun);
        let waited = Value::Seconds(waited.as_secs_f64());
        span = span.with("gen_ai.response.time_to_first_chunk", waited);
    }
    if let Some(fault) = request.fault {
        span = span.with("error.type", fault_name(fault));
        span.failed = true;
    }
    span
}

fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Refused => "refused",
        Fault::TooLong => "too_long",
        Fault::Limited => "limited",
        Fault::Sick => "sick",
    }
}

/// A run of a tool; without a name where there is no such tool.
pub(super) fn tool(trace: TraceId, name: Option<&str>, times: Times) -> Span {
    let name = name.unwrap_or(NO_TOOL);
    Span::new(trace, format!("execute_tool {name}"), times)
        .with(OPERATION, "execute_tool")
        .with("gen_ai.tool.name", name)
}

/// A whole call.
pub(super) fn call(trace: TraceId, subject: &Subject, times: Times) -> Span {
    Span::new(trace, format!("invoke_agent {}", subject.agent), times)
        .with(OPERATION, "invoke_agent")
        .with("gen_ai.provider.name", "sidetone")
        .with("gen_ai.agent.name", &*subject.agent)
        .with("gen_ai.agent.version", &*subject.version)
        .with("gen_ai.conversation.id", subject.call.to_string())
        .with("sidetone.job_id", &*subject.job)
        .with("sidetone.takes_over", subject.takes_over)
}

/// Where the time of an answer went, beside the spans that show it.
pub(super) fn add_latency(turn: &mut Span, latency: &Latency) {
    let times = [
        ("sidetone.endpointing_ms", latency.endpointing),
        ("sidetone.stt_ms", latency.stt),
        ("sidetone.llm_first_token_ms", latency.llm_first_token),
        ("sidetone.tts_first_byte_ms", latency.tts_first_byte),
        ("sidetone.playout_ms", latency.playout),
        ("sidetone.response_ms", latency.response),
    ];
    for (name, time) in times {
        if let Some(time) = time
            && !turn.attributes.iter().any(|(known, _)| *known == name)
        {
            turn.attributes.push((name, ms(time)));
        }
    }
}

fn ms(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}
