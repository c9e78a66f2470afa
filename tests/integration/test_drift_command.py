"""``spanloft drift`` as a user runs it: one JSON object, and a sentence for what can't be read."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from spanloft.command_line import app
from spanloft_collector.drift_command import read_texts
from spanloft_collector.errors import SpanloftError
from spanloft_collector.settings import load_settings
from spanloft_collector.store.parquet import ParquetStore
from typer.testing import CliRunner

ASKED = {
    "parcel": ["where is my parcel", "when does my package arrive", "track the parcel {}", "my parcel {} is late"],
    "bill": ["why was i charged twice", "send me the invoice {}", "refund order {}", "the bill of {} euros is wrong"],
    "account": ["reset my password", "change the e-mail of account {}", "i can't log in", "delete account {}"],
    "weather": ["will it rain in town {}", "how warm is it today", "weather on day {}", "is there a storm coming"],
}
NEW = ["how do i bake bread {}", "which flour for a loaf of {} grams", "my dough does not rise", "bake rolls for {}"]


def texts(count: int, seed: int, new: int = 0) -> list[str]:
    chance = random.Random(seed)
    made = [chance.choice(chance.choice(list(ASKED.values()))).format(chance.randrange(10, 99)) for _ in range(count)]
    made[:new] = [chance.choice(NEW).format(chance.randrange(10, 99)) for _ in range(new)]
    return made


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write(folder / "before.jsonl", [{"text": text} for text in texts(700, 1)])
    write(folder / "same.jsonl", [{"text": text, "session": f"s{n // 2}"} for n, text in enumerate(texts(200, 2))])
    write(folder / "new.jsonl", [{"text": text} for text in texts(200, 3, new=20)])
    write(folder / "few.jsonl", [{"text": text} for text in texts(10, 4)])
    odd = ["привет мир", "你好世界", "مرحبا", "🙂🙂", "word " * 1_000, "\ud800", "x" * 1_000]
    write(folder / "odd.jsonl", [{"text": text} for text in odd * 29])
    write(folder / "constant.jsonl", [{"text": "hello"}] * 300)
    write(folder / "empty.jsonl", [{"text": "  "}, {"text": None}] * 150)
    return folder


def drift(folder: Path, before: str, after: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "spanloft.cli",
        "drift",
        before,
        after,
        "--store",
        str(folder / "nowhere"),
        *options,
    ]
    environment = {**os.environ, "SPANLOFT_CACHE": str(folder / "cache")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def verdict(folder: Path, after: str, before: str = "before.jsonl") -> dict[str, Any]:
    """What the command prints, run in this process: the model is loaded once."""
    arguments = ["drift", str(folder / before), str(folder / after), "--store", str(folder / "nowhere")]
    result = CliRunner().invoke(app, arguments, env={"SPANLOFT_CACHE": str(folder / "cache")})
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_says_what_moved(folder: Path) -> None:
    found = verdict(folder, "new.jsonl")
    assert found["drifted"] is True
    assert found["p_value"] <= 0.002
    assert found["topics"][0]["change"] == "appeared"
    assert {"bake", "flour", "dough", "loaf", "bread", "rise", "rolls"} & set(found["topics"][0]["name"].split(", "))
    assert (found["n_baseline"], found["n_window"]) == (700, 200)
    assert found["effect_interval"][0] <= found["effect"] <= found["effect_interval"][1]
    assert drift(folder, "before.jsonl", "new.jsonl", "--exit-code").returncode == 1


def test_says_that_nothing_changed(folder: Path) -> None:
    found = verdict(folder, "same.jsonl")
    assert found["drifted"] is False
    assert found["topics"] == []


def test_odd_texts_have_an_outcome(folder: Path) -> None:
    assert verdict(folder, "few.jsonl")["status"] == "not enough data"
    empty = verdict(folder, "empty.jsonl")
    assert (empty["drifted"], empty["n_empty"]) == (None, 300)
    assert verdict(folder, "odd.jsonl")["drifted"] is True
    assert verdict(folder, "constant.jsonl")["drifted"] is True
    assert verdict(folder, "constant.jsonl", "constant.jsonl")["drifted"] is False


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"bad\.jsonl:2: not JSON"),
        ('{"prompt": 1, "text": 5}', r'bad\.jsonl:2: "text" is a number; expected one JSON object'),
        ('{"prompt": "hi", "at": 5}', r'bad\.jsonl:2: there is no "text", only prompt, at; expected'),
        ('["hi"]', r"bad\.jsonl:2: an array instead of an object; expected"),
        ("[" * 100_000, r"bad\.jsonl:2: not JSON \(maximum recursion depth"),
        ('{"text": "in milliseconds", "time": 1790000000000}', r"bad\.jsonl:2: time 1790000000000; expected .*seconds"),
        ('{"text": "fine", "time": "yesterday"}', r"bad\.jsonl:2: time 'yesterday'; expected .*ISO 8601"),
    ],
)
def test_what_can_not_be_read_is_a_sentence(folder: Path, line: str, message: str) -> None:
    (folder / "bad.jsonl").write_text(f'{{"text": "fine"}}\n{line}\n')
    settings = load_settings(store=folder / "nowhere")
    with pytest.raises(SpanloftError, match=message):
        read_texts(settings, str(folder / "bad.jsonl"), "WINDOW")
    with pytest.raises(SpanloftError, match=r"can't be read \(No such file"):
        read_texts(settings, str(folder / "nowhere.jsonl"), "WINDOW")
    for query in ("SELECT 1 AS text", "-- the week of the release\n(FROM calls)", "with a as (select 1) from a"):
        with pytest.raises(SpanloftError, match="no store here"):
            read_texts(settings, query, "WINDOW")
    with pytest.raises(SpanloftError, match="WINDOW is empty; expected a file"):
        read_texts(settings, " ", "WINDOW")


def test_a_byte_order_mark_and_signs_of_all_kinds_are_read(tmp_path: Path) -> None:
    path = tmp_path / "selected.jsonl"
    text = "a\x00b \U0010ffff \u202e🙂"
    path.write_text(json.dumps({"text": text, "time": "2026-11-01T10:00:00+02:00"}), encoding="utf-8-sig")
    found = read_texts(load_settings(store=tmp_path / "nowhere"), str(path), "WINDOW")
    assert (found.texts, found.times) == ([text], [1_793_520_000.0])


def test_a_query_is_read_from_the_store(tmp_path: Path) -> None:
    settings = load_settings(store=ParquetStore(tmp_path).root)
    query = "SELECT 'hello ' || range AS text, range // 2 AS session FROM range(3)"
    assert read_texts(settings, query, "BASELINE").sessions == ["0", "0", "1"]
    timed = read_texts(settings, "SELECT 'hi' AS text, TIMESTAMP '1970-01-02 00:00:00' AS time", "BASELINE")
    assert timed.times == [86_400.0]
    assert read_texts(settings, "SELECT 'hi' AS text, DATE '1970-01-02' AS time", "WINDOW").times == [86_400.0]
    with pytest.raises(SpanloftError, match=r"BASELINE: time soon; expected a timestamp"):
        read_texts(settings, "SELECT 'hi' AS text, 'soon' AS time", "BASELINE")
    with pytest.raises(SpanloftError, match="BASELINE: the query returns a; expected a column 'text'"):
        read_texts(settings, "SELECT 1 AS a", "BASELINE")
    with pytest.raises(SpanloftError, match="BASELINE: .*nonsense"):
        read_texts(settings, "SELECT nonsense", "BASELINE")


def test_an_error_ends_in_one_line(folder: Path) -> None:
    result = drift(folder, "before.jsonl", "nowhere.jsonl")
    assert result.returncode == 1
    assert result.stderr.startswith("spanloft: WINDOW nowhere.jsonl: can't be read")
    assert len(result.stderr.splitlines()) == 1
