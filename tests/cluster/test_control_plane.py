"""What a real Kubernetes API server says of manifests/: accepted, limited, allowed, forbidden."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, dynamic
from kubernetes.client.exceptions import ApiException

from tests.manifests.conftest import kustomize as kustomize
from tests.manifests.conftest import render as render
from tests.manifests.rendered import FOLDERS, MANIFESTS, Render, of_kind, only

pytestmark = pytest.mark.cluster
NAMESPACE = "kubeflow"
RUNNER = f"system:serviceaccount:{NAMESPACE}:bertline-runner"


def apply(resources: dynamic.DynamicClient, each: dict[str, Any], **options: Any) -> Any:
    """Applies an object server-side, as install.sh does."""
    kind = resources.resources.get(api_version=each["apiVersion"], kind=each["kind"])
    return kind.server_side_apply(
        body=each,
        name=each["metadata"]["name"],
        namespace=each["metadata"].get("namespace"),
        field_manager="bertline",
        force_conflicts=True,
        **options,
    )


@pytest.fixture
def installed(resources: dynamic.DynamicClient, render: Render) -> list[dict[str, Any]]:
    """The objects of the overlay kind, applied; the quota counts as its controller would."""
    objects = render(MANIFESTS / "overlays/kind")
    for each in objects:
        apply(resources, each)
    quota = copy.deepcopy(only(objects, "ResourceQuota"))
    hard = quota["spec"]["hard"]
    quota["status"] = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    core = client.CoreV1Api(resources.client)
    core.patch_namespaced_resource_quota_status("bertline", NAMESPACE, quota)
    return objects


def moved(objects: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """The objects in a namespace of their own, the first of them: an overlay is for one cluster."""
    here, there = (f'"namespace": "{name}"' for name in (NAMESPACE, namespace))
    others = [each for each in objects if each["kind"] != "Namespace"]
    first = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    return [first, *json.loads(json.dumps(others).replace(here, there))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_object_is_accepted_again_and_again(
    folder: Path, resources: dynamic.DynamicClient, render: Render
) -> None:
    objects = moved(render(folder), folder.name)
    assert len(objects) > 1
    for each in objects:
        # The first answer lacks what the server adds to a new namespace.
        _, second, third = (apply(resources, each) for _ in range(3))
        assert second.metadata.resourceVersion == third.metadata.resourceVersion, each["kind"]


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "x", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "toy", "namespace": NAMESPACE},
        "spec": {"containers": [container], "serviceAccountName": "bertline-runner", **spec},
    }


def create(cluster: client.ApiClient, body: dict[str, Any]) -> Any:
    """The pod as the server would store it; nothing is kept."""
    return client.CoreV1Api(cluster).create_namespaced_pod(NAMESPACE, body, dry_run="All")


def test_containers_without_requests_get_them(
    cluster: client.ApiClient, installed: list[dict[str, Any]]
) -> None:
    created = create(cluster, pod())
    default = only(installed, "LimitRange")["spec"]["limits"][0]["defaultRequest"]
    assert created.spec.containers[0].resources.requests == default


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"hostNetwork": True}, "violates PodSecurity"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "violates PodSecurity"),
        ({"container": {"securityContext": {"privileged": True}}}, "violates PodSecurity"),
        ({"container": {"resources": {"requests": {"cpu": "17"}}}}, "exceeded quota"),
        (
            {"container": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}},
            "exceeded quota",
        ),
        ({"serviceAccountName": "nobody"}, 'serviceaccount "nobody" not found'),
    ],
)
def test_pods_that_must_not_run_are_refused(
    spec: dict[str, Any], reason: str, cluster: client.ApiClient, installed: object
) -> None:
    with pytest.raises(ApiException) as refused:
        create(cluster, pod(**spec))
    assert refused.value.status == 403
    assert reason in json.loads(refused.value.body)["message"]


@pytest.mark.parametrize("name", ["finetune-gpus", "finetune-tpu-hosts"])
def test_pods_of_jobs_keep_the_strictest_standard(
    name: str, cluster: client.ApiClient, resources: dynamic.DynamicClient, render: Render
) -> None:
    """Admitted where "restricted" is enforced, which the namespace only warns of."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "strict",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    apply(resources, namespace)
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    apply(resources, {**account, "metadata": {"name": "bertline-runner", "namespace": "strict"}})
    [job] = of_kind(render(MANIFESTS / "jobs" / name), "Job")
    body = {"metadata": {"name": "toy"}, "spec": job["spec"]["template"]["spec"]}
    client.CoreV1Api(cluster).create_namespaced_pod("strict", body, dry_run="All")


ALLOWED = [
    ("create", "argoproj.io", "workflowtaskresults", ""),
    ("patch", "argoproj.io", "workflowtaskresults", "any"),
    ("get", "", "configmaps", "kfp-launcher"),
    ("get", "", "secrets", "mlpipeline-minio-artifact"),
]
"""What Argo's executor, KFP's driver and launcher ask for: verb, group, resource, name."""
FORBIDDEN = [
    ("get", "", "secrets", "another"),
    ("list", "", "secrets", ""),
    ("get", "", "configmaps", "another"),
    ("create", "", "pods", ""),
    ("create", "", "pods/exec", ""),
    ("delete", "", "pods", "any"),
    ("create", "", "persistentvolumeclaims", ""),
    ("create", "batch", "jobs", ""),
    ("get", "argoproj.io", "workflows", "any"),
    ("delete", "argoproj.io", "workflowtaskresults", "any"),
    ("create", "rbac.authorization.k8s.io", "rolebindings", ""),
]


@pytest.mark.parametrize(
    ("action", "is_allowed"),
    [*((each, True) for each in ALLOWED), *((each, False) for each in FORBIDDEN)],
)
def test_runs_may_do_what_they_need_and_no_more(
    action: tuple[str, str, str, str],
    is_allowed: bool,
    cluster: client.ApiClient,
    installed: object,
) -> None:
    verb, group, resource, name = action
    resource, _, part = resource.partition("/")
    for namespace in (NAMESPACE, "default"):
        attributes = client.V1ResourceAttributes(
            verb=verb,
            group=group,
            resource=resource,
            subresource=part,
            name=name,
            namespace=namespace,
        )
        review = client.V1SubjectAccessReview(
            spec=client.V1SubjectAccessReviewSpec(user=RUNNER, resource_attributes=attributes)
        )
        api = client.AuthorizationV1Api(cluster)
        answer = api.create_subject_access_review(review)
        assert answer.status.allowed == (is_allowed and namespace == NAMESPACE)
