"""What Kubernetes takes for names: checked before a pipeline is compiled, not by the cluster."""

from typing import Annotated

from bertline.config import matching

IN_KUBERNETES = "lower-case letters, digits and -, as Kubernetes has names"
Label = Annotated[str, matching(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", f"up to 63 {IN_KUBERNETES}")]
DnsName = Annotated[
    str, matching(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", f"up to 253 dots, {IN_KUBERNETES}")
]
_PART = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[
    str,
    matching(
        rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}",
        "a label's key in Kubernetes, such as cloud.google.com/gke-accelerator",
    ),
]
LabelValue = Annotated[
    str,
    matching(rf"({_PART})?", "a label's value in Kubernetes: up to 63 letters, digits, . _ -"),
]
ImagePrefix = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        "registry and repository, such as registry.example/team",
    ),
]
