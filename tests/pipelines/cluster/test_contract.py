"""The judge of requests and answers finds what is wrong with them."""

from pathlib import Path

import jsonschema
import pytest

from tests.pipelines.cluster.conftest import DOCUMENT
from tests.pipelines.cluster.contract import Contract

pytestmark = pytest.mark.real
RUNS = "/apis/v2beta1/runs"


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    return Contract(shared / DOCUMENT)


def test_what_is_right_passes(contract: Contract) -> None:
    contract.check_request("GET", RUNS, "page_size=3&experiment_id=e", None)
    contract.check_request("POST", RUNS, "", {"display_name": "a"})
    contract.check_answer("GET", f"{RUNS}/r", 200, {"run_id": "r", "state": "RUNNING"})
    contract.check_answer("GET", f"{RUNS}/r", 404, {"code": 5, "message": "x", "details": []})
    contract.check_request("POST", f"{RUNS}/r:terminate", "", None)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "no such property"},
        {"display_name": 3},
        {"pipeline_version_reference": {"id": "v"}},
        {"state": "BUSY"},
    ],
)
def test_wrong_bodies(contract: Contract, body: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        contract.check_request("POST", RUNS, "", body)
    with pytest.raises(jsonschema.ValidationError):
        contract.check_answer("POST", RUNS, 200, body)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", f"{RUNS}/r/nodes", ""),
        ("PUT", RUNS, ""),
        ("GET", RUNS, "pagesize=3"),
        ("POST", RUNS, ""),
    ],
)
def test_wrong_requests(contract: Contract, method: str, path: str, query: str) -> None:
    with pytest.raises(AssertionError):
        contract.check_request(method, path, query, None)


def test_wrong_filter(contract: Contract) -> None:
    filter = '{"predicates": [{"key": "name", "op": "EQUALS"}]}'
    with pytest.raises(jsonschema.ValidationError):
        contract.check_request("GET", RUNS, f"filter={filter}", None)
