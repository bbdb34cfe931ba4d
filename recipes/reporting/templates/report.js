// What moves in the report: the theme, sorting, filters, the choice of a run, and the browser of answers.
"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value; else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  // Theme: as the system says until the button is pressed.
  const theme = document.getElementById("theme");
  let isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const showTheme = () => {
    theme.textContent = isDark ? "Light" : "Dark";
    theme.setAttribute("aria-label", isDark ? "Use light colours" : "Use dark colours");
  };
  showTheme();
  theme.addEventListener("click", () => {
    isDark = !isDark;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    showTheme();
  });

  // Sorting: numbers from the best down, names from A; what is missing comes last either way.
  const value = (row, column) => row.cells[column].dataset.v;
  function sort(table, column, order) {
    const sign = order === "ascending" ? 1 : -1;
    const rows = Array.from(table.tBodies[0].rows);
    const isText = column === 0;
    rows.sort((one, other) => {
      const [a, b] = [value(one, column), value(other, column)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (isText ? a.localeCompare(b) : Number(a) - Number(b));
    });
    table.tBodies[0].append(...rows);
  }
  for (const table of all("table.sortable")) {
    // Of two rows of headings the first has the columns that come before the others.
    const buttons = all("button.sort", table);
    buttons.forEach((button, column) => button.addEventListener("click", () => {
      const heading = button.closest("th");
      const before = heading.getAttribute("aria-sort");
      const order = before ? (before === "ascending" ? "descending" : "ascending") : column ? "descending" : "ascending";
      all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      sort(table, column, order);
    }));
  }

  // Filters of models, for all tables at once.
  const filter = document.getElementById("model-filter");
  const sizes = all("button.size");
  let size = "";
  function filterModels() {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of all("tr[data-label]")) {
      const fits = row.dataset.label.toLowerCase().includes(wanted) && (!size || row.dataset.size === size);
      row.hidden = !fits;
    }
    const rows = all("#overview-table tr[data-label]");
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById("model-count").textContent = `${shown} of ${rows.length} models`;
  }
  filter.addEventListener("input", filterModels);
  for (const button of sizes) {
    button.addEventListener("click", () => {
      size = button.dataset.size;
      sizes.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      filterModels();
    });
  }
  filterModels();
  const further = document.getElementById("all-metrics");
  function showMetrics() {
    document.getElementById("overview-table").classList.toggle("primary-only", !further.checked);
    all("#overview-table th.group").forEach((cell) => { cell.colSpan = further.checked ? cell.dataset.all : 1; });
  }
  further.addEventListener("change", showMetrics);
  showMetrics();

  for (const choice of all("select.detail-run")) {
    const details = all(".detail", choice.closest("section"));
    const show = () => details.forEach((detail, index) => { detail.hidden = index !== Number(choice.value); });
    choice.addEventListener("change", show);
    show();
  }

  // The browser of answers, and the comparison of two runs.
  const PAGE = 10;
  const fixed = (number, digits = 2) => number === null || number === undefined ? "undefined" : number.toFixed(digits);
  const KINDS = [
    ["all", "all", () => true],
    ["wrong", "wrong", (index, run) => !run.right[index]],
    ["right", "right", (index, run) => run.right[index]],
  ];
  const PAIRED = [
    ["differ", "the two differ", (index, run, other) => run.answers[index] !== other.answers[index]],
    ["lost", "first right, second wrong", (index, run, other) => run.right[index] && !other.right[index]],
    ["won", "first wrong, second right", (index, run, other) => !run.right[index] && other.right[index]],
    ["both", "both wrong", (index, run, other) => !run.right[index] && !other.right[index]],
  ];

  // A sentence with entities: right, wrong, or missing from an answer.
  function entities(text, spans, golds) {
    const letters = Array.from(text);
    const same = (one) => (two) => one.every((item, place) => item === two[place]);
    const marked = spans.map((span) => [...span, golds.some(same(span)) ? "right" : "wrong"]);
    for (const gold of golds) if (!spans.some(([start, end]) => start < gold[1] && gold[0] < end)) marked.push([...gold, "missing"]);
    marked.sort((one, two) => one[0] - two[0]);
    const root = make("div", { className: "drawn" });
    let before = 0;
    for (const [start, end, kind, judgement] of marked) {
      if (start < before || end > letters.length) continue;
      root.append(letters.slice(before, start).join(""));
      const title = { right: "as in the reference", wrong: "not in the reference", missing: "missing" }[judgement];
      root.append(make("mark", { className: judgement, title }, letters.slice(start, end).join(""), make("small", { textContent: kind })));
      before = end;
    }
    root.append(letters.slice(before).join(""));
    return root;
  }

  // A passage in which the reference and the answers of runs are marked where they first occur.
  function found(passage, golds, answers) {
    const marks = [];
    for (const [texts, kind] of [[golds, "gold"], [answers, "given"]]) {
      for (const text of texts) {
        const start = text ? passage.indexOf(text) : -1;
        if (start >= 0) marks.push([start, start + text.length, kind]);
      }
    }
    const ends = [...new Set([0, passage.length, ...marks.flatMap(([start, end]) => [start, end])])].sort((one, two) => one - two);
    return ends.slice(1).map((end, place) => {
      const start = ends[place];
      const kinds = [...new Set(marks.filter((mark) => mark[0] <= start && end <= mark[1]).map((mark) => mark[2]))];
      const text = passage.slice(start, end);
      return kinds.length ? make("mark", { className: kinds.join(" "), textContent: text }) : text;
    });
  }

  // What an answer lacks of a state, and what it has too much.
  function changes(text) {
    return text.split("\n").map((line) => make(line.startsWith("−") ? "del" : "ins", { textContent: `${line}\n` }));
  }

  // A sentence with the arcs of the reference above it, and below it the arcs of an answer that are wrong.
  const SVG = "http://www.w3.org/2000/svg";
  function tree(text, gold, answer) {
    const draw = (name, attributes, content) => {
      const element = document.createElementNS(SVG, name);
      for (const [key, val] of Object.entries(attributes)) element.setAttribute(key, val);
      if (content !== undefined) element.textContent = content;
      return element;
    };
    const words = text.split(" ").slice(0, gold.head.length);
    const wide = (word) => Array.from(word).reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x1100 ? 15 : 8.5), 0);
    const centres = [];
    let right = 10;
    words.forEach((word, place) => {
      const width = Math.max(wide(word), 7 * Math.max(gold.deprel[place].length, answer.deprel[place].length)) + 18;
      centres.push(right + width / 2);
      right += width;
    });
    const wrong = words.map((_, place) => gold.head[place] !== answer.head[place] || gold.deprel[place] !== answer.deprel[place]);
    const rise = (head, place) => head > 0 && head <= words.length ? 18 + 11 * Math.abs(head - 1 - place) : 30;
    const top = Math.max(...gold.head.map(rise)) + 14;
    const bottom = Math.max(0, ...answer.head.map((head, place) => wrong[place] ? rise(head, place) + 18 : 0));
    const svg = draw("svg", { class: "tree", width: right + 10, height: top + 26 + bottom, role: "img" });
    svg.append(draw("title", {}, "Arcs of the reference above, wrong arcs of the answer below"));
    const arc = (head, place, relation, sign, kind) => {
      const base = sign < 0 ? top : top + 24;
      const from = head > 0 && head <= words.length ? centres[head - 1] : centres[place];
      const peak = base + sign * rise(head, place);
      svg.append(draw("path", { class: kind, d: `M${from} ${head > 0 ? base : peak}Q${from} ${peak} ${(from + centres[place]) / 2} ${peak}T${centres[place]} ${base}` }));
      svg.append(draw("text", { class: kind, x: (from + centres[place]) / 2, y: peak + (sign < 0 ? -2 : 11) }, relation));
    };
    words.forEach((word, place) => {
      arc(gold.head[place], place, gold.deprel[place], -1, wrong[place] ? "gold" : "plain");
      if (wrong[place]) arc(answer.head[place], place, answer.deprel[place], 1, "wrong");
      svg.append(draw("text", { class: "word", x: centres[place], y: top + 17 }, word));
    });
    return make("div", { className: "scroll drawn" }, svg);
  }

  function select(label, options) {
    const list = make("select", {}, ...options.map(([value, text]) => make("option", { value, textContent: text })));
    return [list, make("label", {}, label, list)];
  }

  function browse(root) {
    const data = JSON.parse(document.getElementById(`answers-${root.dataset.id}`).textContent);
    const runs = data.runs.map((run, index) => ({ run, index })).filter((entry) => entry.run);
    const names = runs.map(({ run, index }) => [String(index), run.label]);
    const [first, firstLabel] = select("Run (first)", names);
    const [second, secondLabel] = select("Compare with (second)", [["", "none"], ...names]);
    const [kind, kindLabel] = select("Answers", []);
    const golds = Array.from(new Set(data.golds)).sort();
    const [gold, goldLabel] = select("Reference", [["", "any"], ...golds.map((text) => [text, text])]);
    const search = make("input", { type: "search", autocomplete: "off", placeholder: "text, answer or id" });
    const compared = make("div", { className: "compared" });
    const list = make("div", { className: "answers" });
    const status = make("span", { role: "status" });
    status.setAttribute("role", "status");
    const back = make("button", { type: "button", textContent: "← Back" });
    const next = make("button", { type: "button", textContent: "Next →" });
    let page = 0;

    const chosen = (list) => list.value === "" ? null : data.runs[Number(list.value)];

    function offerKinds() {
      const kinds = chosen(second) ? [...KINDS, ...PAIRED] : KINDS;
      const before = kind.value || "wrong";
      kind.replaceChildren(...kinds.map(([value, text]) => make("option", { value, textContent: text })));
      kind.value = kinds.some(([value]) => value === before) ? before : "wrong";
    }

    function matching() {
      const [run, other] = [chosen(first), chosen(second)];
      const fits = [...KINDS, ...PAIRED].find(([value]) => value === kind.value)[2];
      const wanted = search.value.trim().toLowerCase();
      const found = [];
      for (let index = 0; index < data.ids.length; index += 1) {
        if (!fits(index, run, other) || (gold.value && data.golds[index] !== gold.value)) continue;
        const texts = [data.ids[index], data.texts[index], data.golds[index], run.answers[index], other ? other.answers[index] : ""];
        if (!wanted || texts.some((text) => text.toLowerCase().includes(wanted))) found.push(index);
      }
      return found;
    }

    function answer(run, index) {
      const score = run.scores[index] === null ? "" : ` (${run.scores[index]})`;
      const mark = run.right[index] ? "✓ " : "✗ ";
      const definition = make("dd", { className: run.right[index] ? "yes" : "no" }, mark);
      if (data.task === "wos" && !run.right[index]) definition.append(...changes(run.answers[index]), score);
      else definition.append(run.answers[index] + score);
      const drawn = run.drawn[index];
      if (drawn && data.task === "ner") definition.append(entities(data.texts[index], drawn, data.drawn[index]));
      if (drawn && data.task === "dp") definition.append(tree(data.texts[index], data.drawn[index], drawn));
      return [make("dt", { textContent: run.label }), definition];
    }

    // The text of an example; in it the entities of the reference, of a relation, or the answers in a passage.
    function textOf(index, shown) {
      const text = data.texts[index];
      const root = make("p", { className: "text" });
      if (data.task === "ner" && data.drawn[index]) root.append(...entities(text, data.drawn[index], data.drawn[index]).childNodes);
      else if (data.task === "re") {
        for (const part of text.split(/(⟦[^⟧]*⟧|⟨[^⟩]*⟩)/u)) {
          const kind = part.startsWith("⟦") ? "subject" : part.startsWith("⟨") ? "object" : "";
          root.append(kind ? make("mark", { className: kind, textContent: part }) : part);
        }
      } else if (data.task === "mrc") {
        const [question, ...passage] = text.split("\n");
        root.append(make("strong", { textContent: question }), "\n");
        root.append(...found(passage.join("\n"), data.golds[index].split(" / "), shown.map((run) => run.answers[index])));
      } else root.append(text);
      return root;
    }

    function show() {
      const found = matching();
      const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
      page = Math.min(page, last);
      const [run, other] = [chosen(first), chosen(second)];
      list.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map((index) => make(
        "article", { className: "answer", lang: "ko" },
        make("div", { className: "id", textContent: data.ids[index] }),
        textOf(index, other ? [run, other] : [run]),
        make("dl", {},
          make("dt", { textContent: "reference", lang: "en" }), make("dd", { textContent: data.golds[index] }),
          ...answer(run, index), ...(other ? answer(other, index) : [])),
      )));
      const cut = data.ids.length < data.total
        ? ` (the page holds ${data.ids.length} of ${data.total} examples, those that some run got wrong first)` : "";
      const where = found.length ? `page ${page + 1} of ${last + 1}, ` : "";
      status.textContent = `${where}${found.length} of ${data.ids.length} examples${cut}`;
      back.disabled = page === 0;
      next.disabled = page >= last;
    }

    function compare() {
      compared.replaceChildren();
      const [one, two] = [Number(first.value), second.value === "" ? null : Number(second.value)];
      if (two === null) return;
      if (one === two) {
        compared.append(make("p", { className: "note", textContent: "These are the same run." }));
        return;
      }
      const groups = [data.groups[one], data.groups[two]];
      if (groups[0] === groups[1]) {
        compared.append(make("p", { className: "note", textContent: "These are two seeds of one model, so their difference is not tested." }));
        return;
      }
      const pair = data.pairs.find((pair) => pair.first === Math.min(...groups) && pair.second === Math.max(...groups));
      if (!pair) {
        compared.append(make("p", { className: "warning", textContent: "These runs cannot be compared; see the omissions above." }));
        return;
      }
      const isTurned = groups[0] > groups[1];
      const isSingle = pair.test === "single runs";
      const rows = Object.entries(pair.scores).map(([key, score]) => {
        const sides = isTurned ? [score.second, score.first] : [score.first, score.second];
        const sign = isTurned && score.difference !== null ? -1 : 1;
        const ends = isTurned ? [score.high, score.low] : [score.low, score.high];
        const turned = [score.difference, ...ends].map((number) => number === null ? null : sign * number);
        const isSure = !isSingle && score.p_holm !== null && score.p_holm < 0.05;
        return make("tr", {}, make("th", { scope: "row", className: "first", textContent: data.metrics[key] }),
          ...sides.map((number) => make("td", { textContent: fixed(number) })),
          make("td", { className: isSure ? "sure" : "" }, fixed(turned[0]),
            make("small", { textContent: `[${fixed(turned[1])}, ${fixed(turned[2])}]` })),
          make("td", { textContent: fixed(score.p_value, 4) }),
          make("td", { className: isSure ? "sure" : "", textContent: fixed(score.p_holm, 4) }));
      });
      const seeds = isTurned ? [...pair.seeds].reverse() : pair.seeds;
      const sides = ["first", "second"].map((place, side) => make("th", { scope: "col", className: "side" },
        data.labels[groups[side]],
        make("small", { textContent: seeds[side] > 1 ? `${place}, mean of ${seeds[side]} seeds` : place })));
      const [metricHead, ...testHeads] = ["metric", "difference", "p", "p (Holm)"].map((text, index) =>
        make("th", { scope: "col", className: index ? "" : "first", textContent: text }));
      const head = make("tr", {}, metricHead, ...sides, ...testHeads);
      const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
      const [left, right] = [chosen(first), chosen(second)];
      const count = (fits) => data.ids.filter((_, index) => fits(index)).length;
      const only = [count((i) => left.right[i] && !right.right[i]), count((i) => !left.right[i] && right.right[i])];
      const scroll = make("div", { className: "scroll", tabIndex: 0 }, table);
      scroll.setAttribute("role", "region");
      scroll.setAttribute("aria-label", `Comparison of ${groups.map((group) => data.labels[group]).join(" and ")}`);
      const what = isSingle
        ? "This test of single runs does not cover other seeds, so no difference is marked. "
        : `Means over ${seeds[0]} and ${seeds[1]} seeds; test over seeds and examples together. `;
      const units = pair.clusters ? ` in ${pair.clusters} clusters` : "";
      compared.append(scroll, make("p", {
        className: "note",
        textContent: `${what}First minus second, with its 95 % interval; bootstrap test on ${pair.examples} examples${units}. `
          + `p is two-sided; p (Holm) is corrected for the ${pair.tests} tests of this task. Of the examples in this page `
          + `${only[0]} are right in the first run alone, ${only[1]} in the second alone.`,
      }));
      if (data.slices.length > 1) compared.append(bySlice(left, right));
    }

    // Where two runs differ: answers that are right in one of them alone, by slice.
    function bySlice(left, right) {
      const rows = data.slices.map(([name, places]) => {
        const alone = [places.filter((i) => left.right[i] && !right.right[i]).length, places.filter((i) => !left.right[i] && right.right[i]).length];
        return { name, number: places.length, alone, p: signTest(...alone) };
      });
      const order = rows.map((row) => row.p).sort((one, two) => one - two);
      for (const row of rows) { // Holm: the k-th smallest of n is multiplied by n - k + 1, and none is below an earlier one
        row.holm = Math.min(1, Math.max(...order.filter((p) => p <= row.p).map((p, place) => p * (order.length - place))));
      }
      const head = ["slice", "examples", "first alone", "second alone", "p (Holm)"].map((text, index) => make("th", { scope: "col", className: index ? "" : "first", textContent: text }));
      const body = rows.map((row) => make("tr", {}, make("th", { scope: "row", className: "first", textContent: row.name }),
        ...[row.number, ...row.alone].map((number) => make("td", { textContent: String(number) })),
        make("td", { className: row.holm < 0.05 ? "sure" : "", textContent: fixed(row.holm, 4) })));
      const table = make("table", { className: "slices" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
      const note = make("p", { className: "note", textContent: "Examples in this page that only one of the two runs answers correctly, with a sign test of single runs." });
      return make("div", { className: "scroll", tabIndex: 0 }, table, note);
    }

    // Two-sided: how likely is a split at least as uneven if both sides are equally likely?
    function signTest(one, two) {
      const number = one + two;
      let term = number * Math.log(0.5), sum = 0; // as a logarithm: the first terms may be too small for a number
      for (let count = 0; count <= Math.min(one, two); count += 1) {
        sum += Math.exp(term);
        term += Math.log((number - count) / (count + 1));
      }
      return Math.min(1, 2 * sum);
    }

    const searchLabel = make("label", {}, "Search", search);
    firstLabel.className = secondLabel.className = "run";
    const picks = make("div", { className: "picks" }, firstLabel, secondLabel, kindLabel, ...(data.has_classes ? [goldLabel] : []), searchLabel);
    const pager = make("div", { className: "pager" }, back, next, status);
    root.append(picks, compared, pager, list);
    const restart = () => { page = 0; show(); };
    first.addEventListener("change", () => { compare(); restart(); });
    second.addEventListener("change", () => { offerKinds(); compare(); restart(); });
    kind.addEventListener("change", restart);
    gold.addEventListener("change", restart);
    search.addEventListener("input", restart);
    back.addEventListener("click", () => { page -= 1; show(); });
    next.addEventListener("click", () => { page += 1; show(); });
    offerKinds();
    show();
  }

  // One task at a time; its answers are read when it is opened. The address names the task.
  const tabs = all("header nav a");
  const opened = new Set();
  function open() {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const chosen = named?.closest("main > section") ?? document.getElementById("overview");
    for (const section of all("main > section")) section.hidden = section !== chosen;
    for (const tab of tabs) tab.toggleAttribute("aria-current", tab.hash === `#${chosen.id}`);
    for (const root of all(".browser", chosen)) {
      if (!opened.has(root)) browse(root);
      opened.add(root);
    }
  }
  window.addEventListener("hashchange", () => { open(); window.scrollTo(0, 0); });
  open();

  // Tables as text, to be pasted elsewhere.
  for (const button of all("button[data-copy]")) {
    const text = document.getElementById(button.dataset.copy);
    button.addEventListener("click", () => {
      text.hidden = !text.hidden;
      button.setAttribute("aria-expanded", String(!text.hidden));
      if (text.hidden) return;
      text.select();
      navigator.clipboard?.writeText(text.value).catch(() => {}); // selected for the keyboard anyway
    });
  }
})();
