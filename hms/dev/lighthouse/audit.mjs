// Runs Lighthouse's mobile profile over pages and prints what each scored, as JSON.
// Standard input: {chromium, flags, tries, pages: [{name, url, headers}]}. The best of so many
// tries counts; a try that breaks off is made once more. One browser serves them all.
import { readFileSync } from "node:fs";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const CATEGORIES = ["accessibility", "best-practices", "seo", "performance"];
const LARGEST_PAINT = 1200; // ms, from which on a further try has nothing to improve
const { chromium, flags, tries, pages } = JSON.parse(readFileSync(0, "utf8"));

function summed({ categories, audits, finalDisplayedUrl }) {
  const failed = {};
  for (const name of CATEGORIES) {
    const wrong = categories[name].auditRefs.filter(({ id, weight }) =>
      weight > 0 && audits[id].score !== null && audits[id].score < 1);
    failed[name] = wrong.map(({ id }) => id);
  }
  return {
    url: finalDisplayedUrl,
    scores: Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(categories[name].score * 100)])),
    failed,
    shift: audits["cumulative-layout-shift"].numericValue,
    paint: audits["largest-contentful-paint"].numericValue,
    blocked: audits["total-blocking-time"].numericValue,
    bytes: audits["total-byte-weight"].numericValue,
  };
}

async function once(page, port) {
  const options = { port, onlyCategories: CATEGORIES, extraHeaders: page.headers, output: "json", logLevel: "error" };
  const { lhr } = await lighthouse(page.url, options);
  if (lhr.runtimeError) throw new Error(`${page.name}: ${lhr.runtimeError.message}`);
  return summed(lhr);
}

async function best(page, port) {
  const runs = [];
  const perfect = ({ scores, paint }) =>
    Object.values(scores).every((score) => score === 100) && paint <= LARGEST_PAINT;
  while (runs.length < tries && !runs.some(perfect)) {
    runs.push(await once(page, port).catch(() => once(page, port)));
  }
  return runs.sort((a, b) => b.scores.performance - a.scores.performance || a.paint - b.paint)[0];
}

const chrome = await launch({ chromePath: chromium, chromeFlags: ["--headless=new", ...flags], logLevel: "error" });
try {
  const found = {};
  for (const page of pages) found[page.name] = await best(page, chrome.port);
  console.log(JSON.stringify(found));
} finally {
  await chrome.kill();
}
