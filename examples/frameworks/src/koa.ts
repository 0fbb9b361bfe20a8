import { setTimeout as pause } from 'node:timers/promises';
import Koa from 'koa';
import { exampleLifecycle, port } from './environment.ts';

const lifecycle = exampleLifecycle();
const app = new Koa();
app.use(async (context) => {
  if (context.path === '/slow') await pause(300);
  context.body = { framework: 'koa' };
});
lifecycle.attach(app.listen(port));
