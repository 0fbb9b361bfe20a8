import { describe, expect, it } from 'vitest';
import { Eyesight, type Look } from '../src/consul/catalog.ts';

/** What a look saw: us (`S`) or not (`-`), with something filtered (`f`), open to everybody (`o`). */
function look(seen: string): Look {
  return { node: seen.includes('S') ? 'n1' : undefined, filtered: seen.includes('f'), open: seen.includes('o') };
}

describe('the absence from a list', () => {
  it.each<[string, string, string]>([
    ['proves it where everybody may read everything', '-o', 'gone'],
    ['proves nothing where something is filtered, open or not', '-of', 'unknown'],
    ['proves nothing before we have ever seen ourselves', '-', 'unknown'],
    ['proves nothing before that, filtered', '-f', 'unknown'],
    ['proves it once we have seen ourselves', 'S -', 'visible gone'],
    ['proves nothing when more is filtered than when we saw ourselves', 'S -f', 'visible unknown'],
    ['proves it when as much was filtered when we saw ourselves', 'Sf -f', 'visible gone'],
    ['proves it when nothing is filtered any more', 'Sf -', 'visible gone'],
    ['proves it when a server that says so says that nothing is filtered', '-f -', 'unknown gone'],
    ['is forgotten when we are back', 'S - S -', 'visible gone visible gone'],
  ])('%s', (_what, looks, sightings) => {
    const eyesight = new Eyesight();
    expect(looks.split(' ').map((seen) => eyesight.judge(look(seen)))).toEqual(sightings.split(' '));
  });
});
