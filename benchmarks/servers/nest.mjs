import 'reflect-metadata';
import { Readable } from 'node:stream';
import { Controller, Get, Module, StreamableFile } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { delayMs, order, port, rows, slow, tls } from './common.mjs';

class Orders {
  order() {
    return order;
  }
  invoice() {
    return slow();
  }
  list() {
    return new StreamableFile(Readable.from(rows()));
  }
}
// What the decorators would do.
const route = (name, path) => {
  Get(path)(Orders.prototype, name, Object.getOwnPropertyDescriptor(Orders.prototype, name));
};
route('order', 'orders/7');
route('invoice', 'orders/7/invoice');
route('list', 'orders');
Controller()(Orders);

class App {}
Module({
  controllers: [Orders],
  imports: delayMs > 0 ? [TerminusModule.forRoot({ gracefulShutdownTimeoutMs: delayMs })] : [],
})(App);

const app = await NestFactory.create(App, { logger: ['error', 'warn'], ...(tls ? { httpsOptions: tls } : {}) });
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true });
await app.listen(port);
