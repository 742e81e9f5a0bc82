// Filters what is shown, and keeps the choice when the language changes. The page is whole without it.
(() => {
  const blocks = [...document.querySelectorAll(".law")];
  // One word, one spelling: letters that Arabic and Sorani write in several ways, without vowel marks.
  const plain = (s) => s.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f\u064b-\u065f\u0670\u0640]/g, "")
    .replace(/[ىی]/g, "ي").replace(/ة/g, "ه").replace(/ک/g, "ك").replace(/_/g, " ");
  const has = (list, item) => list.split(" ").includes(item);
  const shown = () => blocks.find((b) => getComputedStyle(b).display !== "none");

  const laws = new Map(blocks.map((block) => [block, {
    form: block.querySelector("form"),
    articles: [...block.querySelectorAll("article")].map((el) => ({ el, text: plain(el.textContent) })),
    rows: [...block.querySelectorAll(".chart tbody tr")],
    chart: [...block.querySelectorAll(".chart tr")],
  }]));

  const rolesOf = (form) => {
    const agency = form.agency.selectedOptions[0].dataset.roles;
    const held = agency ? agency.trim().split(" ") : null;
    if (!form.role.value) return held;
    return !held || held.includes(form.role.value) ? [form.role.value] : [];
  };

  const apply = (block) => {
    const { form, articles, rows, chart } = laws.get(block);
    const roles = rolesOf(form), kind = form.record.value, words = plain(form.words.value).split(/\s+/).filter(Boolean);
    const mine = (el) => !roles || roles.includes(el.dataset.r);
    let found = 0;
    for (const [i, { el, text }] of articles.entries()) {
      let left = 0;
      for (const body of el.querySelectorAll("tbody")) {
        let some = 0;
        for (const row of body.querySelectorAll("tr:not(.says)")) {
          const names = [...row.querySelectorAll("span[data-r]")];
          for (const name of names) name.hidden = !mine(name);
          row.hidden = !names.some(mine) || (form.open.checked && body.classList.contains("never"));
          some += !row.hidden;
        }
        body.hidden = !some;
        left += some;
      }
      for (const field of el.querySelectorAll(".fields > li")) field.hidden = kind && !has(field.dataset.k, kind);
      el.hidden = !left || (kind && !has(el.dataset.k, kind)) || !words.every((w) => text.includes(w));
      rows[i].hidden = el.hidden;
      found += !el.hidden;
    }
    for (const row of chart) for (let r = 1; r < row.cells.length; r++) row.cells[r].hidden = roles && !roles.includes(String(r));
    for (const el of block.querySelectorAll(".record")) el.hidden = kind && el.dataset.k !== kind;
    for (const el of block.querySelectorAll("dt > span[data-r], .dealings > [data-r]")) el.hidden = !mine(el);
    for (const el of block.querySelectorAll(".record dl > div")) el.hidden = !el.querySelector("dt > span:not([hidden])");
    block.querySelector(".empty").hidden = found > 0;
    const status = form.querySelector(".found");
    status.textContent = status.dataset.text + " " + found + " / " + articles.length;
  };

  const change = (from) => {
    for (const [block, { form }] of laws) {
      if (form !== from) {
        for (const name of ["agency", "role", "record", "words"]) form[name].value = from[name].value;
        form.open.checked = from.open.checked;
      }
      apply(block);
    }
  };

  const speak = () => {
    const block = shown();
    document.documentElement.lang = block.lang;
    document.documentElement.dir = block.dir;
    document.title = block.dataset.title;
  };

  for (const { form } of laws.values()) {
    form.hidden = false;
    form.addEventListener("input", () => change(form));
    form.addEventListener("submit", (e) => e.preventDefault());
    form.addEventListener("reset", () => requestAnimationFrame(() => change(form)));
    change(form);
  }
  if (!location.hash && (navigator.language || "").startsWith("ar")) location.replace("#ar");
  addEventListener("hashchange", speak);
  speak();
})();
