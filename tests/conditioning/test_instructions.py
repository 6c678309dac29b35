"""From findings, reports and regions to what a simulator is told about one scan."""

import numpy as np
import pytest

import sequela
from sequela.conditioning import Instructions, Wish, read_report
from sequela.core import GeometryMismatchError, InvalidInputError, Region, UnknownNameError
from tests.simulators.scans import drawn

NOTE = "Chest X-ray. New moderate left pleural effusion. Mild right lower lobe pneumonia."


@pytest.fixture(scope="module")
def chest():
    from importlib.resources import files

    return sequela.read(str(files("sequela") / "assets" / "examples" / "chest.png"))


def half(scan, side):
    array = np.zeros(scan.space, np.float32)
    middle = scan.space[1] // 2
    array[:, :middle] = side == "image left"
    array[:, middle:] = side == "image right"
    return Region(array=array, origin=side)


def test_one_finding_takes_the_region_where_it_usually_shows(chest):
    brief = Instructions(wishes=(Wish(name="pneumonia"),), protect="none").on(chest)
    assert brief.region.origin == "auto: lungs"
    assert brief.condition.findings[0].region is None
    assert brief.protected is None


def test_a_report_gives_each_finding_its_weight_and_its_side(chest):
    brief = Instructions(report=read_report(NOTE), protect="none").on(chest)
    effusion, pneumonia = brief.condition.findings
    assert (effusion.name, effusion.weight) == ("Effusion", 0.8)
    assert (pneumonia.name, pneumonia.weight) == ("Pneumonia", 0.6)
    middle = chest.space[1] // 2  # the patient's left is on the image's right
    left, right = effusion.region.array[:, :middle].sum(), effusion.region.array[:, middle:].sum()
    assert right > 5 * left
    assert pneumonia.region.array[:, :middle].sum() > pneumonia.region.array[:, middle:].sum()
    together = np.maximum(effusion.region.array, pneumonia.region.array)
    np.testing.assert_allclose(brief.region.array, together, atol=1e-4)


def test_what_the_baseline_report_has_is_not_asked_for_again(chest):
    baseline = read_report("Chest X-ray. Moderate left pleural effusion.")
    brief = Instructions(report=read_report(NOTE), baseline=baseline, protect="none").on(chest)
    assert [f.name for f in brief.condition.findings] == ["Pneumonia"]
    assert any("Not asked for again" in n and "Effusion" in n for n in brief.notices)
    assert brief.understood["baseline_report"]["findings"][0]["name"] == "Effusion"


def test_what_has_gone_is_steered_away_from(chest):
    baseline = read_report("Chest X-ray. Large right pleural effusion.")
    later = read_report("Chest X-ray. The effusion has resolved. New left pneumonia.")
    brief = Instructions(report=later, baseline=baseline, protect="none").on(chest)
    assert brief.condition.negative_prompt == "A chest X-ray image,Effusion"


def test_a_normal_report_heals(chest):
    brief = Instructions(report=read_report("Chest X-ray. Normal chest."), protect="none").on(chest)
    assert brief.condition.findings[0].text == "A chest X-ray image,No Finding"


def test_a_report_without_any_change_is_refused(chest):
    same = read_report("Chest X-ray. Left pleural effusion.")
    with pytest.raises(InvalidInputError, match="must tell of a change"):
        Instructions(report=same, baseline=same, protect="none").on(chest)


def test_a_drawn_region_of_a_finding_is_kept_and_the_others_are_searched_for(chest):
    wishes = (
        Wish(name="edema", region=half(chest, "image left")),
        Wish(name="pneumonia", weight=0.5),
    )
    brief = Instructions(wishes=wishes, protect="none").on(chest)
    assert brief.condition.findings[0].region.origin == "image left"
    assert brief.condition.findings[1].region.origin == "auto: lungs"


def test_a_drawn_region_wins_over_the_report_s_sides(chest):
    drawn_region = half(chest, "image right")
    brief = Instructions(report=read_report(NOTE), region=drawn_region, protect="none").on(chest)
    assert brief.region.origin == "image right"
    assert all(finding.region is None for finding in brief.condition.findings)


def test_a_box_cuts_what_is_found(chest):
    height, width = chest.space
    brief = Instructions(
        wishes=(Wish(name="pneumonia"),), boxes=((0, 0, width / 2, height),), protect="none"
    ).on(chest)
    assert brief.region.array[:, width // 2 + 1 :].max() == 0
    assert brief.region.array.max() == 1


def test_a_box_outside_the_image_is_refused_before_anything_is_searched(chest):
    asked = Instructions(wishes=(Wish(name="pneumonia"),), boxes=((0, 0, 9999, 20),))
    with pytest.raises(InvalidInputError, match="`box` must lie on"):
        asked.without_finders().on(chest)


def test_a_region_of_another_patient_s_size_is_refused(chest):
    other = Region(array=np.ones((30, 90), np.float32), origin="other.png")
    with pytest.raises(GeometryMismatchError, match="never stretched"):
        Instructions(wishes=(Wish(name="edema"),), region=other).on(chest)


def test_a_report_about_another_domain_is_refused():
    report = read_report("Fundus photograph. Moderate non-proliferative diabetic retinopathy.")
    with pytest.raises(InvalidInputError, match="fundus photographs"):
        Instructions(domain="chest", report=report)


def test_a_misspelt_finding_and_an_unknown_provider_are_refused_at_once():
    with pytest.raises(UnknownNameError, match="Did you mean 'Pneumonia'"):
        Instructions(wishes=(Wish(name="pnuemonia"),))
    with pytest.raises(UnknownNameError, match="region"):
        Instructions(wishes=(Wish(name="edema"),), region="sammy")


def test_nothing_asked_is_refused():
    with pytest.raises(InvalidInputError, match="nothing was asked"):
        Instructions()


def test_the_brief_leaves_its_words_in_the_record(chest, tiny_grey_sd_folder):
    simulator = sequela.load(model=str(tiny_grey_sd_folder), device="cpu", num_steps=1)
    brief = sequela.brief(chest, report=read_report(NOTE))
    made = simulator.simulate(
        chest, condition=brief.condition, region=brief.region, protect=brief.protected
    )
    record = brief.explain(made).record
    assert record.request["told"]["report"]["short"] == "A chest X-ray image,Effusion,Pneumonia"
    assert set(brief.notices) <= set(record.notices)


def test_a_prompt_alone_takes_the_whole_organ(chest):
    brief = Instructions(prompt="A chest X-ray image,Edema", protect="none").on(chest)
    assert brief.region.origin == "auto: lungs"
    assert brief.condition.findings[0].name == "prompt"


def test_no_region_means_everywhere():
    brief = Instructions(wishes=(Wish(name="edema"),), region="none", protect="none").on(drawn())
    assert brief.region is None
