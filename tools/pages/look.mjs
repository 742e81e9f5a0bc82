// Opens a page of jisr as a reader's browser does, and says what is wrong with it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

// What Chromium asks the network for by itself is switched off, so that every request is the page's.
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const start = () => chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: quiet });

/** Opens a file in a context of its own, and notes each request beyond the file and each error. */
export async function open(browser, file, { hash = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: false, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const trouble = [];
  page.on("request", (r) => { if (!r.url().startsWith(url)) trouble.push("asked for " + r.url()); });
  page.on("pageerror", (e) => trouble.push("error: " + e.message));
  page.on("console", (m) => { if (m.type() === "error") trouble.push("console: " + m.text()); });
  await page.goto(url + hash);
  return { page, trouble, close: () => context.close() };
}

/**
 * What axe finds against WCAG 2.2 AA and its own good practice, or against some rules alone. It is evaluated from
 * outside, so the page's policy stays in force.
 */
export async function violations(page, rules) {
  await page.evaluate(axe);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: { type: "rule", values: rules } }) };
  const found = await page.evaluate((o) => axe.run(document, o), options);
  return found.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join("; ")})`);
}
