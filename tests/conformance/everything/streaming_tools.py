"""Tools that send something before they answer, that lose their connection, or that take much."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import anyio
import mcp_types as types
from mcp.server.subscriptions import PromptsListChanged, SubscriptionBus, ToolsListChanged

from .content import answer, text
from .tool import Context, Result, Tools, arguments_of, strings

PAUSE = 0.05
"""In seconds. The suite asks for pauses between what a tool sends, so that it cannot arrive in one piece by chance."""


def add_streaming_tools(tools: Tools, changes: SubscriptionBus) -> None:
    # They let one call wait for another, so that a test sees what arrives while a call is not yet answered.
    signals: defaultdict[str, anyio.Event] = defaultdict(anyio.Event)

    @tools.add("Logs three lines")
    async def test_tool_with_logging(context: Context, _: types.CallToolRequestParams) -> Result:
        await _log(context, "Tool execution started")
        await anyio.sleep(PAUSE)
        await _log(context, "Tool processing data")
        await anyio.sleep(PAUSE)
        await _log(context, "Tool execution completed")
        return answer(text("Logged three lines."))

    @tools.add("Logs a line")
    async def test_logging_tool(context: Context, _: types.CallToolRequestParams) -> Result:
        await _log(context, "Only those who asked for logs see this")
        return answer(text("Logged a line."))

    @tools.add("Reports progress")
    async def test_tool_with_progress(context: Context, _: types.CallToolRequestParams) -> Result:
        for progress in (0, 50, 100):
            await context.session.report_progress(progress, 100)
            await anyio.sleep(PAUSE if progress < 100 else 0)
        return answer(text("Reported progress."))

    @tools.add("Loses its connection before it answers")
    async def test_reconnection(context: Context, _: types.CallToolRequestParams) -> Result:
        if context.close_sse_stream is not None:
            await context.close_sse_stream()
        await anyio.sleep(PAUSE)
        return answer(text("Answered after the connection was lost."))

    @tools.add("Reports progress at once, and answers after a signal", strings("signal"))
    async def wait_for_signal(context: Context, params: types.CallToolRequestParams) -> Result:
        signal = arguments_of(params)["signal"]
        await context.session.report_progress(1, 100)
        await signals[signal].wait()
        return answer(text(f"Received {signal}."))

    @tools.add("Sends a signal", strings("signal"))
    async def send_signal(_: Context, params: types.CallToolRequestParams) -> Result:
        signal = arguments_of(params)["signal"]
        signals[signal].set()
        return answer(text(f"Sent {signal}."))

    @tools.add("Answers with the SHA-256 of a text in UTF-8", strings("text"))
    async def digest(_: Context, params: types.CallToolRequestParams) -> Result:
        return answer(text(hashlib.sha256(arguments_of(params)["text"].encode()).hexdigest()))

    @tools.add("Announces a change of the tools")
    async def test_trigger_tool_change(_: Context, __: types.CallToolRequestParams) -> Result:
        await changes.publish(ToolsListChanged())
        return answer(text("Announced."))

    @tools.add("Announces a change of the prompts")
    async def test_trigger_prompt_change(_: Context, __: types.CallToolRequestParams) -> Result:
        await changes.publish(PromptsListChanged())
        return answer(text("Announced."))


async def _log(context: Context, line: str) -> None:
    await context.session.send_log_message("info", line, related_request_id=context.request_id)
