"""Prompts, and the completion of their arguments."""

from __future__ import annotations

import mcp_types as types
from mcp.shared.exceptions import MCPError

from .content import embedded, image, text
from .questions import accepted, question
from .tool import Context

WORDS = ["paris", "park", "party", "test"]


def _prompt(name: str, description: str, *arguments: str) -> types.Prompt:
    listed = [types.PromptArgument(name=argument, required=True) for argument in arguments]
    return types.Prompt(name=name, description=description, arguments=listed)


PROMPTS = [
    _prompt("test_simple_prompt", "Has no arguments"),
    _prompt("test_prompt_with_arguments", "Has two arguments", "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", "Holds a resource", "resourceUri"),
    _prompt("test_prompt_with_image", "Holds an image"),
    _prompt("test_input_required_result_prompt", "Asks for a context"),
]


async def list_prompts(_: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    return types.ListPromptsResult(prompts=PROMPTS)


async def get_prompt(
    _: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    match params.name:
        case "test_simple_prompt":
            return _messages(text("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            return _messages(text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"))
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            return _messages(resource, text("Please process the embedded resource above."))
        case "test_prompt_with_image":
            return _messages(image, text("Please analyze the image above."))
        case "test_input_required_result_prompt":
            value = accepted(params.input_responses, "user_context", "context")
            if value is not None:
                return _messages(text(f"Context: {value}"))
            asked = question("What context should the prompt use?", context="string")
            return types.InputRequiredResult(input_requests={"user_context": asked})
    raise MCPError(types.INVALID_PARAMS, f"There is no prompt {params.name!r}.")


def _messages(*content: types.ContentBlock) -> types.GetPromptResult:
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=one) for one in content])


async def complete(_: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [word for word in WORDS if word.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=values))
