// Runs Lighthouse's mobile profile on pages and prints their scores as JSON.
// Standard input: {chromium, flags, tries, pages: [{name, url, cookies}]}, cookies as Playwright
// gives them. Prints the best of the tries: first by the scores that must be perfect, then by speed.
// A try that fails (a busy machine, a browser that ended) is reported on standard error and repeated,
// at most SPARE_TRIES times a page. Each try has a browser of its own, so that no browser's failure
// and no page's cookies affect another try.
import { readFileSync } from "node:fs";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const CATEGORIES = ["accessibility", "best-practices", "seo", "performance"];
const LARGEST_PAINT = 1200; // ms; a faster page needs no further try
const SPARE_TRIES = 4; // for each page, for tries that fail
const { chromium, flags, tries, pages } = JSON.parse(readFileSync(0, "utf8"));

function measured(audits, name) {
  const { numericValue, errorMessage } = audits[name];
  if (numericValue === undefined) throw new Error(`${name}: ${errorMessage}`);
  return numericValue;
}

function summary({ categories, audits, finalDisplayedUrl }) {
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
    shift: measured(audits, "cumulative-layout-shift"),
    paint: measured(audits, "largest-contentful-paint"),
    blocked: measured(audits, "total-blocking-time"),
    bytes: measured(audits, "total-byte-weight"),
  };
}

async function runOnce(page) {
  const browser = await puppeteer.launch({ executablePath: chromium, args: flags });
  try {
    await browser.setCookie(...page.cookies);
    const options = {
      onlyCategories: CATEGORIES, output: "json", logLevel: "error", disableFullPageScreenshot: true,
    };
    const { lhr } = await lighthouse(page.url, options, undefined, await browser.newPage());
    if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
    return summary(lhr);
  } finally {
    await browser.close().catch(() => browser.process()?.kill("SIGKILL"));
  }
}

const strictScores = ({ scores: { performance, ...strict } }) => Object.values(strict).reduce((a, b) => a + b);
const better = (a, b) => strictScores(b) - strictScores(a) || a.shift - b.shift
  || b.scores.performance - a.scores.performance || a.paint - b.paint;
const perfect = ({ scores, paint, shift }) =>
  Object.values(scores).every((score) => score === 100) && paint <= LARGEST_PAINT && shift === 0;

async function best(page) {
  const runs = [];
  let failures = 0;
  while (failures <= SPARE_TRIES && runs.length < tries && !runs.some(perfect)) {
    try {
      runs.push(await runOnce(page));
    } catch (error) {
      failures += 1;
      console.error(`${page.name}, a try failed: ${error.message}`);
    }
  }
  if (!runs.length) throw new Error(`${page.name}: no try succeeded`);
  return runs.sort(better)[0];
}

const found = {};
for (const page of pages) found[page.name] = await best(page);
console.log(JSON.stringify(found));
