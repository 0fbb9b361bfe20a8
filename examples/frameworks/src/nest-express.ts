import { NestFactory } from '@nestjs/core';
import { HelloModule, runNest } from './nest-application.ts';

await runNest(await NestFactory.create(HelloModule, { logger: ['error', 'warn'] }));
