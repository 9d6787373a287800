"""Plots of an evaluation, as SVG text in data: addresses that an HTML page holds within itself."""

import base64
import io
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertline.evaluation.judges import METRICS
from bertline.evaluation.reporting.summary import size_text
from bertline.evaluation.results import FileResult, Results

if TYPE_CHECKING:
    from bertline.evaluation.sensitivity import Sensitivity

REFERENCE_COLOUR = "#64748b"
COLOURS = ("#4f46e5", "#0d9488", "#d97706", "#db2777", "#65a30d", "#0284c7", "#9333ea", "#b91c1c")
INK, GRID = "#334155", "#e2e8f0"
AREA_PER_MEGABYTE = 12.0
LEAST_POINTS = 2.0
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": "#94a3b8",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "bertline",
}


def quality_plot(results: Results) -> str:
    """First metric against latency, a bubble for each file with its area in megabytes.

    The line is the training model's metric, from which drops are counted; the legend tells sizes,
    float tensors left and the share of multiply-accumulates done in integers.
    """
    metric = results.metrics[0]
    colours = itertools.chain([REFERENCE_COLOUR], itertools.cycle(COLOURS))
    figure, axes = _figure(1, (11.4, 4.6))
    plot = axes[0]
    for file, colour in zip((results.reference, *results.files), colours, strict=False):
        plot.scatter(
            file.timing.latency_ms_p50,
            file.metrics[metric],
            s=max(AREA_PER_MEGABYTE * file.size_bytes / 1e6, 30.0),
            color=colour,
            alpha=0.6,
            edgecolors="white",
            linewidths=1.2,
            label=_told(file),
        )
    plot.axhline(
        results.reference.metrics[metric], color=REFERENCE_COLOUR, linestyle="--", linewidth=0.8
    )
    legend = figure.legend(loc="outside right center", frameon=False, labelspacing=1.0)
    for handle in legend.legend_handles:
        handle.set_sizes([70])
    plot.set_xlabel("latency at batch 1, median, ms (bubble area: size)")
    plot.set_ylabel(f"{METRICS[metric].label}, %")
    plot.margins(x=0.15, y=0.25)
    plot.set_xlim(left=0)
    low, high = plot.get_ylim()
    if high - low < LEAST_POINTS:
        # Nearly equal files must look nearly equal.
        middle = (low + high) / 2
        plot.set_ylim(middle - LEAST_POINTS / 2, middle + LEAST_POINTS / 2)
    return _data_address(figure)


def _told(file: FileResult) -> str:
    told = f"{file.name}, {size_text(file.size_bytes)}"
    if file.integer_mac_share is not None and file.float_tensor_bytes is not None:
        told += (
            f"\n{file.integer_mac_share:.0f} % integer, {size_text(file.float_tensor_bytes)} float"
        )
    return told


def training_plot(entries: Sequence[Mapping[str, Any]]) -> str:
    """Loss and dev accuracies by step, from the entries of history.json."""
    figure, axes = _figure(2, (11.4, 3.6))
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    accuracies = [name for name in names if name.endswith("_accuracy")]
    for plot, series, scale in ((axes[0], ["loss", "dev_loss"], 1), (axes[1], accuracies, 100)):
        for name, colour in zip(series, COLOURS, strict=False):
            points = [(entry["step"], scale * entry[name]) for entry in entries if name in entry]
            if points:
                dots = {"marker": "o", "markersize": 4} if name.startswith("dev") else {}
                label = name.replace("_", " ")
                plot.plot(*zip(*points, strict=True), label=label, color=colour, **dots)
        plot.set_xlabel("step")
        if plot.lines:
            plot.legend(frameon=False)
    axes[0].set_ylabel("loss")
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylabel("dev, %")
    return _data_address(figure)


def sensitivity_plot(found: "Sensitivity") -> str:
    """The divergence that each site causes when it alone is quantized; SVG text."""
    figure, (plot,) = _figure(1, (9.0, 1.4 + 0.2 * len(found.sites)))
    sites = found.sites[::-1]
    kinds = sorted({site.site.rpartition("/")[2] for site in sites})
    colours = dict(zip(kinds, itertools.cycle(COLOURS), strict=False))
    plot.barh(
        [site.site for site in sites],
        [site.divergence for site in sites],
        color=[colours[site.site.rpartition("/")[2]] for site in sites],
    )
    plot.axvline(found.base, color=REFERENCE_COLOUR, linestyle="--", label="int8 weights alone")
    plot.set_xscale("log")
    plot.set_xlabel("divergence from the float file with this site alone in int8, nats")
    plot.margins(y=0.01)
    plot.legend(frameon=False, loc="lower right")
    return _svg(figure)


def _figure(columns: int, size: tuple[float, float]) -> tuple[Any, list[Any]]:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = [figure.add_subplot(1, columns, number + 1) for number in range(columns)]
    return figure, axes


def _data_address(figure: Any) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(_svg(figure).encode()).decode('ascii')}"


def _svg(figure: Any) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
