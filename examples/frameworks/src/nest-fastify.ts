import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HelloModule, runNest } from './nest-application.ts';

await runNest(
  await NestFactory.create<NestFastifyApplication>(HelloModule, new FastifyAdapter(), { logger: ['error', 'warn'] }),
);
