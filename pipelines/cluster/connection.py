"""Requests to Kubeflow Pipelines, and its answers as values or as errors of one line."""

import contextlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import kfp_server_api
import urllib3

from bertline.errors import BertlineError, ClusterError, ConfigError, one_line
from pipelines.cluster.credentials import headers, origin
from pipelines.target import Kubeflow

TIMEOUT_SECONDS = (5, 60)
RETRIES = urllib3.Retry(
    total=3, backoff_factor=0.5, status_forcelist=(502, 503, 504), raise_on_status=False
)
PAGE_SIZE = 100


class Unreachable(ConfigError):
    """No server answers at the host."""


class Refused(ConfigError):
    """The host answers that a request cannot be done; `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """The services of kfp_server_api at a host, each to be used through `call`.

    health, experiments, pipelines, uploads, runs, recurring_runs. namespace: None in an
    installation for a single user, where requests name none.
    """

    def __init__(self, settings: Kubeflow, client: kfp_server_api.ApiClient) -> None:
        self.settings, self._client = settings, client
        self.experiments = kfp_server_api.ExperimentServiceApi(client)
        self.pipelines = kfp_server_api.PipelineServiceApi(client)
        self.uploads = kfp_server_api.PipelineUploadServiceApi(client)
        self.runs = kfp_server_api.RunServiceApi(client)
        self.recurring_runs = kfp_server_api.RecurringRunServiceApi(client)
        self.namespace = settings.namespace if self._is_multi_user() else None

    def _is_multi_user(self) -> bool:
        """Whether requests name a namespace; ConfigError if the host is no Kubeflow Pipelines."""
        health = kfp_server_api.HealthzServiceApi(self._client)
        other = ConfigError(
            f"{self.settings.host}: is not Kubeflow Pipelines (no health page of its API); give "
            "the address of ml-pipeline-ui with --host"
        )
        try:
            answer = self.call(health.healthz_service_get_healthz)
        except Refused as error:
            raise (error if error.status in (401, 403) else other) from None
        if "json" not in (self._client.last_response.getheader("Content-Type") or ""):
            raise other
        return bool(answer.multi_user)

    def call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a method of one of the services gives.

        Raises Unreachable, Refused (also for credentials that do not do), ConfigError for a host
        that serves something else, ClusterError for a failure of the server's.
        """
        self._client.default_headers.update(headers(self.settings.auth))
        host = self.settings.host
        try:
            answer = method(*arguments, _request_timeout=TIMEOUT_SECONDS, **options)
        except kfp_server_api.ApiException as error:
            raise self._error(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(
                f"{host}: does not answer ({_reason(error)}); start the port-forward to "
                "ml-pipeline-ui, or give --host"
            ) from None
        if "html" in (self._client.last_response.getheader("Content-Type") or ""):
            raise ConfigError(
                f"{host}: answers with a page for people and not as Kubeflow Pipelines does, "
                f"perhaps for want of credentials ({origin(self.settings.auth)})"
            )
        return answer

    def pages(self, method: Callable[..., Any], field: str, **options: Any) -> Iterator[Any]:
        """The elements of all pages of a method that lists; `field` of an answer holds them."""
        token = ""
        while True:
            page = self.call(method, page_size=PAGE_SIZE, page_token=token, **options)
            yield from getattr(page, field) or []
            token = page.next_page_token
            if not token:
                return

    def page(self, path: str, **query: str) -> bytes | None:
        """What ml-pipeline-ui, which serves the API too, has at a path of its own.

        None where it refuses, for a pod that is gone or because the host is another server.
        """
        try:
            response = self._client.call_api(
                path,
                "GET",
                query_params=list(query.items()),
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=TIMEOUT_SECONDS,
            )
        except (kfp_server_api.ApiException, urllib3.exceptions.HTTPError):
            return None
        body: bytes = response.data
        return body if response.status == 200 else None

    def experiment_id(self) -> str:
        """The id of the settings' experiment, which is made if it is not there."""
        name, namespace = self.settings.experiment, self.namespace
        options = {"namespace": namespace} if namespace else {}
        experiment = kfp_server_api.V2beta1Experiment(display_name=name, namespace=namespace)

        def find() -> Any:
            listed = self.call(
                self.experiments.experiment_service_list_experiments,
                filter=named(name),
                **options,
            )
            return next(iter(listed.experiments or []), None)

        def make() -> Any:
            return self.call(self.experiments.experiment_service_create_experiment, experiment)

        found: str = found_or_made(find, make).experiment_id
        return found

    def _error(self, error: kfp_server_api.ApiException) -> BertlineError:
        host, status = self.settings.host, error.status
        if status in (401, 403):
            proof = origin(self.settings.auth)
            return Refused(f"{host}: no access with these credentials ({proof})", status)
        message = _message(error)
        if status >= 500:
            return ClusterError(f"{host}: {message} (HTTP {status}); try again later")
        return Refused(f"{host}: {message} (HTTP {status})", status)


@contextlib.contextmanager
def connected(settings: Kubeflow) -> Iterator[Connection]:
    """A connection to the host; raises as Connection.call does.

    $SSL_CERT_FILE: certificates of authorities to trust for https:// instead of the usual ones.
    """
    configuration = kfp_server_api.Configuration(host=settings.host.rstrip("/"))
    configuration.retries = RETRIES
    configuration.ssl_ca_cert = os.environ.get("SSL_CERT_FILE")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # an error tells of its retries itself
    with kfp_server_api.ApiClient(configuration) as client:
        try:
            yield Connection(settings, client)
        finally:
            client.rest_client.pool_manager.clear()


def found_or_made(find: Callable[[], Any], make: Callable[[], Any]) -> Any:
    """What `find` finds, or else what `make` makes, unless somebody else made it meanwhile."""
    found = find()
    if found is not None:
        return found
    try:
        return make()
    except Refused as error:
        if error.status != 409:
            raise
        return find()


def named(name: str) -> str:
    """The filter of list requests for what is displayed under a name."""
    predicate = {"key": "display_name", "operation": "EQUALS", "string_value": name}
    return json.dumps({"predicates": [predicate]})


def _message(error: kfp_server_api.ApiException) -> str:
    """What the server says of an error, in one line."""
    try:
        body = json.loads(error.body)
        text = body.get("message") or body.get("error")
    except (TypeError, ValueError, AttributeError):
        text = None
    return one_line(text or error.reason or "failed").rstrip(".")


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    """Why a host could not be reached, in a few words."""
    cause: BaseException = getattr(error, "reason", None) or error
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(cause).rpartition(": ")[2])
    return one_line(text) or type(cause).__name__
