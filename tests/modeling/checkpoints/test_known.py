import pytest

from bertline.modeling.checkpoints.known import KNOWN, table_lines

HOST = "https://storage.googleapis.com/bert_models/"


def test_all_of_them_are_there() -> None:
    assert len(KNOWN) == 33
    assert sum("2020_02_20" in known.address for known in KNOWN.values()) == 24
    assert len({known.address for known in KNOWN.values()}) == 33


@pytest.mark.parametrize(
    ("name", "place", "num_parameters", "do_lower_case"),
    [
        # The numbers of parameters are those that Hugging Face's models of them have.
        ("uncased_L-12_H-768_A-12", "2018_10_18", 109_482_240, True),
        ("cased_L-12_H-768_A-12", "2018_10_18", 108_310_272, False),
        ("uncased_L-24_H-1024_A-16", "2018_10_18", 335_141_888, True),
        ("wwm_cased_L-24_H-1024_A-16", "2019_05_30", 333_579_264, False),
        ("chinese_L-12_H-768_A-12", "2018_11_03", 102_267_648, True),
        ("multilingual_L-12_H-768_A-12", "2018_11_03", 167_356_416, True),
        ("multi_cased_L-12_H-768_A-12", "2018_11_23", 177_853_440, False),
        ("uncased_L-2_H-128_A-2", "2020_02_20", 4_385_920, True),
    ],
)
def test_address_size_and_casing(
    name: str, place: str, num_parameters: int, do_lower_case: bool
) -> None:
    known = KNOWN[name]
    assert known.address == f"{HOST}{place}/{name}.zip"
    assert known.num_parameters == num_parameters
    assert known.config.do_lower_case == do_lower_case


def test_the_miniature_with_the_name_of_bert_base_has_another() -> None:
    address = KNOWN["uncased_L-12_H-768_A-12_retrained"].address
    assert address == f"{HOST}2020_02_20/uncased_L-12_H-768_A-12.zip"


def test_the_table_is_aligned() -> None:
    heading, *rows = table_lines()
    assert heading.split() == [
        *("name", "layers", "hidden", "heads", "parameters", "casing", "address")
    ]
    tiny = next(row for row in rows if row.startswith("uncased_L-2_H-128_A-2 "))
    address = f"{HOST}2020_02_20/uncased_L-2_H-128_A-2.zip"
    assert tiny.split()[1:] == ["2", "128", "2", "4.4M", "uncased", address]
    assert {row.index("https://") for row in rows} == {heading.index("address")}
