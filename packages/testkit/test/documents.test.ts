import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.cache', 'fixtures', 'tools']);
/** Languages whose snippets must come from a file that is compiled, run or validated. */
const CODE = /^```(?:ts|typescript|js|javascript|mjs|ya?ml)$/;
const SOURCE = /^<!-- source: (?<file>[^#\s]+)(?:#(?<region>\S+))? -->$/;

function documents(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return documents(path);
    return entry.name.endsWith('.md') && entry.name !== 'CHANGELOG.md' ? [path] : [];
  });
}

/** The lines between `#region name` and the next `#endregion`, in the comments of any language, without their indent. */
function regionOf(file: string, name: string | undefined): string {
  const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n');
  if (name === undefined) return lines.join('\n');
  const begin = lines.findIndex((line) => new RegExp(`^\\s*(?://|#) #region ${name}$`).test(line));
  expect(begin, `${file} has a region ${name}`).toBeGreaterThanOrEqual(0);
  const end = lines.findIndex((line, index) => index > begin && /^\s*(?:\/\/|#) #endregion$/.test(line));
  const region = lines.slice(begin + 1, end);
  const indent = Math.min(...region.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return region.map((line) => line.slice(indent)).join('\n');
}

describe.each(documents(root).map((path) => ({ path, name: relative(root, path) })))('$name', ({ path }) => {
  const lines = readFileSync(path, 'utf8').split('\n');

  it('shows only code that stands in a file of the repository', () => {
    for (const [index, line] of lines.entries()) {
      if (!CODE.test(line)) continue;
      const source = SOURCE.exec(lines[index - 1] ?? '');
      expect(source, `line ${index + 1}: a snippet names its source in the line before`).not.toBeNull();
      const { file = '', region } = source?.groups ?? {};
      const end = lines.indexOf('```', index);
      expect(lines.slice(index + 1, end).join('\n')).toBe(regionOf(file, region));
    }
  });

  it('links only to files that exist', () => {
    for (const [, target = ''] of lines.join('\n').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
      expect(existsSync(join(dirname(path), target)), target).toBe(true);
    }
  });
});
