import { test } from 'vitest';
import { startAndTell } from './start-and-tell.ts';

test('starts a server and never ends', async () => {
  await startAndTell('test');
  await new Promise(() => undefined);
});
