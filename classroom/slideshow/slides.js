// Divides each part of the lesson into slides that hold as much as can be seen at once.
"use strict";
const HEIGHT = 720, NARROWEST = 20, WIDEST = 28, LINE = 1150;  // pixels; of letters in code; of a line

function blocks(section) {  // what cannot be divided: a paragraph, a table, code, one output
  const found = [];
  for (const cell of section.children) {
    const guess = cell.classList.contains("celltag_guess");
    const parts = cell.querySelectorAll(":scope .jp-MarkdownOutput > *, .jp-InputArea pre, .jp-OutputArea-child");
    for (const part of parts) {
      const block = document.createElement("div");
      block.className = guess ? "block stop" : part.matches(".jp-InputArea pre") ? "block jp-InputArea" : "block";
      block.append(part);
      found.push(block);
    }
  }
  return found;
}

function fit(pre) {  // letters as large as its longest line allows
  const longest = Math.max(...pre.textContent.split("\n").map(line => line.length));
  pre.style.fontSize = `${Math.max(NARROWEST, Math.min(WIDEST, LINE / longest / 0.602))}px`;
}

function divide(section, stack, title) {
  let slide = null;
  const open = () => {
    slide = stack.appendChild(document.createElement("section"));
    slide.style.cssText = "display: block; position: static; height: auto";  // to be measured
    if (title) slide.append(Object.assign(document.createElement("p"), {className: "where", textContent: title}));
  };
  const full = () => slide.offsetHeight > HEIGHT, heading = block => block && /^H\d$/.test(block.firstElementChild?.tagName);
  for (const block of blocks(section)) {
    if (!slide) open();
    if (/^H[12]$/.test(block.firstElementChild?.tagName)) {
      title = block.firstElementChild.cloneNode(true);
      title.querySelectorAll(".anchor-link").forEach(link => link.remove());
      title = title.textContent;
      slide.querySelector(":scope > .where")?.remove();
    }
    slide.append(block);
    const before = block.previousElementSibling;
    if (full() && before && !before.matches(".where")) {
      const carried = heading(before) ? [before, block] : [block];  // a heading is never the last
      if (carried[0].previousElementSibling) { open(); slide.append(...carried); }
    }
  }
  return title;
}

async function start() {
  await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
  document.querySelectorAll("pre").forEach(fit);
  document.querySelectorAll(".slides a:not([href^='http']):not([href^='#'])").forEach(link => link.removeAttribute("href"));
  for (const part of [...document.querySelectorAll(".slides > section")]) {
    const stack = document.createElement("section");
    let title = "";
    stack.style.display = "block";
    part.before(stack);
    for (const section of [...part.children]) title = divide(section, stack, title);
    part.remove();
    stack.style.cssText = "";
  }
  document.querySelectorAll(".slides section section").forEach(slide => { slide.style.cssText = ""; if (!slide.children.length) slide.remove(); });
  await Reveal.initialize({width: 1280, height: HEIGHT, margin: 0, center: false, hash: true, transition: "none",
    slideNumber: "c/t", scrollActivationWidth: null, minScale: 0.1});
  document.body.dataset.ready = "";
}
start();
