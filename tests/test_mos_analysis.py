"""The whole analysis: tables with and without screening, whose votes they are, files, command, notebook."""

from __future__ import annotations

import ast
import json
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sharpstudy.cli.mos_analysis import analyse as command
from sharpstudy.mos.analysis import TABLES, analyse, findings, published_table, write_tables
from sharpstudy.mos.estimates import two_way
from sharpstudy.mos.ingest import parse_ratings
from sharpstudy.mos.simulate import Simulation, plant, simulate_ratings, simulate_scores
from sharpstudy.mos.votes import collect_votes
from sharpstudy.paths import NOTEBOOKS
from sharpstudy.recipes import load_recipe


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """A small study of both arms with one bad rater, its rows called human to pass as a real one."""
    bad = {"random": 1}
    return simulate_ratings(plant(Simulation(8, 12, criteria=("overall",), bad=bad, seed=3)))


@pytest.fixture(scope="module")
def ratings(table):
    return parse_ratings(table.assign(source="human").to_csv(index=False))


@pytest.fixture(scope="module")
def analysis(ratings):
    return analyse(ratings)


def test_a_systems_mos_is_the_two_way_mean_of_its_votes_alone(table, analysis):
    own = table[(table["arm"] == "acr") & (table["role"] == "rating") & (table["system_left"] == "student")]
    wide = own.pivot(index="rater", columns="stimulus", values="score")
    wanted = two_way(wide.to_numpy(float))
    rows = analysis.systems[
        (analysis.systems["system"] == "student") & (analysis.systems["category"] == "all")
    ]
    row = rows[rows["screening"] == "all raters"].iloc[0]
    assert (row["mos"], row["low"], row["high"]) == pytest.approx((wanted.mean, wanted.low, wanted.high))
    out = set(analysis.raters.query("arm == 'acr' and excluded == 'yes'")["rater"])
    kept = two_way(wide[~wide.index.isin(out)].to_numpy(float))
    assert out
    assert rows[rows["screening"] == "kept raters"].iloc[0]["mos"] == pytest.approx(kept.mean)


def test_comparisons_count_positive_for_the_system_whichever_side_it_stood_on(table, analysis):
    pairs = table[(table["arm"] == "ccr") & (table["role"] == "rating")]
    one = pairs[pairs[["system_left", "system_right"]].isin(["student", "input"]).all(axis=1)]
    score = np.where(one["system_right"] == "student", one["score"], -one["score"])
    rows = analysis.comparisons.query("arm == 'ccr' and category == 'all' and screening == 'all raters'")
    row = rows[(rows["system"] == "student") & (rows["baseline"] == "input")].iloc[0]
    assert row["effect"] == pytest.approx(score.mean())
    assert row["votes"] == len(one)


def test_dmos_is_the_mean_of_each_raters_own_differences(table, analysis):
    own = table[(table["arm"] == "acr") & (table["role"] == "rating") & (table["stimulus"] == "invented-003")]
    wide = own.pivot(index="rater", columns="system_left", values="score")
    gap = wide["unsharp"] - wide["reference"] + 5
    rows = analysis.stimuli.query("arm == 'acr' and screening == 'all raters' and content == 'invented-003'")
    row = rows[rows["system"] == "unsharp"].iloc[0]
    assert row["dmos"] == pytest.approx(gap.mean())
    assert row["dmos_high"] - row["dmos"] == pytest.approx(2.364624 * gap.std(ddof=1) / 8**0.5, rel=1e-6)


def test_the_family_of_verdicts_is_all_pairs_of_an_arm(analysis):
    main = analysis.comparisons.query("family == 'main' and arm == 'ccr' and screening == 'kept raters'")
    smallest = main["p_value"].idxmin()
    assert main.loc[smallest, "adjusted_p"] == pytest.approx(min(1, 10 * main.loc[smallest, "p_value"]))
    assert len(main) == 10


def test_people_and_simulations_are_never_pooled(table):
    mixed = table.copy()
    mixed.loc[0, "source"] = "human"
    ratings = parse_ratings(mixed.to_csv(index=False))
    with pytest.raises(ValueError, match=f"got {len(table) - 1} simulated, 1 human; choose one"):
        analyse(ratings)
    assert set(ratings.of_source("simulated").rows["source"]) == {"simulated"}


@pytest.mark.parametrize("source", ["simulated", "published"])
def test_findings_refuse_what_people_did_not_say(analysis, source):
    assert findings(analysis.systems) is analysis.systems
    one = analysis.systems.copy()
    with pytest.raises(ValueError, match=f"got {source}"):
        findings(one.assign(source=source))
    one.loc[one.index[-1], "source"] = source
    with pytest.raises(ValueError, match="one source"):
        findings(one)
    with pytest.raises(ValueError, match="source"):
        findings(one.drop(columns="source"))


def test_published_scores_have_no_interval_and_say_what_they_are():
    figures = [one for one in load_recipe("bsrgan-ultralight").published if one.metric == "mos"]
    made = published_table(("bsrgan-ultralight", one.where, one.value) for one in figures)
    assert set(made["source"]) == {"published"}
    assert made[["low", "high"]].isna().all().all()
    scores = made.set_index(["criterion", "category"])["mos"]
    assert scores["readability", "all"] == 4.6
    assert scores["not stated", "graphics"] == 4.3
    assert len(made) == 9


def test_tables_are_written_alike_each_time_and_old_ones_go(analysis, tmp_path):
    (tmp_path / "metrics.csv").write_text("left over", encoding="utf-8")
    first = {path.name: path.read_bytes() for path in write_tables(analysis, tmp_path)}
    second = {path.name: path.read_bytes() for path in write_tables(analysis, tmp_path)}
    assert first == second
    assert not (tmp_path / "metrics.csv").exists()
    assert {"raters.csv", "systems.csv", "comparisons.csv"} <= set(first)
    assert {name.removesuffix(".csv") for name in first} <= set(TABLES)


def test_training_and_checks_are_no_votes(table):
    ratings = parse_ratings(table.assign(role="training").to_csv(index=False))
    with pytest.raises(ValueError, match="expected ratings, got only training and checks"):
        analyse(ratings)


def test_one_content_has_one_category(table):
    odd = table.copy()
    odd.loc[odd.index[0], "category"] = "poems"
    with pytest.raises(ValueError, match="stands in"):
        collect_votes(parse_ratings(odd.to_csv(index=False)).rows, odd["arm"][0], "overall")


def test_a_study_of_one_arm_and_two_systems_is_analysed():
    head = "rater,trial,criterion,arm,stimulus,system_left,system_right,score,source"
    rows = [
        f"r{r},{c},overall,pair,c{c},a,b,{1 if (r + c) % 3 else -1},human" for r in range(4) for c in range(6)
    ]
    made = analyse(parse_ratings("\n".join([head, *rows])))
    assert made.systems.empty
    row = made.comparisons.iloc[0]
    assert (row["system"], row["baseline"]) == ("a", "b")
    assert row["effect"] == pytest.approx(-1 / 3)
    assert made.scale["strength"].tolist()[1] == pytest.approx(np.log(2))
    always = analyse(parse_ratings("\n".join([head, *(row.replace(",-1,", ",1,") for row in rows)])))
    assert set(always.refused["reason"]) == {"no finite scale: b won every comparison with the others"}


def test_the_command_says_who_was_left_out_and_names_what_was_rejected(table, tmp_path):
    path, into = tmp_path / "ratings.csv", tmp_path / "out"
    odd = table.astype({"score": object})
    odd.loc[4, "score"] = 9
    odd.to_csv(path, index=False)
    truth = plant(Simulation(8, 12, criteria=("overall",), seed=3))
    simulate_scores(truth).to_csv(tmp_path / "scores.csv", index=False)
    words = [str(path), "--into", str(into), "--scores", str(tmp_path / "scores.csv")]
    answer = CliRunner().invoke(command, words)
    assert answer.exit_code == 1
    assert "nothing here was said by people" in answer.output
    assert "left out of ccr: simulated-" in answer.output
    assert "rejected line 6: score 9 is outside the scale" in answer.output
    assert len(pd.read_csv(into / "rejected.csv")) == 1
    assert pd.read_csv(into / "metrics.csv")["metric"].unique().tolist() == ["invented metric"]


def test_the_command_says_so_where_nobody_has_voted(table, tmp_path):
    table.head(0).to_csv(tmp_path / "ratings.csv", index=False)
    answer = CliRunner().invoke(command, [str(tmp_path / "ratings.csv"), "--into", str(tmp_path / "out")])
    assert answer.exit_code == 1
    assert "there are no ratings in it" in answer.output
    assert not (tmp_path / "out").exists()


def test_a_thousand_raters_would_not_take_half_a_minute():
    """A tenth of a million votes in well under a tenth of the time, as work grows with the votes."""
    rng = np.random.default_rng(1)
    raters, items = np.divmod(np.arange(100_000), 1000)
    made = pd.DataFrame({"rater": raters, "trial": items, "stimulus": items // 10})
    made = made.assign(system_left="system-" + pd.Series(items % 10).astype(str), criterion="overall")
    made = made.assign(arm="acr", score=rng.integers(1, 6, len(made)), source="human")
    text = made.to_csv(index=False)
    start = time.process_time()
    analyse(parse_ratings(text))
    assert time.process_time() - start < 12


def test_the_notebook_shows_the_banner_and_writes_in_its_last_cell_alone():
    cells = json.loads((NOTEBOOKS / "06-mos-analysis.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert any("draw.SIMULATED" in source and "source != " in source for source in code)
    for source in code:
        ast.parse(source)
    writers = [source for source in code if "to_csv(tables" in source or "save_figure" in source]
    assert writers == [code[-1]]
    assert "metrics.json" not in "".join(code)
