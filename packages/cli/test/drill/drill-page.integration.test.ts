import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlReport } from '../../src/drill/output/html/page.ts';
import { chromiumPath, launch } from './support/browser.ts';
import { caseResult, failedCase, report, service } from './support/results.ts';

const path = chromiumPath();
const TESTS = 11;

if (path === undefined) {
  const message = `${TESTS} TESTS OF THE PAGE DID NOT RUN: no Chromium here (apt-get install chromium, or PRESTOP_TEST_CHROMIUM)`;
  if (process.env['CI']) throw new Error(message);
  console.error(message);
}

const longName = 'node --import tsx ./services/orders/with/a/rather/long/path/to/the/server.ts --verbose';
const PAGES = {
  passed: htmlReport(report(service('node server.js', [caseResult()]))),
  failed: htmlReport(report(service(longName, [failedCase(), { ...failedCase(), case: 'force-delete' }]))),
  compared: htmlReport(report(service('node new.js', [caseResult()]), service('node old.js', [failedCase()]))),
};

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of the window, in the browser. */
interface AxeWindow {
  readonly axe: { run(options: RunOptions): Promise<AxeResults> };
}

describe.runIf(path !== undefined)('the page in a real browser', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prestop-page-'));
    browser = await launch(path ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(
    name: keyof typeof PAGES,
    options: { readonly scheme?: 'light' | 'dark'; readonly width?: number; readonly inject?: boolean } = {},
  ): Promise<{ page: Page; problems: string[] }> {
    const { scheme = 'light', width = 1200, inject = false } = options;
    const file = join(folder, `${name}.html`);
    writeFileSync(file, PAGES[name]);
    const context = await browser.newContext({
      colorScheme: scheme,
      viewport: { width, height: 900 },
      bypassCSP: inject,
    });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) problems.push(`asked for ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    return { page, problems };
  }

  describe.each(['light', 'dark'] as const)('%s', (scheme) => {
    it.each(['passed', 'failed', 'compared'] as const)('is accessible, contrast included: %s', async (name) => {
      const { page } = await open(name, { scheme, inject: true });
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
      });
      const { violations, passes } = await page.evaluate(() =>
        (window as unknown as AxeWindow).axe.run({
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
        }),
      );
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
      );
      expect(found).toEqual([]);
      expect(passes.map(({ id }) => id)).toContain('color-contrast');
      await page.context().close();
    });
  });

  it.each(['light', 'dark'] as const)('the picture has the contrast of WCAG too: %s', async (scheme) => {
    const { page } = await open('failed', { scheme });
    const contrasts = await page.evaluate(() => {
      const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
      const luminance = (colour: string) => {
        const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
          const part = channel / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const contrast = (one: string, other: string) => {
        const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((left, right) => right - left);
        return (light + 0.05) / (dark + 0.05);
      };
      const fill = (element: Element | null) => (element === null ? '' : getComputedStyle(element).fill);
      const svg = document.querySelector('svg.chart');
      if (svg === null) return [];
      const back = getComputedStyle(svg).backgroundColor;
      const texts = [...svg.querySelectorAll('text')].map((text) => {
        const bar = text.parentElement?.querySelector('rect.bar') ?? null;
        const behind = text.classList.contains('bar-label') ? fill(bar) : back;
        return { what: `text ${text.textContent}`, least: 4.5, contrast: contrast(fill(text), behind) };
      });
      const shapes = ['others', 'before', 'lost'].map((kind) => {
        return { what: kind, least: 3, contrast: contrast(fill(svg.querySelector(`path.${kind}`)), back) };
      });
      const late = { what: 'late', least: 3, contrast: contrast(fill(svg.querySelector('rect.late')), back) };
      return [...texts, ...shapes, late];
    });
    expect(contrasts.length).toBeGreaterThan(15);
    expect(contrasts.filter(({ contrast, least }) => !(contrast >= least))).toEqual([]);
    await page.context().close();
  });

  it('draws what it says: late, lost and the moments are where they belong, and no label covers another', async () => {
    const { page, problems } = await open('failed');
    const boxes = await page.evaluate(() =>
      [...document.querySelectorAll('svg.chart')].slice(0, 1).flatMap((svg) =>
        [...svg.querySelectorAll('text.mark-label, text.bar-label, text.tick, text.lane-name')].map((element): Box => {
          const { left, right, top, bottom } = element.getBoundingClientRect();
          return { text: element.textContent ?? '', left, right, top, bottom };
        }),
      ),
    );
    expect(boxes.length).toBeGreaterThan(12);
    const covered = boxes.flatMap((one, index) =>
      boxes
        .slice(index + 1)
        .filter(
          (other) =>
            one.left < other.right &&
            other.left < one.right &&
            one.top + 2 < other.bottom &&
            other.top + 2 < one.bottom,
        )
        .map((other) => `${one.text} / ${other.text}`),
    );
    expect(covered).toEqual([]);
    const shape = await page.evaluate(() => {
      const svg = document.querySelector('svg.chart');
      const length = (selector: string) => svg?.querySelector(selector)?.getAttribute('d')?.length ?? 0;
      const at = (selector: string) => Number(svg?.querySelector(selector)?.getAttribute('x1'));
      return {
        late: length('path.late'),
        lost: length('path.cross'),
        stop: at('line.mark.stop'),
        kill: at('line.mark.kill'),
      };
    });
    expect(shape.late).toBeGreaterThan(100);
    expect(shape.lost).toBeGreaterThan(100);
    expect(shape.kill).toBeGreaterThan(shape.stop);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('fits a phone: the page itself never scrolls sideways', async () => {
    for (const name of ['passed', 'failed', 'compared'] as const) {
      const { page } = await open(name, { width: 360 });
      const { page: scrolled, view } = await page.evaluate(() => ({
        page: document.documentElement.scrollWidth,
        view: document.documentElement.clientWidth,
      }));
      expect(scrolled).toBeLessThanOrEqual(view);
      await page.context().close();
    }
  });

  it('can be looked at: screenshots in both schemes differ, and are not empty', async () => {
    const shots = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await open('compared', { scheme });
      shots.push(await page.screenshot({ fullPage: true }));
      await page.context().close();
    }
    const [light, dark] = shots;
    expect(light?.length).toBeGreaterThan(30_000);
    expect(light?.equals(dark ?? Buffer.alloc(0))).toBe(false);
  });
});
