// The sections that hold every word asked for, those with it in their heading first
const box = document.querySelector("input[type=search]");
const list = document.getElementById("found");

function search() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = [];
  for (const [address, title, heading, text] of SECTIONS) {
    const head = `${title} ${heading}`.toLowerCase(), body = text.toLowerCase();
    if (words.length && words.every(word => head.includes(word) || body.includes(word))) {
      const first = Math.max(0, Math.min(...words.map(word => (body + word).indexOf(word))) - 60);
      const rank = words.filter(word => heading.toLowerCase().includes(word)).length;
      hits.push([rank, address, title === heading ? title : `${title}: ${heading}`,
                 text.slice(first, first + 160)]);
    }
  }
  hits.sort((a, b) => b[0] - a[0]);
  list.replaceChildren(...hits.slice(0, 20).map(([, address, name, excerpt]) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = address;
    link.textContent = name;
    item.append(link, document.createElement("br"), excerpt);
    return item;
  }));
  if (words.length && !hits.length) {
    const item = document.createElement("li");
    item.textContent = `Nothing holds all of these words: ${words.join(", ")}`;
    list.append(item);
  }
}

box.value = new URLSearchParams(location.search).get("q") || "";
box.addEventListener("input", search);
box.form.addEventListener("submit", event => event.preventDefault());
search();
