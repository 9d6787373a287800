"""The wheel has the command's packages inside bertline, since other projects have `pipelines`.

In the repository, and for an editable installation of it, they stay beside the library.
"""

from setuptools import find_packages, setup

INSIDE = "bertline._command"
"""See bertline/__main__.py, which makes them importable."""
COMMAND = ("components", "pipelines")

setup(
    packages=[
        *find_packages(include=["bertline", "bertline.*"]),
        *(
            f"{INSIDE}.{package}"
            for name in COMMAND
            for package in find_packages(include=[name, f"{name}.*"])
        ),
    ],
    package_dir={f"{INSIDE}.{name}": name for name in COMMAND},
)
