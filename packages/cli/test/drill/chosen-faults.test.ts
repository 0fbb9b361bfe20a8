import { describe, expect, it } from 'vitest';
import { chosenFaults, playableFaults } from '../../src/drill/faults/chosen.ts';
import { parseRequestLine } from '../../src/drill/requests/request-line.ts';

const read = (line: string) => {
  const request = parseRequestLine(line);
  if (request === undefined) throw new Error(line);
  return request;
};
const get = read('GET /');
const upload = read('POST /orders {}');
const sources = { requests: [get, upload], hasRegistry: false };

describe('the faults that are chosen', () => {
  it('keep what was said of one, whatever else is', () => {
    for (const words of [
      ['slow-upload=PUT /x {}', 'all'],
      ['all', 'slow-upload=PUT /x {}'],
    ]) {
      const uploads = chosenFaults(words, sources).filter(({ name }) => name === 'slow-upload');
      expect(uploads).toMatchObject([{ request: { path: '/x' }, named: true }]);
    }
  });

  it('are not all asked for the same', () => {
    expect(() => chosenFaults(['all=GET /x'], sources)).toThrow('--fault all has no request of its own');
  });

  it('cannot be given two requests, of which one would be passed over', () => {
    const twice = ['slow-upload=PUT /a {}', 'slow-upload=PUT /b {}'];
    expect(() => chosenFaults(twice, sources)).toThrow('--fault slow-upload is given two requests, and asks for one');
  });
});

describe('a fault for whose kind no request works', () => {
  it('ends the drill where it was named', () => {
    expect(() => playableFaults(chosenFaults(['slow-upload'], sources), [get])).toThrow(
      expect.objectContaining({
        code: 'ERR_PRESTOP_DRILL_REQUEST',
        message: 'slow-upload needs a request with a body, and none that was found works',
        hint: `--fault 'slow-upload=POST /orders {"lines":[]}'`,
      }),
    );
  });

  it('is left out of all, which is said', () => {
    const { faults, leftOut } = playableFaults(chosenFaults(['all'], sources), [get]);
    expect(faults.map(({ name }) => name)).not.toContain('slow-upload');
    expect(leftOut).toEqual([
      'slow-upload needs a request with a body, and none that was found works',
      'expect-continue needs a request with a body, and none that was found works',
    ]);
  });

  it('is played with a request of its own, and where it asks for nothing', () => {
    const chosen = chosenFaults(['slow-upload=PUT /x {}', 'frozen-process', 'half-head'], sources);
    expect(playableFaults(chosen, [get])).toEqual({ faults: chosen, leftOut: [] });
  });
});
