"""The benchmark's agent on pipecat. Everything that the comparison does not set has its default: Silero VAD, Smart Turn.

pipecat does not use LiveKit's dispatch. One process holds all calls, which costs the least, and reads the name of each
call's room from a line of its input.
"""

import asyncio
import os
import sys

from livekit import api
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport
from pipecat.workers.runner import WorkerRunner


def token(room):
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken().with_identity("agent").with_kind("agent").with_grants(grants).to_jwt()


async def hold_call(room):
    base_url = os.environ["OPENAI_BASE_URL"]
    transport = LiveKitTransport(
        url=os.environ["LIVEKIT_URL"],
        token=token(room),
        room_name=room,
        params=LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
    )
    stt = OpenAISTTService(
        base_url=base_url, settings=OpenAISTTService.Settings(model="whisper-1")
    )
    llm = OpenAILLMService(
        base_url=base_url,
        settings=OpenAILLMService.Settings(model="gpt-4o-mini", system_instruction="Be kind."),
    )
    tts = OpenAITTSService(
        base_url=base_url, settings=OpenAITTSService.Settings(model="tts-1", voice="alloy")
    )
    context = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [
            transport.input(),
            stt,
            context.user(),
            llm,
            tts,
            transport.output(),
            context.assistant(),
        ]
    )
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_out_sample_rate=24000))

    @transport.event_handler("on_first_participant_joined")
    async def greet(transport, participant):
        await worker.queue_frame(TTSSpeakFrame("Hello! How can I help you today?"))

    @transport.event_handler("on_participant_left")
    async def end(transport, participant, reason):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def main():
    rooms = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(rooms)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    print("waits for rooms", flush=True)
    calls = set()
    while room := (await rooms.readline()).decode().strip():
        call = asyncio.create_task(hold_call(room))
        calls.add(call)
        call.add_done_callback(calls.discard)
    await asyncio.gather(*calls)


asyncio.run(main())
