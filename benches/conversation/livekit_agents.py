"""The benchmark's agent on livekit-agents. Everything that the comparison does not set has its default."""

import os

from livekit.agents import Agent, AgentSession, JobContext, WorkerOptions, cli
from livekit.plugins import openai, silero


def prewarm(process):
    process.userdata["vad"] = silero.VAD.load(min_silence_duration=0.3)


async def entrypoint(ctx: JobContext):
    await ctx.connect()
    session = AgentSession(
        vad=ctx.proc.userdata["vad"],
        stt=openai.STT(model="whisper-1"),
        llm=openai.LLM(model="gpt-4o-mini"),
        tts=openai.TTS(model="tts-1", voice="alloy", response_format="pcm"),
        turn_detection="vad",
    )
    await session.start(agent=Agent(instructions="Be kind."), room=ctx.room)
    await session.say("Hello! How can I help you today?")


if __name__ == "__main__":
    cli.run_app(
        WorkerOptions(
            entrypoint_fnc=entrypoint,
            prewarm_fnc=prewarm,
            agent_name=os.environ["SIDETONE_AGENT_NAME"],
            # The benchmark counts calls; a busy CPU must not make the worker refuse them.
            load_fnc=lambda _: 0.1,
            port=0,
        )
    )
