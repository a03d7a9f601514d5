"use strict";
// Samples are shown with textContent alone: nothing in them can become markup.
const samples = JSON.parse(document.getElementById("samples").textContent);
const [search, genre, before, after, place, list] =
  ["search", "genre", "before", "after", "place", "list"].map((id) => document.getElementById(id));
const PAGE = 5;
let found = samples, first = 0;

const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) marked(element, text);
  return element;
};

// Writes text, with what is searched for marked.
const marked = (element, text) => {
  const wanted = search.value.trim();
  const parts = wanted ? text.split(wanted) : [text];
  parts.forEach((part, index) => {
    if (index) element.appendChild(document.createElement("mark")).textContent = wanted;
    element.append(part);
  });
};

const card = (sample) => {
  const article = make("article", "sample");
  article.append(make("div", "facts", sample.facts));
  const synopsis = make("div", "synopsis", sample.synopsis);
  synopsis.lang = "ja";
  synopsis.tabIndex = 0;
  const titles = make("dl", "titles");
  titles.lang = "ja";
  for (const [label, className, text] of sample.titles) {
    const term = titles.appendChild(make("dt", "", label));
    term.lang = "en";
    titles.append(make("dd", className, text || "—"));
  }
  article.append(synopsis, titles);
  return article;
};

const show = () => {
  list.replaceChildren(...found.slice(first, first + PAGE).map(card));
  place.textContent = found.length
    ? `${first + 1}–${Math.min(first + PAGE, found.length)} of ${found.length}`
    : "nothing found";
  before.disabled = first === 0;
  after.disabled = first + PAGE >= found.length;
};

const filter = () => {
  const wanted = search.value.trim();
  found = samples.filter((sample) =>
    (!genre.value || sample.genre === genre.value) &&
    (!wanted || sample.synopsis.includes(wanted) || sample.titles.some((title) => title[2].includes(wanted))));
  first = 0;
  show();
};

const turn = (by) => {
  first = Math.max(0, Math.min(first + by, found.length - 1));
  show();
  document.getElementById("titles").scrollIntoView();
};

for (const name of [...new Set(samples.map((sample) => sample.genre))].filter(Boolean).sort()) {
  genre.append(new Option(name, name));
}
search.addEventListener("input", filter);
genre.addEventListener("change", filter);
before.addEventListener("click", () => turn(-PAGE));
after.addEventListener("click", () => turn(PAGE));
show();
