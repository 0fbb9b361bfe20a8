import { describe, expect, it } from 'vitest';
import { Tree } from '../src/yaml/cursor.ts';
import {
  appendItem,
  applyEdits,
  insertAfter,
  insertBefore,
  removePair,
  replaceText,
  yamlString,
} from '../src/yaml/edit.ts';
import { parseDocuments } from '../src/yaml/parse.ts';
import { Source } from '../src/yaml/source.ts';

function root(text: string) {
  const source = new Source('a.yaml', text);
  const [document] = parseDocuments(source, (problem) => {
    throw new Error(problem.message);
  });
  if (document === undefined) throw new Error('no document');
  return new Tree(source, document).root();
}

describe('Cursor', () => {
  const top = root('a: { b: [1, "2", x, null] }\nc: &c\n  d: 7\ne: *c\nf:\n  <<: *c\n  g: true\n');

  it('walks, and goes on where nothing is', () => {
    expect(
      top
        .at('a', 'b')
        .items()
        .map(({ value }) => value),
    ).toEqual([1, '2', 'x', null]);
    expect(top.at('a', 'b').items()[2]?.path).toBe('a.b[2]');
    const nowhere = top.at('x', 'y', 'z');
    expect(nowhere).toMatchObject({ exists: false, text: undefined, integer: undefined, shared: false, path: 'x.y.z' });
    expect(nowhere.items()).toEqual([]);
    expect(nowhere.keys()).toEqual([]);
    expect(nowhere.place).toEqual({ line: 1, column: 1 });
  });

  it('tells numbers from strings, and null from something', () => {
    const [one, two, , nothing] = top.at('a', 'b').items();
    expect([one?.integer, one?.text, two?.integer, two?.text, nothing?.exists]).toEqual([
      1,
      '1',
      undefined,
      '2',
      false,
    ]);
    expect(top.at('f', 'g').flag).toBe(true);
  });

  it('reads through aliases and merge keys, and says that they are shared', () => {
    expect(top.at('e', 'd')).toMatchObject({ integer: 7, shared: true });
    expect(top.at('f', 'd')).toMatchObject({ integer: 7, shared: true });
    expect(top.at('c', 'd').shared).toBe(false);
    expect(top.get('f').keys()).toEqual(['g', 'd']);
  });

  it('places point at values, and at keys where that is asked', () => {
    const source = top.tree.source;
    expect(source.place(top.at('c', 'd').offset)).toEqual({ line: 3, column: 6 });
    expect(source.place(top.at('c', 'd').keyOffset)).toEqual({ line: 3, column: 3 });
    expect(source.place(1e9)).toEqual({ line: 8, column: 1 });
  });
});

describe('edits', () => {
  const edit = (
    text: string,
    make: (top: ReturnType<typeof root>) => ReturnType<typeof removePair>,
  ): string | undefined => {
    const change = make(root(text));
    return change === undefined ? undefined : applyEdits(text, [change]);
  };

  it('remove a line with its comment, a flow entry with its comma', () => {
    expect(edit('a: 1\nb: 2 # two\nc: 3\n', (top) => removePair(top, 'b'))).toBe('a: 1\nc: 3\n');
    expect(edit('a: 1\nb:\n  - x\n  - y\nc: 3\n', (top) => removePair(top, 'b'))).toBe('a: 1\nc: 3\n');
    expect(edit('a: 1\nb: 2', (top) => removePair(top, 'b'))).toBe('a: 1\n');
    expect(edit('{ a: 1, b: 2, c: 3 }', (top) => removePair(top, 'b'))).toBe('{ a: 1, c: 3 }');
    expect(edit('{ a: 1, b: 2 }', (top) => removePair(top, 'b'))).toBe('{ a: 1 }');
    expect(edit('- a: 1\n  b: 2\n', (top) => removePair(top.items()[0] ?? top, 'a'))).toBe('- b: 2\n');
  });

  it('are not made where that would leave nothing, or lose a comment', () => {
    expect(edit('a: 1\n', (top) => removePair(top, 'a'))).toBeUndefined();
    expect(edit('- a: 1 # one\n  b: 2\n', (top) => removePair(top.items()[0] ?? top, 'a'))).toBeUndefined();
    expect(edit('a: 1\n', (top) => removePair(top, 'b'))).toBeUndefined();
    expect(edit('a: |\n  x\n', (top) => replaceText(top.get('a'), 'y'))).toBeUndefined();
  });

  it('insert in the style around them', () => {
    expect(edit('x:\n  a: 1 # one\n  b: 2\n', (top) => insertAfter(top.get('x'), 'a', 'n', '9'))).toBe(
      'x:\n  a: 1 # one\n  n: 9\n  b: 2\n',
    );
    expect(edit('x: { a: 1 }\n', (top) => insertAfter(top.get('x'), 'a', 'n', '9'))).toBe('x: { a: 1, n: 9 }\n');
    expect(edit('- a: 1\n', (top) => insertAfter(top.items()[0] ?? top, 'a', 'n', '\n  - 1'))).toBe(
      '- a: 1\n  n:\n    - 1\n',
    );
    expect(edit('x:\n  # why\n  a: 1\n', (top) => insertBefore(top.get('x'), 'a', 'n', '9'))).toBe(
      'x:\n  # why\n  n: 9\n  a: 1\n',
    );
    expect(edit('- a: 1\n', (top) => insertBefore(top.items()[0] ?? top, 'a', 'n', '9'))).toBe('- a: 1\n  n: 9\n');
    expect(edit('{ a: 1 }', (top) => insertBefore(top, 'a', 'n', '9'))).toBe('{ n: 9, a: 1 }');
  });

  it('append to lists', () => {
    expect(edit('x:\n- a: 1\n  b: 2 # two\ny: 1\n', (top) => appendItem(top.get('x'), ['c: 3', 'd: 4']))).toBe(
      'x:\n- a: 1\n  b: 2 # two\n- c: 3\n  d: 4\ny: 1\n',
    );
    expect(edit('x:\n  - a\n  - |\n    text\n\ny: 1\n', (top) => appendItem(top.get('x'), ['c']))).toBe(
      'x:\n  - a\n  - |\n    text\n  - c\n\ny: 1\n',
    );
    expect(edit('x: [a]\n', (top) => appendItem(top.get('x'), ['c']))).toBeUndefined();
  });

  it('of which two overlap: the first is made, the other waits', () => {
    expect(
      applyEdits('abcdef', [
        { start: 2, end: 4, text: 'X' },
        { start: 3, end: 5, text: 'Y' },
        { start: 5, end: 6, text: 'Z' },
      ]),
    ).toBe('abXeZ');
  });

  it('keep the quotes that are there', () => {
    expect(edit("a: 'it''s'\n", (top) => replaceText(top.get('a'), "o'clock"))).toBe("a: 'o''clock'\n");
    expect(edit('a: "x"\n', (top) => replaceText(top.get('a'), 'a"b'))).toBe('a: "a\\"b"\n');
  });
});

describe('yamlString', () => {
  it.each(['orders', '/prestop', 'orders:1.0.0', 'ghcr.io/a/b@sha256:0a', 'FallbackToLogsOnError'])(
    '%s as it is',
    (text) => {
      expect(yamlString(text)).toBe(text);
    },
  );

  it.each(['yes', 'on', 'null', '1', '1e3', '0x1f', '22:22', '', 'a b', '# x', 'a:', '-', "o'clock", 'n'])(
    '%s in quotes',
    (text) => {
      expect(yamlString(text)).toBe(JSON.stringify(text));
    },
  );
});
