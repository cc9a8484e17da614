"""The report in a real browser, opened from disk."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

import pellucid as pl
from pellucid import Finding
from pellucid.core.targets import TargetRecord
from pellucid.reporting import report
from plots.handmade import explanation, interactions, photos, players, positions, regions, segments, table, texts
from plots.trusted import trusted

EVIL = "<img src=x onerror=alert(1)>"
NEEDED = "this test opens the report in a real browser; install Chromium: apt install chromium (Debian, Ubuntu)"


@pytest.fixture(scope="module")
def browser():
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.fail(NEEDED)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=found[0], args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def explained():
    """Two photos, two methods, two targets (one with a hostile name); and a loss with its output gradient."""
    saliency = photos(
        size=56,
        classes=("cat", EVIL, "虎斑猫"),
        method="saliency",
        evidence=(Finding("vanishing-gradient", "the gradient has vanished.", (0,)),),
    )
    heat = positions(size=56, classes=saliency.classes, prediction=saliency.prediction)
    second = TargetRecord((EVIL, EVIL), np.ones((2, 1), dtype=int))
    other = dataclasses.replace(saliency, target=second, values=-2 * saliency.values)
    loss = dataclasses.replace(
        saliency,
        method="output-gradient",
        target=TargetRecord(("loss", "loss")),
        details={"output_gradient": np.array([[-0.5, 0.2, 0.3], [-0.4, 0.1, 0.3]])},
    )
    return [saliency, heat, other, loss]


@pytest.fixture(scope="module")
def file(explained, tmp_path_factory):
    return report(explained, tmp_path_factory.mktemp("report") / "report.html", names=[EVIL, "coffee"], title=EVIL)


@pytest.fixture
def opened(browser):
    """Opens a file in a fresh page; at the end nothing may have been fetched, logged, thrown or asked."""
    pages, wrong = [], []

    def open_page(path, **options):
        context = browser.new_context(viewport={"width": 1300, "height": 3000}, **options)
        page = context.new_page()
        address = path.as_uri()
        page.on("request", lambda request: request.url.startswith((address, "data:")) or wrong.append(request.url))
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
        page.goto(address)
        pages.append(context)
        return page

    yield open_page
    for context in pages:
        context.close()
    assert wrong == []


def pixels(page, selector="canvas[data-part]"):
    """RGBA of the first canvas that a selector finds."""
    script = """canvas => {
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      return [width, height, ...copy.getImageData(0, 0, width, height).data];
    }"""
    width, height, *data = page.eval_on_selector(selector, script)
    return np.array(data).reshape(height, width, 4)


def output(page, card, method):
    return page.locator(f"#sample-{card} .method:visible").nth(method).locator("output").inner_text()


def test_maps_lie_over_the_photo_on_a_scale_of_their_own(opened, file, explained):
    page = opened(file)
    drawn = pixels(page)
    values = np.abs(explained[0].values[0].sum(axis=0))
    limit = np.percentile(values, 99.5)
    assert drawn.shape == (56, 56, 4)
    np.testing.assert_allclose(drawn[..., 3], 255 * np.clip(values / limit, 0, 1) ** 0.75, atol=1.5)
    assert output(page, 1, 0) == f"full colour at {limit:.3g}"
    assert page.locator(".findings img").count() == 2
    photo = page.locator("#sample-1 .frame img").first
    assert photo.evaluate("i => i.complete && i.naturalWidth") == 56


def test_squares_are_summed(opened, file, explained):
    page = opened(file)
    page.select_option("#cells", "14")
    values = np.abs(explained[0].values[0].sum(axis=0)).reshape(14, 4, 14, 4).sum(axis=(1, 3))
    limit = np.percentile(values, 99.5)
    np.testing.assert_allclose(pixels(page)[..., 3], 255 * np.clip(values / limit, 0, 1) ** 0.75, atol=1.5)
    assert output(page, 1, 0) == f"full colour at {limit:.3g} per 4 × 4 px"


def test_the_sign_is_switched(opened, file, explained):
    page = opened(file)
    before = pixels(page)
    page.get_by_label("signed").check()
    after = pixels(page)
    values = explained[0].values[0].sum(axis=0)
    strong = np.abs(values) > np.percentile(np.abs(values), 80)
    assert (after[..., 0] > after[..., 2])[strong & (values > 0)].all()
    assert (after[..., 2] > after[..., 0])[strong & (values < 0)].all()
    assert not np.array_equal(before, after)
    assert output(page, 1, 0).startswith("full colour at ±")


def test_shares_put_all_methods_on_one_scale(opened, file, explained):
    page = opened(file)
    page.get_by_label("share of total").check()
    maps = [np.abs(explained[0].values[0].sum(axis=0)), explained[1].values[0]]
    shared = max(np.percentile(values / values.mean(), 99.5) for values in maps)
    for method in (0, 1):
        assert output(page, 1, method) == f"full colour at {shared:.3g} × an even spread"


def test_the_slider_fades_from_photo_to_map_and_obeys_the_keyboard(opened, file):
    page = opened(file)
    opacity = "selector => getComputedStyle(document.querySelector(selector)).opacity"
    slider = page.get_by_label("Photo")
    slider.fill("0")
    assert (page.evaluate(opacity, ".frame canvas"), page.evaluate(opacity, ".frame img")) == ("0", "1")
    slider.fill("100")
    assert (page.evaluate(opacity, ".frame canvas"), page.evaluate(opacity, ".frame img")) == ("1", "0")
    slider.press("Home")
    assert page.evaluate(opacity, ".frame canvas") == "0"


def test_a_target_is_picked_for_one_sample(opened, file):
    page = opened(file)
    labels = page.locator("#sample-1 .method:visible h3")
    assert labels.all_inner_texts() == ["saliency", "grad-cam"]
    page.locator("#sample-1 select").select_option(label=EVIL)
    assert labels.all_inner_texts() == ["saliency"]
    assert page.locator("#sample-1 .explained:visible").inner_text().startswith(EVIL)
    assert pixels(page, "#sample-1 .method:not([hidden]) canvas").any()
    assert page.locator("#sample-2 .method:visible h3").all_inner_texts() == ["saliency", "grad-cam"]
    page.locator("#sample-1 select").select_option(label="loss")
    assert "dL/df" in page.locator("#sample-1 .prediction:visible thead").inner_text()
    assert "-0.5" in page.locator("#sample-1 .prediction:visible").inner_text()


def test_markup_in_names_stays_text(opened, file):
    page = opened(file)
    assert page.title() == EVIL
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator("#sample-1 h2").inner_text() == EVIL
    assert page.locator("img[src=x]").count() == 0


def test_what_is_known_stands_with_each_method(opened, file):
    page = opened(file)
    first = page.locator("#sample-1 .method").first
    for known in ("the gradient has vanished.", "16 forward and 32 backward rows, 0.50 s for all 2 samples"):
        assert known in first.inner_text()
    assert page.locator("#sample-2 .method").first.locator(".caution").count() == 0
    first.locator("summary").click()
    said = first.locator("details").inner_text()
    for known in ("a note of the plan", "seed 0", "pl.explain(model, x, method="):
        assert known in said


def test_tables_are_bars(opened, tmp_path):
    e = table(samples=1, features=4, values=np.array([[4.0, -2.0, 1.0, 1.0]]), standard_errors=np.full((1, 4), 0.4))
    page = opened(
        report([e, table(samples=1, features=4, method="saliency")], tmp_path / "t.html", features=["年龄", "b", "c", "d"])
    )
    rows = page.locator(".method").first.locator(".bars tbody tr")
    assert rows.nth(0).locator("th").inner_text().startswith("年龄 = ")
    width = "rect => [rect.getAttribute('x'), rect.getAttribute('width'), rect.getAttribute('class')]"
    assert rows.locator("rect").nth(1).evaluate(width) == ["0%", "50%", "negative"]
    page.get_by_label("signed").check()
    assert rows.locator("rect").nth(1).evaluate(width) == ["25%", "25%", "negative"]
    assert rows.locator(".value").all_inner_texts() == ["4", "-2", "1", "1"]
    whisker = rows.nth(0).locator(".whisker")
    assert [float(whisker.get_attribute(end).rstrip("%")) for end in ("x1", "x2")] == [95, 100]
    page.get_by_label("share of total").check()
    assert rows.locator(".value").all_inner_texts() == ["50.0%", "-25.0%", "12.5%", "12.5%"]


def test_a_series_is_a_strip_with_its_line(opened, tmp_path):
    values = np.sin(np.linspace(0, 9, 80))[None, None]
    page = opened(report(explanation(values, output="values"), tmp_path / "s.html"))
    assert pixels(page).shape == (1, 80, 4)
    assert page.locator(".line polyline").count() == 1


def test_two_pictures_of_a_sample_each_under_their_own_map(opened, tmp_path):
    rng = np.random.default_rng(0)
    views = {"left": rng.normal(size=(1, 3, 20, 40)), "right": rng.normal(size=(1, 1, 30, 30))}
    page = opened(report(explanation(views), tmp_path / "two.html"))
    pictures = {img.get_attribute("data-leaf"): img.get_attribute("src") for img in page.locator(".picture").all()}
    assert pictures["left"] != pictures["right"]
    frames = page.locator(".frame").all()
    assert [frame.locator("img").get_attribute("src") for frame in frames] == [pictures["left"], pictures["right"]]
    sizes = [frame.bounding_box() for frame in frames]
    assert [round(size["width"] / size["height"], 2) for size in sizes] == [2, 1]
    assert page.locator(".leaf").all_inner_texts() == ["left", "right"]


def test_an_empty_map_is_said(opened, tmp_path):
    page = opened(report(photos(samples=1, values=np.zeros((1, 3, 24, 24))), tmp_path / "z.html"))
    assert output(page, 1, 0) == "every value is zero"
    assert not pixels(page)[..., 3].any()


def test_a_long_report_paints_what_is_seen_and_then_the_rest(opened, tmp_path):
    page = opened(report(photos(samples=30), tmp_path / "long.html"))
    assert pixels(page, "#sample-1 canvas").shape == (24, 24, 4)
    last = page.locator("#sample-30 canvas")
    expect(last).to_have_attribute("width", "24")
    assert not last.evaluate("c => c.getBoundingClientRect().top < innerHeight"), "painted though it was never in view"


def test_it_reads_without_scripts_and_in_the_dark(opened, file):
    page = opened(file, java_script_enabled=False, color_scheme="dark")
    body = page.locator("body").inner_text()
    assert "The ninth of the picture with the largest share of |values|" in body
    assert "switched off" in body


def test_a_script_that_is_not_the_reports_own_is_refused(browser, file):
    page = browser.new_page()
    page.goto(file.as_uri())
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.head.append(s) }"
    )
    assert page.evaluate("window.ran") is None
    page.close()


def test_words_stand_on_the_colour_of_their_value(opened, tmp_path):
    page = opened(report([texts("Not a good film."), texts("Not a good film.", method="lime")], tmp_path / "w.html"))
    text = page.locator(".text").first
    assert text.inner_text() == "Not a good film."
    words = text.locator("span")
    assert words.all_inner_texts() == ["Not", "a", "good", "film"]
    colour = "word => getComputedStyle(word).backgroundColor.match(/\\d+/g).map(Number)"
    shades = np.array([words.nth(at).evaluate(colour)[:3] for at in range(4)])
    assert (np.sign(shades[:, 0] - shades[:, 2]) == [1, -1, 1, -1]).all()
    assert shades[3].sum() < shades[1].sum() < 3 * 255
    assert words.nth(3).evaluate("word => getComputedStyle(word).color") == "rgb(255, 255, 255)"
    page.get_by_label("absolute").check()
    absolute = np.array([words.nth(at).evaluate(colour)[:3] for at in range(4)])
    assert (absolute[:, 0] >= absolute[:, 2] - 60).all()
    assert not np.array_equal(shades, absolute)


def test_hostile_words_features_and_words_on_removal_stay_text(opened, tmp_path):
    hostile = f'{EVIL} "onmouseover=alert(2) </p></script><script>alert(3)</script> <svg/onload=alert(4)>'
    named = pl.Features.from_arrays([f"{EVIL}{at}" for at in range(3)])
    records = [
        texts(hostile, removal=EVIL),
        players(1, 3, features=named),
        interactions(count=3, features=named),
        regions(features=dataclasses.replace(regions().features).rename([EVIL, "b", "c"])),
    ]
    page = opened(report(records, tmp_path / "h.html"))
    assert page.locator(".text").inner_text() == hostile
    assert page.locator("img[src=x], svg[onload], .text script, .text svg").count() == 0
    assert page.locator("script").count() == 2
    assert page.locator("dd", has_text=EVIL).count() == 1
    assert "<img src=x" in page.locator(".network").text_content()


def test_a_region_is_one_colour_and_its_value_stands_below(opened, tmp_path):
    e = regions()
    page = opened(report(dataclasses.replace(e, standard_errors=np.full((1, 3), 0.5)), tmp_path / "r.html"))
    drawn = pixels(page)
    labels = e.features.labels[0]
    assert drawn.shape == (12, 12, 4)
    assert all(len(np.unique(drawn[labels == region], axis=0)) == 1 for region in range(3))
    assert (drawn[labels == 1][0, 2] > drawn[labels == 1][0, 0]).all()
    assert output(page, 1, 0) == "full colour at ±4 for a region"
    rows = page.locator(".bars tbody tr")
    assert rows.nth(0).locator("th").inner_text() == "region 1, lower centre"
    assert (rows.nth(0).locator(".value").inner_text(), rows.nth(0).locator(".error").inner_text()) == ("-4", "± 0.5")
    assert page.locator(".borders path").count() == 1
    page.get_by_label("share of total").check()
    assert output(page, 1, 0) == f"full colour at {float(f'{4 / (7 / 3):.3g}'):g} × an even spread"
    assert rows.nth(0).locator(".value").inner_text() == "-57.1%"


def test_segments_and_pairs_are_drawn(opened, tmp_path):
    page = opened(report([segments(), interactions(count=4)], tmp_path / "s.html"))
    assert pixels(page).shape == (1, 20, 4)
    assert page.locator(".line polyline").count() == 2
    network = page.locator(".network")
    assert (network.locator("circle").count(), network.locator("line").count()) == (4, 6)
    box, circles = network.bounding_box(), network.locator("circle")
    for at in range(4):
        held = circles.nth(at).bounding_box()
        assert box["x"] <= held["x"]
        assert held["x"] + held["width"] <= box["x"] + box["width"]


def test_a_trust_card_stands_beside_its_map(opened, tmp_path):
    made = trusted(photos(2), stability=[0.6, 0.9], completeness=np.nan, notes={})
    page = opened(report([made.explanation, photos(2, method="saliency")], tmp_path / "t.html"))
    card = page.locator("#sample-1 .trust")
    assert card.count() == 1
    assert card.locator(".verdict").inner_text().replace("!", "").strip().startswith("Use with care. It changes noticeably")
    table = page.get_by_role("table", name="Trust card of integrated-gradients, cat").first
    assert table.locator("th[scope=row]").count() == 13
    row = table.locator("tr", has_text="stability")
    assert row.inner_text().split() == ["stability", "!", "caution", "0.6"]
    assert row.locator(".mark").get_attribute("aria-hidden") == "true"
    assert table.locator("tr", has_text="completeness").inner_text().split() == ["completeness", "?", "not", "checked"]
    beside = [page.locator(f"#sample-1 .method {part}").first.bounding_box() for part in (".frame", ".trust")]
    assert beside[0]["x"] == beside[1]["x"]
    assert page.locator("#sample-1 .method").nth(1).locator(".trust").count() == 0
    shapes = {
        grade: page.locator(f".mark.is-{grade}").first.evaluate(
            "m => [getComputedStyle(m).clipPath, getComputedStyle(m).borderRadius]"
        )
        for grade in ("pass", "caution", "unknown")
    }
    assert shapes["pass"] != shapes["caution"]
    assert "Stability" not in page.locator(".caution").all_inner_texts()


def test_the_needle_of_a_gate_stands_in_the_zone_of_its_grade(opened, tmp_path):
    made = trusted(photos(1), stability=0.6, depends_on_the_weights=0.95)
    page = opened(report(made.explanation, tmp_path / "n.html"))
    for name, grade in (("stability", "caution"), ("depends on the weights", "fail"), ("faithfulness", "pass")):
        gauge = page.locator(".gates tr", has_text=name).first.locator(".gauge")
        needle = float(gauge.locator("line").get_attribute("x1").rstrip("%"))
        zone = gauge.locator(f".is-{grade}")
        start, length = (float(zone.get_attribute(side).rstrip("%")) for side in ("x", "width"))
        assert start <= needle <= start + length
