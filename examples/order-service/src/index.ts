export { type Environment, readEnvironment } from './environment.ts';
export { orderEvents, orderRoutes } from './routes.ts';
