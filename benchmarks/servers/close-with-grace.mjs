import closeWithGrace from 'close-with-grace';
import { delay, expressApp, serve } from './common.mjs';

const server = serve(expressApp());
closeWithGrace({ delay: 25_000 }, async () => {
  await delay();
  await new Promise((resolve) => server.close(resolve));
});
