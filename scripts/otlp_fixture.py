"""Writes fixtures/otlp/request.binpb with OpenTelemetry's own messages (pip install opentelemetry-proto). The tests of
src/telemetry/otlp/wire.rs compare our encoding with it."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

request = ExportTraceServiceRequest()
group = request.resource_spans.add()
for key, value in [("service.name", "sidetone"), ("team", "blue")]:
    attribute = group.resource.attributes.add()
    attribute.key, attribute.value.string_value = key, value
scope = group.scope_spans.add()
scope.scope.name = "sidetone"

span = scope.spans.add()
span.trace_id, span.span_id = bytes(range(16)), bytes(range(8))
span.name, span.kind = "invoke_agent default", 1
span.start_time_unix_nano, span.end_time_unix_nano = 1_800_000_000_000_000_000, 1_800_000_001_500_000_000
for key, field, value in [
    ("gen_ai.agent.name", "string_value", "default"),
    ("gen_ai.usage.input_tokens", "int_value", 300),
    ("gen_ai.response.time_to_first_chunk", "double_value", 0.25),
    ("sidetone.interrupted", "bool_value", False),
]:
    attribute = span.attributes.add()
    attribute.key = key
    setattr(attribute.value, field, value)
event = span.events.add()
event.time_unix_nano, event.name = 1_800_000_001_000_000_000, "stage_failed"
attribute = event.attributes.add()
attribute.key, attribute.value.string_value = "sidetone.stage", "llm"
link = span.links.add()
link.trace_id, link.span_id = bytes(range(16, 32)), bytes(range(8, 16))

span = scope.spans.add()
span.trace_id, span.span_id, span.parent_span_id = bytes(range(16)), bytes(range(1, 9)), bytes(range(8))
span.name, span.kind = "chat thinks", 3
span.start_time_unix_nano, span.end_time_unix_nano = 1_800_000_000_000_000_001, 1_800_000_000_000_000_002
span.status.code = 2

with open("fixtures/otlp/request.binpb", "wb") as file:
    file.write(request.SerializeToString(deterministic=True))
