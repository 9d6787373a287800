"""Kubeflow Pipelines for tests: its API and the pages of ml-pipeline-ui over HTTP, in memory."""

import email
import http.server
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.pipelines.cluster.contract import Contract

API = "/apis/v2beta1"
Answer = tuple[int, Any]
NOT_FOUND = 404, {"code": 5, "message": "ResourceNotFoundError: not found.", "details": []}


class Kubeflow:
    """What the server holds, and how it behaves.

    frames: what the next requests for a run show of it, the last one from then on; "workflow": the
    manifest that the v1beta1 form of the run returns. pods, events, logs: pod → what ml-pipeline-ui
    passes on. objects: (bucket, key) → content. refusals: "METHOD
    path pattern" → status and message, for that many requests. authorization: the headers that a
    request must have. is_api_only: without the pages of ml-pipeline-ui. after: called with each
    request to the API ("METHOD path") when its answer is made.
    """

    def __init__(self, contract: Contract | None) -> None:
        self.contract = contract
        self.multi_user = False
        self.is_api_only = False
        self.page_limit = 100
        self.authorization: dict[str, str] = {}
        self.refusals: dict[str, list[tuple[int, str]]] = {}
        self.frames: list[dict[str, Any]] = [{"state": "PENDING"}]
        self.workflow: Any = None
        self.pods: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
        self.logs: dict[str, str] = {}
        self.objects: dict[tuple[str, str], bytes] = {}
        self.experiments: dict[str, Any] = {}
        self.pipelines: dict[str, Any] = {}
        self.versions: dict[str, Any] = {}
        self.runs: dict[str, Any] = {}
        self.schedules: dict[str, Any] = {}
        self.requests: list[str] = []
        self.pages: list[tuple[str, dict[str, str]]] = []
        self.after: Callable[[str], None] = lambda request: None

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """The status and the JSON value for a request to the API."""
        for pattern, waiting in self.refusals.items():
            if waiting and re.fullmatch(pattern, f"{method} {path}"):
                status, message = waiting.pop(0)
                return status, {"code": 13, "message": message, "details": []}
        for pattern, operation in self._operations().items():
            if match := re.fullmatch(pattern, f"{method} {path}"):
                return operation(*map(unquote, match.groups()), query=query, body=body)
        raise AssertionError(f"{method} {path}: not in the stand-in")

    def _operations(self) -> dict[str, Callable[..., Answer]]:
        def of(service: str) -> str:
            return f"{API}/{service}"

        return {
            f"GET {of('healthz')}": lambda query, body: (200, {"multi_user": self.multi_user}),
            f"GET {of('experiments')}": lambda query, body: self._list(
                "experiments", self.experiments, query
            ),
            f"POST {of('experiments')}": lambda query, body: self._add(
                self.experiments, "experiment_id", body
            ),
            f"GET {of('pipelines/names/(.+)')}": lambda name, query, body: next(
                ((200, each) for each in self.pipelines.values() if each["name"] == name), NOT_FOUND
            ),
            f"POST {of('pipelines')}": self._create_pipeline,
            f"GET {of('pipelines/([^/]+)/versions')}": lambda id, query, body: self._list(
                "pipeline_versions",
                {k: v for k, v in self.versions.items() if v["pipeline_id"] == id},
                query,
            ),
            f"GET {of('pipelines/[^/]+/versions/([^/]+)')}": lambda id, query, body: (
                200,
                self.versions[id],
            ),
            f"POST {of('pipelines/upload_version')}": self._upload_version,
            f"GET {of('runs')}": lambda query, body: self._list("runs", self.runs, query),
            f"POST {of('runs')}": lambda query, body: self._add(self.runs, "run_id", body),
            f"GET {of('runs/([^/:]+)')}": self._get_run,
            f"POST {of('runs/([^/:]+):terminate')}": self._terminate,
            f"GET {of('recurringruns')}": lambda query, body: self._list(
                "recurringRuns", self.schedules, query
            ),
            f"POST {of('recurringruns')}": self._create_schedule,
            f"POST {of('recurringruns/([^/:]+):(enable|disable)')}": self._switch,
            f"DELETE {of('recurringruns/([^/:]+)')}": lambda id, query, body: (
                200,
                self.schedules.pop(id) and {},
            ),
        }

    def page(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        """The status and body of a page of ml-pipeline-ui."""
        self.pages.append((path, query))
        if path.startswith("/apis/v1beta1/runs/"):
            if self.workflow is None:
                return 200, b'{"run": {}, "pipeline_runtime": {}}'
            runtime = {"workflow_manifest": json.dumps(self.workflow)}
            return 200, json.dumps({"run": {}, "pipeline_runtime": runtime}).encode()
        if self.is_api_only:
            return 404, b"404 page not found"
        pod = query.get("podname", "")
        if path == "/k8s/pod" and pod in self.pods:
            return 200, json.dumps(self.pods[pod]).encode()
        if path == "/k8s/pod/events":
            return 200, json.dumps({"items": self.events.get(pod, [])}).encode()
        if path == "/k8s/pod/logs" and pod in self.logs:
            return 200, self.logs[pod].encode()
        if path == "/artifacts/get" and query["source"] in ("minio", "s3"):
            content = self.objects.get((query["bucket"], query["key"]))
            return (404, b"no such key") if content is None else (200, content)
        return 500, b"Could not get it"

    def _list(self, field: str, items: dict[str, Any], query: dict[str, str]) -> Answer:
        found = list(items.values())
        if "filter" in query:
            (predicate,) = json.loads(query["filter"])["predicates"]
            assert predicate["operation"] == "EQUALS"
            found = [each for each in found if each[predicate["key"]] == predicate["string_value"]]
        if "experiment_id" in query:
            found = [each for each in found if each["experiment_id"] == query["experiment_id"]]
        if query.get("sort_by", "").endswith(" desc"):
            found.reverse()
        start = int(query.get("page_token") or 0)
        end = start + min(self.page_limit, int(query.get("page_size") or 10))
        token = {"next_page_token": str(end)} if end < len(found) else {}
        return 200, {field: found[start:end], "total_size": len(found), **token}

    def _add(self, items: dict[str, Any], key: str, body: Any) -> Answer:
        new = {**body, key: str(uuid.uuid4()), "created_at": "2026-01-05T03:00:00Z"}
        items[new[key]] = new
        return 200, new

    def _create_pipeline(self, query: dict[str, str], body: Any) -> Answer:
        if any(each["name"] == body["name"] for each in self.pipelines.values()):
            return 409, {"code": 6, "message": "The name is taken", "details": []}
        return self._add(self.pipelines, "pipeline_id", body)

    def _upload_version(self, query: dict[str, str], body: Any) -> Answer:
        spec, platform = yaml.safe_load_all(body)
        version = {
            "pipeline_id": query["pipelineid"],
            "name": query["name"],
            "display_name": query["display_name"],
            "pipeline_spec": {"pipeline_spec": spec, "platform_spec": platform},
        }
        return self._add(self.versions, "pipeline_version_id", version)

    def _get_run(self, id: str, query: dict[str, str], body: Any) -> Answer:
        if id not in self.runs:
            return NOT_FOUND
        frame = dict(self.frames.pop(0) if len(self.frames) > 1 else self.frames[0])
        self.workflow = frame.pop("workflow", None)
        return 200, {**self.runs[id], **frame}

    def _terminate(self, id: str, query: dict[str, str], body: Any) -> Answer:
        self.frames = [{"state": "CANCELED"}]
        return 200, {}

    def _create_schedule(self, query: dict[str, str], body: Any) -> Answer:
        assert body["pipeline_version_reference"]["pipeline_version_id"] in self.versions
        status = {"status": f"{body['mode']}D"}
        return self._add(self.schedules, "recurring_run_id", body | status)

    def _switch(self, id: str, action: str, query: dict[str, str], body: Any) -> Answer:
        self.schedules[id]["status"] = f"{action.upper()}D"
        return 200, {}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `kubeflow`, and checks every request and answer of its API."""

    protocol_version = "HTTP/1.1"
    kubeflow: Kubeflow

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        kubeflow = self.kubeflow
        kubeflow.requests.append(f"{self.command} {url.path}")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        wanted = kubeflow.authorization
        if any(self.headers[name] != value for name, value in wanted.items()):
            return self._send(401, b"Unauthorized", "text/plain")
        if not url.path.startswith(API):
            return self._send(*kubeflow.page(url.path, query), "text/plain")
        body = json.loads(content) if content and not self._is_form else None
        if kubeflow.contract:
            kubeflow.contract.check_request(self.command, url.path, url.query, body)
        file = next(_files(self.headers["Content-Type"], content)) if self._is_form else body
        status, value = kubeflow.answer(self.command, url.path, query, file)
        kubeflow.after(kubeflow.requests[-1])
        if kubeflow.contract:
            kubeflow.contract.check_answer(self.command, url.path, status, value)
        return self._send(status, json.dumps(value).encode(), "application/json")

    do_POST = do_DELETE = do_GET

    @property
    def _is_form(self) -> bool:
        return (self.headers["Content-Type"] or "").startswith("multipart/form-data")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _files(content_type: str, body: bytes) -> Iterator[str]:
    """The texts of the files in a form."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    for part in message.walk():
        if part.get_filename():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            yield content.decode()
