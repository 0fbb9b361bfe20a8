import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { exampleLifecycle, port } from './environment.ts';

@Controller()
class HelloController {
  @Get('hello')
  hello(): object {
    return { framework: 'nest' };
  }

  @Get('slow')
  async slow(): Promise<object> {
    return pause(300, { framework: 'nest' });
  }
}

@Module({ controllers: [HelloController] })
export class HelloModule {}

/**
 * Nest on either platform. Its own shutdown hooks stay off: `enableShutdownHooks()` would close the server on SIGTERM while
 * callers are still sent here. `app.close()` runs `onModuleDestroy` and its like when nothing is in flight any more.
 */
export async function runNest(app: INestApplication): Promise<void> {
  const lifecycle = exampleLifecycle();
  lifecycle.attach(app.getHttpServer());
  lifecycle.onClose('nest', () => app.close());
  await app.listen(port, '::');
}
