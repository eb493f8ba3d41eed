"""The way of a request, as ``sdk/README.md`` numbers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .answers import Answer, Headers, json_answer, refusal_answer
from .cors import Cors, answer_metadata_preflight, is_preflight, with_headers
from .credential import is_dpop, read_credential
from .dpop import ProofRequest
from .errors import (
    InsufficientScopeError,
    JsonRpcError,
    OriginNotAllowedError,
    Refusal,
    TemporarilyUnavailableError,
    ToolNotAllowedError,
)
from .http_request import ASGIApp, HttpRequest, Message, Receive, Scope, Send
from .options import Options
from .protected_resource import ProtectedResource
from .public_paths import is_public
from .request_body import ClientDisconnectedError, read_body, replay
from .request_context import SCOPE_KEY, RequestContext, entered
from .scopes import unique
from .session_owner import SessionOwners, name_owner
from .tool_calls import ToolUse, check_encoding, read_tool_use
from .tool_list import ToolListFilter, without_accept_encoding
from .tool_table import ToolTable
from .uri import WELL_KNOWN
from .verified_token import VerifiedToken
from .verifier import Verifier
from .websocket import refuse_websocket

# A request with one of these goes the whole way.
_NEEDS_A_CLOSER_LOOK = frozenset({b"mcp-session-id", b"origin"})


class Passage(NamedTuple):
    """A request that goes on to the application, with the channels as they are for it."""

    scope: Scope
    receive: Receive
    send: Send


class Protection:
    """An ASGI application that lets through to another what has a right to it."""

    def __init__(self, app: ASGIApp, options: Options, verifier: Verifier) -> None:
        self._app = app
        self._options = options
        self._verifier = verifier
        self._cors = Cors(options.allowed_origins)
        self._sessions = SessionOwners()
        self._tools = None if options.tool_scopes is None else ToolTable(options.tool_scopes)
        self._may_recall = self._tools is None and not options.public_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or lets the application answer."""
        if scope["type"] == "http":
            context = self._recall(scope)
            if context is None:
                await self._serve_http(scope, receive, send)
            else:
                await self._serve_application(Passage(scope, receive, send), context, [])
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
        else:
            raise RuntimeError(f"AuthAgentMiddleware does not know the ASGI scope {scope['type']!r}.")

    def _recall(self, scope: Scope) -> RequestContext | None:
        """Who asks, where nothing needs a closer look: no query, and one Bearer token that is known to be good.

        That is nearly every request, and it is let through with as little work as can be. Whoever is not recalled goes
        the whole way, to the same end.
        """
        if not self._may_recall or scope.get("query_string") or scope["method"] == "OPTIONS":
            return None
        if scope["path"].startswith(WELL_KNOWN):
            return None
        token: bytes | None = None
        for key, value in scope["headers"]:
            name = key.lower()
            if name == b"authorization":
                if token is not None or not value.startswith(b"Bearer "):
                    return None
                token = value[7:]
            elif name in _NEEDS_A_CLOSER_LOOK:
                return None
        verified = None if token is None else self._verifier.recall(token)
        if token is None or verified is None:
            return None
        for needed in self._options.required_scopes:
            if needed not in verified.scopes:
                return None
        return self._introduce(scope, token.decode(), verified)

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(scope)
        cors = self._cors.answer_headers(request)
        try:
            answer = await self._answer_without_token(request)
            if answer is not None:
                await answer.send(send)
                return
            if self._needs_no_token(request):
                await self._enter(self._nobody(), scope, receive, send)
                return
            token, verified = await self._authenticate(request)
            self._sessions.check(request, verified)
            passage = await self._check_tools(request, verified, Passage(scope, receive, send))
        except Refusal as refusal:
            await self._describe(refusal, _scheme_of(request)).send(send, cors)
            return
        except JsonRpcError as error:
            await json_answer(error.status, error.body).send(send, cors)
            return
        except ClientDisconnectedError:
            return
        await self._serve_application(passage, self._introduce(passage.scope, token, verified), cors)

    async def _answer_without_token(self, request: HttpRequest) -> Answer | None:
        """Our own URL, metadata, and preflights."""
        public = is_public(request, self._options.public_paths)
        if public and not request.path.startswith(WELL_KNOWN):
            return None
        try:
            resource = await self._verifier.find_resource()
        except TemporarilyUnavailableError:
            if public:
                return None
            raise
        if request.path in resource.metadata_paths:
            return self._answer_metadata(request, resource)
        if public or not is_preflight(request) or self._cors.is_off:
            return None
        answer = self._cors.answer_preflight(request)
        if answer is None:
            raise OriginNotAllowedError("Scripts of this origin may not call this server.")
        return answer

    def _needs_no_token(self, request: HttpRequest) -> bool:
        if is_public(request, self._options.public_paths):
            return True
        # A preflight has no token (Fetch §3.2.2); without rules of ours, those of the application answer it.
        return is_preflight(request) and self._cors.is_off

    def _answer_metadata(self, request: HttpRequest, resource: ProtectedResource) -> Answer:
        """RFC 9728 §3."""
        everybody = (b"access-control-allow-origin", b"*")
        if request.method == "OPTIONS":
            return answer_metadata_preflight(request)
        if request.method not in ("GET", "HEAD"):
            allow = (b"allow", b"GET, HEAD, OPTIONS")
            error = {"error": "method_not_allowed", "error_description": "Metadata can be read with GET or HEAD."}
            return json_answer(405, error, [allow, everybody])
        metadata = resource.to_metadata(self._options.auth_server)
        answer = json_answer(200, metadata, [everybody], cache_control=b"public, max-age=300")
        return Answer(200, answer.headers) if request.method == "HEAD" else answer

    async def _authenticate(self, request: HttpRequest) -> tuple[str, VerifiedToken]:
        """The access token, and what it says."""
        credential = read_credential(request)
        resource = await self._verifier.find_resource()
        proof = None
        if credential.scheme == "DPoP":
            uri = resource.origin + request.raw_path
            proof = ProofRequest(request.header_values(b"dpop"), request.method, uri)
        return credential.token, await self._verifier.verify(credential, proof)

    async def _check_tools(self, request: HttpRequest, verified: VerifiedToken, passage: Passage) -> Passage:
        """Scopes, and what they change for the application: nothing but where it must."""
        tools = self._tools
        if tools is None:
            self._check_scopes(verified, self._options.required_scopes)
            return passage
        use, receive = ToolUse((), False), passage.receive
        if request.method == "POST":
            check_encoding(request)
            begun = self._verifier.now()
            body = await read_body(request, receive, self._options.max_body_size)
            # Who sends slowly must not outlast the token.
            await self._verifier.confirm(read_credential(request).token, begun)
            use = read_tool_use(request, body)
            receive = replay(body, receive)
        self._check_scopes(verified, [*self._options.required_scopes, *self._scopes_of(use.called)])
        # The stream of a GET brings lists as well: those of HTTP+SSE, and what is sent again (Last-Event-ID).
        is_get = request.method == "GET"
        if not self._options.filter_tools or not (use.lists or is_get):
            return Passage(passage.scope, receive, passage.send)

        def is_allowed(tool: str) -> bool:
            needed = tools.find(tool)
            return needed is not None and set(needed).issubset(verified.scopes)

        send = ToolListFilter(passage.send, is_allowed, only_events=is_get)
        return Passage(without_accept_encoding(passage.scope), receive, send)

    def _scopes_of(self, called: Iterable[str]) -> list[str]:
        needed: list[str] = []
        for tool in called:
            scopes = self._tools.find(tool) if self._tools else ()
            if scopes is None:
                raise ToolNotAllowedError(f"The tool {tool[:100]!r} is not open to anybody here.")
            needed.extend(scopes)
        return needed

    def _check_scopes(self, verified: VerifiedToken, needed: Sequence[str]) -> None:
        for scope in needed:
            if scope not in verified.scopes:
                raise InsufficientScopeError(unique(needed))

    async def _serve_application(self, passage: Passage, context: RequestContext, cors: Headers) -> None:
        """Lets the application answer. A refusal of its own, by ``require_scopes``, is answered as ours are."""
        scope, receive, send = passage
        has_started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                self._sessions.note(scope, context, message)
            await send(message)

        previous = entered.set(context)
        try:
            await self._app(scope, receive, with_headers(send_noting_start, cors) if cors else send_noting_start)
        except Refusal as refusal:
            if has_started:
                raise RuntimeError("The answer had begun before the request was refused.") from refusal
            await self._describe(refusal, context.scheme).send(send, cors)
        finally:
            entered.reset(previous)

    def _introduce(self, scope: Scope, token: str, verified: VerifiedToken) -> RequestContext:
        """Tells the application who asks, in each of the places where it may look."""
        context = RequestContext(self._options, self._verifier.resource, verified, token)
        scope[SCOPE_KEY] = context
        scope.setdefault("state", {}).update(
            {
                "subject": verified.subject,
                "user_email": verified.user_email,
                "client_id": verified.client_id,
                "scopes": list(verified.scopes),
                "audience": verified.audience,
                "token": token,
                "claims": dict(verified.claims),
            }
        )
        name_owner(scope, context, verified)
        return context

    def _nobody(self) -> RequestContext:
        return RequestContext(self._options, self._verifier.resource)

    def _describe(self, refusal: Refusal, scheme: str) -> Answer:
        return refusal_answer(
            refusal,
            resource_metadata=self._nobody().resource_metadata,
            required_scopes=self._options.required_scopes,
            scheme=scheme,
        )

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(scope)
        if is_public(request, self._options.public_paths):
            await self._enter(self._nobody(), scope, receive, send)
            return
        try:
            await self._verifier.find_resource()
            token, verified = await self._authenticate(request)
            self._check_scopes(verified, self._options.required_scopes)
        except Refusal as refusal:
            await refuse_websocket(scope, receive, send, self._describe(refusal, _scheme_of(request)))
            return
        await self._enter(self._introduce(scope, token, verified), scope, receive, send)

    async def _enter(self, context: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the application answer, which finds the context wherever it looks."""
        token = entered.set(context)
        try:
            await self._app(scope, receive, send)
        finally:
            entered.reset(token)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_watching(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._verifier.start()
            elif message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await self._verifier.aclose()
            await send(message)

        try:
            await self._app(scope, receive, send_watching)
        finally:
            await self._verifier.aclose()


def _scheme_of(request: HttpRequest) -> str:
    return "DPoP" if is_dpop(request) else "Bearer"
