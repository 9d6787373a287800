"""Kubeflow Pipelines on a cluster: versions, runs, schedules, and what became of them."""
