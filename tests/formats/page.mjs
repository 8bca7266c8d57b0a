// Opens a report from disk in headless Chromium and uses it:
// `node page.mjs PLAYWRIGHT-FOLDER REPORT FINDINGS WAIVED [SCREENSHOTS]`.
// Ends with an error where something is not as it has to be.
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [folder, report, expected, expectedWaived, screenshots] = process.argv.slice(2);
const { chromium } = createRequire(`${folder}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const count = Number(expected), waived = Number(expectedWaived);
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  const said = [], asked = [];
  page.on("console", message => said.push(message.text()));
  page.on("pageerror", error => said.push(String(error)));
  page.on("dialog", dialog => { said.push("a dialog: " + dialog.message()); dialog.dismiss(); });
  const url = pathToFileURL(report).href;
  page.on("request", request => { if (request.url() !== url && request.url() !== "data:,") asked.push(request.url()); });
  await page.goto(url);
  const settled = () => page.waitForFunction(() => document.getElementById("findings").ariaBusy === "false");
  const shown = async () => (await settled(), page.locator("#shown").textContent());
  const items = page.locator("#findings > li");
  const clear = async () => {
    await page.locator("button[type=reset]").click();
    assert.equal(await shown(), `${count} of ${count} findings`);
  };

  // all are counted, some are drawn, more come
  assert.equal(await shown(), `${count} of ${count} findings`);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  assert.ok(paint < 1000, `first paint after ${paint} ms`);
  const first = await items.count();
  assert.ok(first > 0 && first <= Math.min(count, 300), `${first} are drawn`);
  if (count > 300) {
    await page.locator("#more").scrollIntoViewIfNeeded();
    await page.waitForFunction(before => document.querySelectorAll("#findings > li").length > before, first);
  }
  const weights = await items.evaluateAll(nodes => nodes.map(node => node.className));
  const order = ["failed", "error", "warning", "unknown", "info"];
  assert.deepEqual(weights, [...weights].sort((a, b) => order.indexOf(a) - order.indexOf(b)), "errors stand first");

  // by keyboard: to the search, a word, to the rule, and clear
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("/");
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
  assert.equal(await focused(), "text");
  const code = await page.locator("#findings > li code").first().textContent();
  const started = Date.now();
  await page.keyboard.type(code);
  const found = parseInt(await shown());
  assert.ok(found > 0 && found <= count, `${found} of ${code}`);
  const took = Date.now() - started;
  assert.ok(took < 3000, `filtering took ${took} ms`);
  assert.ok((await items.locator("code:first-of-type").allTextContents()).some(text => text === code));
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "rule");
  await page.locator("#text").fill("no such words in any finding");
  assert.equal(await shown(), `0 of ${count} findings`);
  await clear();

  // by rule, by severity, by object
  await page.locator("#rule").selectOption(code);
  await settled();
  assert.ok((await items.evaluateAll(nodes => nodes.map(node => node.querySelector("code").textContent)))
    .every(text => text === code));
  await clear();
  let sum = 0;
  for (const severity of order) {
    for (const other of order) await page.locator(`#severities input[value=${other}]`).setChecked(other === severity);
    sum += parseInt(await shown());
  }
  assert.equal(sum, count, "each has one severity");
  await clear();
  const object = await page.locator("#findings > li .faint").first().textContent();
  await page.locator("#object").fill(object.split(" · ")[0]);
  assert.ok(parseInt(await shown()) > 0, object);
  await clear();
  await page.locator(".bars button").first().click();
  assert.notEqual(await page.locator("#rule").inputValue(), "");
  await clear();

  // what is waived is shown when it is asked for, and says why
  const box = page.locator("#with-waived");
  assert.equal(await box.isVisible(), waived > 0, "a filter for nothing");
  if (waived > 0) {
    await box.focus();
    await page.keyboard.press("Space");
    assert.equal(await shown(), `${count + waived} of ${count + waived} findings`);
    await page.locator("#text").fill("waived: ");
    await settled();
    const why = await items.evaluateAll(nodes => nodes.map(node => node.textContent));
    assert.ok(why.every(text => text.includes("waived: ")), why.join("\n"));
    await page.locator("#text").fill("");
    await box.uncheck();
    await clear();
  }

  // help opens by keyboard
  const summary = page.locator("#findings > li summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#findings > li details").first().evaluate(node => node.open));

  // everything that is used has a name for a screen reader, and no two things one id
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, [role=img], [role=region]")]
    .filter(node => !(node.textContent.trim() || node.labels?.length || node.getAttribute("aria-label"))).map(node => node.outerHTML));
  assert.deepEqual(nameless, []);

  // both themes can be read: WCAG AA
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    const poor = await page.evaluate(() => {
      const channel = value => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
      const light = color => {
        const [r, g, b] = color.match(/[\d.]+/g).map(Number);
        return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
      };
      const back = node => {
        for (; node; node = node.parentElement) {
          const color = getComputedStyle(node).backgroundColor;
          if (!/, 0\)$|transparent/.test(color)) return color;
        }
        return "rgb(255, 255, 255)";
      };
      return [...document.querySelectorAll("h1, h2, p, .badge, code, .faint, summary, button, label, pre, a")].slice(0, 400)
        .map(node => [node, light(getComputedStyle(node).color), light(back(node))])
        .filter(([, a, b]) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5).map(([node]) => node.outerHTML);
    });
    assert.deepEqual(poor, [], scheme);
    await page.evaluate(() => scrollTo(0, 0));
    if (screenshots) await page.screenshot({ path: `${screenshots}/${scheme}.png` });
  }
  await page.locator("#theme").click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");

  // narrow: nothing is wider than the page
  await page.setViewportSize({ width: 380, height: 700 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${wide} pixels too wide`);
  if (screenshots) await page.screenshot({ path: `${screenshots}/narrow.png` });

  // on paper all are there
  if (count <= 2000) {
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.equal(await items.count(), count);
  }
  assert.deepEqual(said, [], "on the console");
  assert.deepEqual(asked, [], "requests");
  console.log(`${count} findings: first paint after ${Math.round(paint)} ms, a code typed and found in ${took} ms`);
} finally {
  await browser.close();
}
