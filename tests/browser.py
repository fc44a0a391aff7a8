"""What the tests in a real browser share: how it starts, and what they measure on a page."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
QUIET += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a webcam
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")

# Pictures, and text that cannot be scrolled inside its own box, that stand out to the right
TOO_WIDE = """root => {
  const scrolls = e => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX)
                             || (e !== root && scrolls(e.parentElement)));
  const edge = root.getBoundingClientRect().right + 1;
  return [...root.querySelectorAll("h1,h2,h3,p,li,td,th,pre,img,summary,a,div")]
    .filter(e => e.getBoundingClientRect().right > edge && !scrolls(e.parentElement))
    .map(e => e.tagName + ": " + (e.alt || e.textContent).slice(0, 40));
}"""

# Text below the contrast that WCAG 2 asks for at level AA: 4.5, for large text 3
LOW_CONTRAST = """root => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  const rgba = css => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = css; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const known = new Map([[null, rgba("Canvas")]]);
  const behind = e => {
    const color = known.get(e)
      || over(rgba(getComputedStyle(e).backgroundColor), behind(e.parentElement));
    known.set(e, color);
    return color;
  };
  const light = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const low = new Map(), words = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement, style = getComputedStyle(e);
    if (!words.currentNode.data.trim() || !e.checkVisibility({visibilityProperty: true})) continue;
    const below = behind(e), pair = [light(over(rgba(style.color), below)), light(below)];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
    const wanted = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const text = words.currentNode.data.trim();
    if (ratio < wanted) low.set(`${style.color} ${ratio.toFixed(2)}`, text);
  }
  return Object.fromEntries(low);
}"""
