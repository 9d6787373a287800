"""docs/operations.md: what it tells to write is rendered, and what has not been run says so."""

import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest

from tests.manifests.rendered import MANIFESTS, Render, only

PAGE = (MANIFESTS.parent / "docs/operations.md").read_text()
NEEDS_A_CLUSTER = re.compile(
    r"^(gcloud|kubectl|manifests/install\.sh|make (kind|minikube)-)|bertline "
)


@pytest.mark.parametrize("folder", ["my-gke", "my-gke/job"])
def test_folders_of_the_reader_are_rendered(render: Render, tmp_path: Path, folder: str) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    [content] = re.findall(rf"```yaml\n# {folder}/kustomization.yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "kustomization.yaml").write_text(content)
    objects = render(tmp_path / folder)
    for each in objects:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    [container] = only(objects, "Job")["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("PREFIX/bertline-")


def test_what_needs_a_cluster_is_marked() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = "".join(blocks).replace("\\\n", "").splitlines()
    marked = [line for line in commands if NEEDS_A_CLUSTER.search(line)]
    assert len(marked) > 20
    for line in marked:
        assert "# not run" in line, line
