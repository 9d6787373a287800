import itertools

from benchmarks.rounds import in_turn, measure, table


def test_every_other_round_is_reversed() -> None:
    assert [in_turn(["a", "b", "c"], number) for number in (1, 2)] == [
        ["a", "b", "c"],
        ["c", "b", "a"],
    ]


def test_a_round_that_is_not_counted_comes_first() -> None:
    calls: list[str] = []
    seconds = measure({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert "".join(calls) == "ba" + "ab" + "ba"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    assert all(wall >= 0 and cpu >= 0 for wall, cpu in itertools.chain(*seconds.values()))


def test_ratios_are_taken_within_a_round() -> None:
    seconds = {"slow": [(2.0, 4.0), (4.0, 4.0), (40.0, 4.0)], "fast": [(1.0, 1.0)] * 3}
    _, slow, fast = table(seconds, count=100, base="slow")
    # By wall time 2, 4 and 40 times as fast: 4; 100 in 4 s and in 1 s.
    assert slow.split() == ["slow", "25", "1.00", "25", "1.00"]
    assert fast.split() == ["fast", "100", "4.00", "100", "4.00"]
