"""Tools that ask for something before they answer, on 2026-07-28: the client calls again (SEP-2322).

Their ``request_state`` is sealed by the SDK's ``RequestStateBoundary``.
"""

from __future__ import annotations

from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from .content import answer, text
from .questions import NAME_QUESTION, accepted, question, sample
from .tool import Context, Result, Tools


def add_input_tools(tools: Tools) -> None:
    @tools.add("Asks for a name")
    async def test_input_required_result_elicitation(_: Context, params: types.CallToolRequestParams) -> Result:
        name = accepted(params.input_responses, "user_name", "name")
        return answer(text(f"Hello, {name}!")) if name is not None else _ask(user_name=NAME_QUESTION)

    @tools.add("Asks the model")
    async def test_input_required_result_sampling(_: Context, params: types.CallToolRequestParams) -> Result:
        sampled = (params.input_responses or {}).get("capital_question")
        if isinstance(sampled, types.CreateMessageResult):
            return answer(text(sampled.content.model_dump_json()))
        return _ask(capital_question=sample("What is the capital of France?", 100))

    @tools.add("Asks for roots")
    async def test_input_required_result_list_roots(_: Context, params: types.CallToolRequestParams) -> Result:
        listed = (params.input_responses or {}).get("client_roots")
        if isinstance(listed, types.ListRootsResult):
            return answer(text(", ".join(str(root.uri) for root in listed.roots)))
        return _ask(client_roots=types.ListRootsRequest())

    @tools.add("Asks for consent, with a state that is sealed")
    async def test_input_required_result_request_state(_: Context, params: types.CallToolRequestParams) -> Result:
        return _confirm(params)

    @tools.add("Asks for consent, with a state that is sealed")
    async def test_input_required_result_tampered_state(_: Context, params: types.CallToolRequestParams) -> Result:
        return _confirm(params)

    @tools.add("Asks for a name, a greeting and roots at once")
    async def test_input_required_result_multiple_inputs(_: Context, params: types.CallToolRequestParams) -> Result:
        if params.request_state is not None:
            return answer(text("Received everything."))
        return _ask(
            request_state="1",
            user_name=NAME_QUESTION,
            greeting=sample("Generate a greeting", 50),
            client_roots=types.ListRootsRequest(),
        )

    @tools.add("Asks for a name, then for a color")
    async def test_input_required_result_multi_round(_: Context, params: types.CallToolRequestParams) -> Result:
        match params.request_state:
            case None:
                return _ask(request_state="1", step1=question("Step 1: What is your name?", name="string"))
            case "1":
                return _ask(request_state="2", step2=question("Step 2: What is your favorite color?", color="string"))
            case _:
                return answer(text("Received both."))

    @tools.add("Asks only for what the client can do")
    async def test_input_required_result_capabilities(context: Context, _: types.CallToolRequestParams) -> Result:
        declared = context.session.client_capabilities or types.ClientCapabilities()
        requests: types.InputRequests = {}
        if declared.elicitation is not None:
            requests["user_name"] = NAME_QUESTION
        if declared.sampling is not None:
            requests["greeting"] = sample("Generate a greeting", 50)
        return types.InputRequiredResult(input_requests=requests)

    @tools.add("Needs sampling")
    async def test_missing_capability(context: Context, _: types.CallToolRequestParams) -> Result:
        declared = context.session.client_capabilities or types.ClientCapabilities()
        if declared.sampling is None:
            missing = types.ClientCapabilities(sampling=types.SamplingCapability())
            data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=missing)
            raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", _wire(data))
        return _ask(greeting=sample("Generate a greeting", 50))

    @tools.add("Asks for a name")
    async def test_streaming_elicitation(_: Context, __: types.CallToolRequestParams) -> Result:
        return _ask(user_name=NAME_QUESTION)


def _wire(data: types.MissingRequiredClientCapabilityErrorData) -> dict[str, Any]:
    return data.model_dump(by_alias=True, mode="json", exclude_none=True)


def _confirm(params: types.CallToolRequestParams) -> Result:
    if params.request_state is not None:
        return answer(text("state-ok"))
    return _ask(request_state="1", confirm=question("Please confirm", ok="boolean"))


def _ask(*, request_state: str | None = None, **requests: types.InputRequest) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=request_state)
