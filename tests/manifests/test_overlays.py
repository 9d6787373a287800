"""Every kustomization, rendered offline: valid, without privileges, and as the code names it."""

import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from bertline import __version__
from tests.manifests.rendered import FOLDERS, MANIFESTS, OVERLAYS, Render, of_kind, only

TARGETS = MANIFESTS.parent / "pipelines/targets"
CLUSTER_SCOPED = {"Namespace"}

every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def test_every_kustomization_is_rendered_here() -> None:
    folders = {file.parent for file in MANIFESTS.rglob("kustomization.yaml")}
    parts = {MANIFESTS / "base", MANIFESTS / "jobs/finetune"} | set(
        (MANIFESTS / "components").iterdir()
    )
    assert folders - parts == set(FOLDERS)


@every_folder
@pytest.mark.parametrize("kubernetes", ["1.31", kubernetes_validate.latest_version()])
def test_objects_are_valid(render: Render, folder: Path, kubernetes: str) -> None:
    for each in render(folder):
        kubernetes_validate.validate(each, kubernetes, strict=True)


def test_unknown_fields_would_be_refused(render: Render) -> None:
    claim = only(render(FOLDERS[0]), "PersistentVolumeClaim")
    wrong = {**claim, "spec": {**claim["spec"], "storageClas": "standard"}}
    with pytest.raises(kubernetes_validate.ValidationError, match="storageClas"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@every_folder
def test_all_is_in_one_namespace(render: Render, folder: Path) -> None:
    for each in render(folder):
        where = "name" if each["kind"] in CLUSTER_SCOPED else "namespace"
        assert each["metadata"][where] == "kubeflow", each["kind"]
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "bertline"


@every_folder
def test_nothing_is_fetched_or_secret(render: Render, folder: Path) -> None:
    assert not of_kind(render(folder), "Secret")
    for file in MANIFESTS.rglob("*.yaml"):
        assert not re.search(r"https?://|github\.com|\?ref=", file.read_text()), file


@every_folder
def test_pods_have_no_privileges(render: Render, folder: Path) -> None:
    for job in of_kind(render(folder), "Job"):
        pod = job["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["serviceAccountName"] == "bertline-runner"
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


@every_folder
def test_images_are_of_this_version_and_of_no_registry(render: Render, folder: Path) -> None:
    for job in of_kind(render(folder), "Job"):
        for container in job["spec"]["template"]["spec"]["containers"]:
            assert re.fullmatch(
                rf"bertline-(core|train-gpu|train-tpu)-python:{re.escape(__version__)}",
                container["image"],
            )


@every_overlay
def test_runs_may_do_what_they_must_and_no_more(render: Render, overlay: str) -> None:
    objects = render(MANIFESTS / "overlays" / overlay)
    role = only(objects, "Role")
    granted = {
        (group, resource, verb, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [None])
    }
    assert granted == {
        ("argoproj.io", "workflowtaskresults", "create", None),
        ("argoproj.io", "workflowtaskresults", "patch", None),
        ("", "configmaps", "get", "kfp-launcher"),
        ("", "secrets", "get", "mlpipeline-minio-artifact"),
    }
    binding = only(objects, "RoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    [subject] = binding["subjects"]
    account = only(objects, "ServiceAccount")["metadata"]
    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert not of_kind(objects, "ClusterRole") + of_kind(objects, "ClusterRoleBinding")


@every_overlay
def test_quota_leaves_pods_without_requests_a_default(render: Render, overlay: str) -> None:
    objects = render(MANIFESTS / "overlays" / overlay)
    limited = {
        resource.removeprefix("requests.")
        for resource in only(objects, "ResourceQuota")["spec"]["hard"]
        if resource in {"requests.cpu", "requests.memory"}
    }
    [limits] = only(objects, "LimitRange")["spec"]["limits"]
    assert limited == limits["defaultRequest"].keys()


@pytest.mark.parametrize(
    ("overlay", "gpus", "chips"),
    [("kind", 0, 0), ("minikube", 0, 0), ("gke-gpu", 4, 0), ("gke-tpu", 0, 16)],
)
def test_quota_caps_accelerators(render: Render, overlay: str, gpus: int, chips: int) -> None:
    hard = only(render(MANIFESTS / "overlays" / overlay), "ResourceQuota")["spec"]["hard"]
    assert int(hard["requests.nvidia.com/gpu"]) == gpus
    assert int(hard["requests.google.com/tpu"]) == chips


@pytest.mark.parametrize(
    ("overlay", "api", "tokens"),
    [
        ("kind", {6443}, set()),
        ("minikube", {8443}, set()),
        ("gke-gpu", set(), {80, 987, 988}),
        ("gke-tpu", set(), {80, 987, 988}),
    ],
)
def test_runs_reach_only_what_they_need(
    render: Render, overlay: str, api: set[int], tokens: set[int]
) -> None:
    policy = only(render(MANIFESTS / "overlays" / overlay), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    by_ports = {
        frozenset(port["port"] for port in rule["ports"]): rule.get("to")
        for rule in policy["egress"]
    }
    anywhere, names, servers = (
        frozenset({443} | api),
        frozenset({53}),
        {8080, 8333, 8887, 8888, 9000},
    )
    assert by_ports.pop(anywhere) is None
    inside, *links = by_ports.pop(names)
    assert inside["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "kube-system"
    }
    assert all(link["ipBlock"]["cidr"].startswith("169.254.") for link in links)
    if tokens:
        assert all("ipBlock" in place for place in by_ports.pop(frozenset(tokens)))
    assert set().union(*by_ports) == servers
    for places in by_ports.values():
        (place,) = places
        assert place.keys() == {"podSelector"} and place["podSelector"] != {}


@every_overlay
def test_target_and_overlay_name_the_same(render: Render, overlay: str) -> None:
    file = TARGETS / f"{overlay}.yaml"
    if not file.is_file():
        pytest.skip(f"no target {overlay} yet")
    target = yaml.safe_load(file.read_text())
    objects = render(MANIFESTS / "overlays" / overlay)
    claim = only(objects, "PersistentVolumeClaim")["metadata"]
    assert target["volume"]["claim"] == claim["name"]
    account = only(objects, "ServiceAccount")["metadata"]
    kubeflow = target.get("kubeflow", {})
    assert kubeflow.get("service_account") == account["name"]
    assert kubeflow.get("namespace", "kubeflow") == account["namespace"]


@pytest.mark.parametrize("overlay", ["gke-gpu", "gke-tpu"])
def test_google_clusters_get_an_identity_and_writable_folders(render: Render, overlay: str) -> None:
    objects = render(MANIFESTS / "overlays" / overlay)
    annotations = only(objects, "ServiceAccount")["metadata"]["annotations"]
    assert annotations["iam.gke.io/gcp-service-account"].endswith(".iam.gserviceaccount.com")
    pod = only(objects, "Job")["spec"]["template"]["spec"]
    [volume] = pod["volumes"]
    claim = only(objects, "PersistentVolumeClaim")["metadata"]["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    install = (MANIFESTS / "install.sh").read_text()
    user = re.search(r'"defaultSecurityContextRunAsUser": "(\d+)"', install)
    assert user and int(user[1]) == pod["securityContext"]["runAsUser"]


def test_secrets_are_made_of_files_that_git_does_not_see(render: Render, tmp_path: Path) -> None:
    copy = tmp_path / "manifests"
    shutil.copytree(MANIFESTS, copy)
    component = copy / "components/secrets"
    (component / "key.json").write_text("{}")
    (component / ".dockerconfigjson").write_text('{"auths": {}}')
    overlay = copy / "overlays/kind/kustomization.yaml"
    overlay.write_text(overlay.read_text() + "components: [../../components/secrets]\n")
    objects = render(overlay.parent)
    secrets = {each["metadata"]["name"]: each for each in of_kind(objects, "Secret")}
    assert {name: each["type"] for name, each in secrets.items()} == {
        "bertline-gcs-key": "Opaque",
        "bertline-image-pull": "kubernetes.io/dockerconfigjson",
    }
    assert {each["metadata"]["namespace"] for each in secrets.values()} == {"kubeflow"}
    assert only(objects, "ServiceAccount")["imagePullSecrets"] == [{"name": "bertline-image-pull"}]
    names = [rule["resourceNames"] for rule in only(objects, "Role")["rules"][1:]]
    assert names == [["kfp-launcher"], ["mlpipeline-minio-artifact", "bertline-gcs-key"]]
    ignored = (MANIFESTS.parent / ".gitignore").read_text().splitlines()
    for file in ("key.json", ".dockerconfigjson"):
        assert f"/manifests/components/secrets/{file}" in ignored
