// The page of `jisr matrix --html` in a real browser.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { open, start, violations } from "./look.mjs";

const file = process.env.LAW_PAGE;
assert.ok(file, "LAW_PAGE names the page; make pages sets it");

let browser, dir;
before(async () => {
  browser = await start();
  dir = await mkdtemp(join(tmpdir(), "jisr-pages-"));
});
after(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Runs f on the page, and demands that it asked nobody for anything. */
const look = (name, options, f) => test(name, async () => {
  const p = await open(browser, file, options);
  try {
    await f(p.page);
    assert.deepEqual(p.trouble, []);
  } finally {
    await p.close();
  }
});

const classes = (page, lang) => page.locator(`#${lang} article:visible h3 code`).allTextContents();

look("the page opens without asking anybody for anything", {}, async (page) => {
  assert.equal((await classes(page, "en")).length, 53);
  assert.equal(await page.locator("#ar").isVisible(), false);
});

look("an agency sees its own law alone", {}, async (page) => {
  await page.selectOption("#en-agency", "mofa");
  const names = await page.locator("#en article:visible tbody:visible tr th span[data-r]:visible").allTextContents();
  assert.deepEqual([...new Set(names)], ["Foreign affairs"]);
  assert.equal(await page.locator("#en .chart thead th:visible").count(), 2, "the chart shows one role");
  await page.check("#en-open");
  const left = await classes(page, "en");
  assert.ok(left.includes("VICTIM_NATIONALITY") && !left.includes("VICTIM_LOCATION"), left.join(" "));
  assert.match(await page.locator("#en .found").textContent(), new RegExp(`${left.length} / 53`));
});

look("a role that the agency does not hold shows nothing, and the page says so", {}, async (page) => {
  await page.selectOption("#en-agency", "mofa");
  await page.selectOption("#en-role", { label: "Asayish" });
  assert.equal((await classes(page, "en")).length, 0);
  assert.ok(await page.locator("#en .empty").isVisible());
  await page.click("#en button[type=reset]");
  await page.waitForFunction(() => document.querySelectorAll("#en article:not([hidden])").length === 53);
});

look("a record shows its classes and its fields alone", {}, async (page) => {
  await page.selectOption("#en-record", "Suspect");
  const left = await classes(page, "en");
  assert.ok(left.includes("SUSPECT_IDENTITY") && !left.includes("VICTIM_IDENTITY"), left.join(" "));
  assert.deepEqual(await page.locator("#en article:visible .fields > li:visible > code").filter({ hasText: "Victim." }).count(), 0);
});

look("search finds a field by its name and by its sentence", {}, async (page) => {
  await page.fill("#en-words", "telephone shelter");
  assert.ok((await classes(page, "en")).includes("VICTIM_LOCATION"));
  await page.fill("#en-words", "passport_number");
  assert.deepEqual(await classes(page, "en"), ["VICTIM_DOCUMENTS"]);
});

look("Arabic runs from right to left, and the choice is kept", {}, async (page) => {
  await page.selectOption("#en-role", { label: "Health" });
  await page.click("#en .tongue a");
  await page.waitForFunction(() => document.documentElement.lang === "ar");
  assert.equal(await page.locator("#en").isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("#ar h1")).direction), "rtl");
  assert.equal(await page.evaluate(() => document.documentElement.dir), "rtl");
  assert.equal(await page.title(), "jisr: من له أن يرى ماذا");
  // Mirrored: the names of the classes stand at the right of the chart.
  const [head, cell] = await Promise.all(["th", "td:not([hidden])"].map((s) => page.locator(`#ar .chart tbody tr >> nth=0 >> ${s}`).first().boundingBox()));
  assert.ok(head.x > cell.x, "the chart is not mirrored");
  assert.deepEqual([...new Set(await page.locator("#ar article:visible tbody:visible tr th span[data-r]:visible").allTextContents())], ["الصحة"]);
  // Search takes letters as Arabic and Sorani keyboards write them: ی for ي, ا for أ.
  await page.fill("#ar-words", "ايواء");
  assert.ok((await classes(page, "ar")).includes("VICTIM_LOCATION"));
});

look("an Arabic browser is greeted in Arabic", { locale: "ar-IQ" }, async (page) => {
  assert.ok(await page.locator("#ar").isVisible());
});

look("without scripts all of the law is there, and the language still changes", { javaScriptEnabled: false }, async (page) => {
  assert.equal(await page.locator("#en article:visible").count(), 53);
  assert.equal(await page.locator("#en form").isVisible(), false);
  await page.click("#en .tongue a");
  assert.equal(await page.locator("#ar article:visible").count(), 53);
  assert.equal(await page.locator("#en").isVisible(), false);
  await page.click("#ar article p a >> nth=0");
  assert.ok(await page.locator("#ar .reasons").isVisible(), "a link inside the Arabic text stays in it");
});

look("every control is reached by the keyboard and shows it", {}, async (page) => {
  const reached = [];
  for (let i = 0; i < 16; i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => {
      const el = document.activeElement, style = getComputedStyle(el);
      return (el.name || el.type || el.getAttribute("role") || el.tagName.toLowerCase()) + (style.outlineStyle === "none" ? " without outline" : "");
    }));
  }
  for (const name of ["agency", "role", "record", "words", "open", "reset", "group"]) assert.ok(reached.includes(name), `${name} in ${reached}`);
});

for (const lang of ["en", "ar"]) {
  look(`axe finds nothing (${lang})`, { hash: "#" + lang }, async (page) => {
    // The other language is not shown; without it axe is done in half the time.
    await page.evaluate((l) => document.querySelector(`.law:not(#${l})`).remove(), lang);
    assert.deepEqual(await violations(page), []);
  });
  look(`by night every text is as easy to read (${lang})`, { hash: "#" + lang, colorScheme: "dark" }, async (page) => {
    await page.fill(`#${lang}-words`, "victim_identity");
    assert.deepEqual(await violations(page, ["color-contrast"]), []);
  });
}

test("the control: axe finds what is wrong with a page", async () => {
  const spoilt = join(dir, "spoilt.html");
  const text = (await readFile(file, "utf8")).replace(/<label for="en-words">[^<]*<\/label>/, "");
  await writeFile(spoilt, text);
  const p = await open(browser, spoilt);
  assert.match((await violations(p.page, ["label"])).join("\n"), /^label: /m);
  await p.close();
});

test("the control: a page that asks for something is noticed, and its policy refuses it", async () => {
  const spoilt = join(dir, "asks.html");
  await writeFile(spoilt, (await readFile(file, "utf8")).replace("<main>", '<main><img alt="" src="https://example.invalid/a.png">'));
  const p = await open(browser, spoilt);
  assert.match(p.trouble.join("\n"), /Content Security Policy|asked for/);
  await p.close();
});

for (const hash of ["#en", "#ar"]) {
  look(`nothing runs off a screen of 320 pixels (${hash})`, { hash, viewport: { width: 320, height: 640 } }, async (page) => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `the page is ${width} wide`);
  });
}

look("the page prints, with the heads of tables on each sheet and its agreement at the foot", { hash: "#ar" }, async (page) => {
  const pdf = await page.pdf({ format: "A4", landscape: true, printBackground: true });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("#ar .chart thead")).display), "table-header-group");
  assert.equal(await page.locator("#ar form").isVisible(), false);
  assert.ok(await page.locator("#ar .deed code").isVisible());
  assert.match(await page.evaluate(() => document.querySelector("style").textContent), /@bottom-left\{content:"jisr [0-9-]+  SHA-256 [0-9a-f]{64}"/);
});
