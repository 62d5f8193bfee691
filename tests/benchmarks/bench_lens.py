"""What the attention lens weighs and how fast it scrubs, for the maps of a ViT-B/16."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["attention_lens", "vit_b16_trace", "widget_page"]

#: A widget without a kernel: the traits as they crossed the wire, and what a front end asks of a model.
_PAGE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 }\n%(css)s</style><div id="root"></div>
<script type="module">
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const traits = %(traits)s;
for (const [name, text] of Object.entries(%(buffers)s)) traits[name] = bytes(text);
const model = { get: (name) => traits[name], set: (name, value) => (traits[name] = value), save_changes() {}, on() {},
  off() {}, send() {} };
const module = await import(URL.createObjectURL(new Blob([%(esm)s], { type: "text/javascript" })));
module.default.render({ model, el: document.querySelector("#root") });
</script>"""
#: Milliseconds of work in each frame: the widget's callback was asked for first, so it has run by then.
_SCRUB = """async ([label, steps]) => {
  const slider = document.querySelector(`input[aria-label=${label}]`);
  const frame = () => new Promise((done) => requestAnimationFrame((start) => done([start, performance.now() - start])));
  await frame();
  const times = [];
  for (let step = 0; step < steps; step++) {
    slider.value = String(step % (Number(slider.max) + 1));
    slider.dispatchEvent(new Event("input"));
    times.push(await frame());
  }
  return times;
}"""


def attention_lens(_work: Path) -> list[tuple[str, str, str]]:
    """Bytes of the lens for a ViT-B/16 and the time of a frame while scrubbing, in Chromium."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
    from install_chromium import HOW, find_chromium
    from playwright.sync_api import sync_playwright

    from widgets import AttentionLens

    program = find_chromium()
    if program is None:
        raise RuntimeError(HOW)
    lens = AttentionLens(vit_b16_trace())
    sent = len(lens._maps) + len(lens._picture) + len(json.dumps(lens._view))
    rows = [
        ("ViT-B/16, 12 x 12 heads x 197 x 197: bytes to the browser", f"{sent / 1e6:.2f} MB", "aim 4 MB"),
        ("the same weights as float32", f"{lens.trace.bytes / 1e6:.1f} MB", ""),
        *_bertviz(lens.trace, sent),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        page = browser.new_page(viewport={"width": 1100, "height": 1000})
        page.set_content(widget_page(lens))
        page.wait_for_selector(".al[data-site]")
        for label in ("layer", "head"):
            times = np.array(page.evaluate(_SCRUB, [label, 120]))
            work, apart = times[:, 1], np.diff(times[:, 0])
            rows += [
                (f"work of a frame, scrubbing the {label}: median", f"{np.median(work):.1f} ms", "aim 16 ms"),
                (
                    f"work of a frame, scrubbing the {label}: 95 of 100",
                    f"{np.quantile(work, 0.95):.1f} ms",
                    "",
                ),
                (f"from frame to frame, scrubbing the {label}: median", f"{np.median(apart):.1f} ms", ""),
            ]
        browser.close()
    return rows


def _bertviz(trace: Any, sent: int) -> list[tuple[str, str, str]]:
    """What BertViz puts into the notebook for the very same weights.

    It is no dependency: it wants the client of a cloud, which would hold back a library of ours.
    """
    import torch

    try:
        from bertviz import head_view, model_view
    except ImportError:
        return [("BertViz's views of the same", "not installed", "pip install --no-deps bertviz")]
    values = [torch.from_numpy(trace.attention(site).values.astype(np.float32))[None] for site in trace.sites]
    tokens = [f"p{place}" for place in range(values[0].shape[-1])]
    rows = []
    for name, view in (("model view", model_view), ("head view", head_view)):
        size = len(view(values, tokens, html_action="return").data.encode())
        rows.append((f"BertViz's {name} of the same", f"{size / 1e6:.0f} MB", f"{size / sent:.0f} x ours"))
    return rows


def vit_b16_trace(*, layers: int = 12, heads: int = 12, sharpness: float = 2.0) -> Any:
    """A trace as large as that of a ViT-B/16: softmax of random scores, some heads sharp and some flat."""
    from workbench.capture import AttentionMap, Site, TokenLayout, Trace

    random = np.random.default_rng(0)
    layout = TokenLayout("image", 197, (14, 14), 1, pooling="token", pooled=0)
    maps = {}
    for layer in range(layers):
        spread = random.uniform(0, sharpness, (heads, 1, 1)).astype(np.float32)
        scores = np.exp(spread * random.standard_normal((heads, 197, 197), dtype=np.float32))
        site = Site(f"image.{layer}", f"blocks.{layer}.attn", "self", layer, heads, layout, layout)
        maps[site.name] = AttentionMap(site, scores / scores.sum(axis=2, keepdims=True))
    picture = random.integers(0, 255, (224, 224, 3), dtype=np.uint8)
    return Trace(maps, picture=picture)


def widget_page(widget: Any) -> str:
    """A page that shows a widget as it stands, without a kernel."""
    import base64

    state = {
        name: getattr(widget, name) for name in widget.traits(sync=True) if not name.startswith("_model")
    }
    own = {
        name: value for name, value in state.items() if name not in ("layout", "tabbable", "tooltip", "comm")
    }
    buffers = {
        name: base64.b64encode(value).decode() for name, value in own.items() if isinstance(value, bytes)
    }
    traits = {
        name: value for name, value in own.items() if name not in buffers and name not in ("_esm", "_css")
    }
    return _PAGE % {
        "css": str(widget._css),
        "traits": json.dumps(traits, default=str),
        "buffers": json.dumps(buffers),
        "esm": json.dumps(str(widget._esm)).replace("</", "<\\/"),
    }
